"""Break the package on purpose and see that the book notices: ``python -m tests.faults [NAME …]``.

Each fault changes one line of a copy of the package and runs the chapter that teaches it. A chapter that
stays green teaches nothing about that line: the command then fails and names it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Fault:
    """In ``file`` of the package ``right`` becomes ``wrong``; ``chapter`` must turn red."""

    name: str
    file: str
    right: str
    wrong: str
    chapter: str


FAULTS = (
    Fault("threshold 0.6", "matching.py", "threshold: float = 0.5", "threshold: float = 0.6", "01-matching"),
    Fault(
        "threshold not strict",
        "matching.py",
        "else best > threshold",
        "else best >= threshold",
        "01-matching",
    ),
    Fault(
        "the second step overwrites the first",
        "matching.py",
        "_overwrite(matches, assign(overlaps)),",
        "_overwrite(matches, assign(overlaps)).where(matches == UNMATCHED, matches),",
        "01-matching",
    ),
    Fault(
        "an object may lose its only default box",
        "bipartite.py",
        "conflict.nonzero().flatten().tolist()",
        "[]",
        "01-matching",
    ),
    Fault(
        "union without taking off the intersection",
        "boxes.py",
        "+ area(b).unsqueeze(-2)).sub_(intersection)",
        "+ area(b).unsqueeze(-2))",
        "01-matching",
    ),
    Fault(
        "sign of the centre's offset",
        "objective.py",
        "centre = (truths_cxcywh[..., :2] - defaults_cxcywh[..., :2])",
        "centre = (defaults_cxcywh[..., :2] - truths_cxcywh[..., :2])",
        "02-objective",
    ),
    Fault(
        "size without its logarithm",
        "objective.py",
        ".log()\n    return torch.cat([centre /",
        "\n    return torch.cat([centre /",
        "02-objective",
    ),
    Fault(
        "variances (0.1, 0.1)",
        "criterion.py",
        "variances: tuple[float, float] = (0.1, 0.2)",
        "variances: tuple[float, float] = (0.1, 0.1)",
        "02-objective",
    ),
    Fault(
        "α left out",
        "criterion.py",
        "confidence + self.options.alpha * localization",
        "confidence + localization",
        "02-objective",
    ),
    Fault(
        "divided by one match more",
        "criterion.py",
        "1 / count.clamp(min=1)",
        "1 / (count + 1)",
        "02-objective",
    ),
    Fault(
        "largest scale 0.95",
        "scales/layouts.py",
        "largest: float = 0.9",
        "largest: float = 0.95",
        "03-scales",
    ),
    Fault(
        "widths and heights swapped",
        "scales/default_boxes.py",
        "shapes += [(wide, narrow), (narrow, wide)]",
        "shapes += [(narrow, wide), (wide, narrow)]",
        "03-scales",
    ),
    Fault(
        "centres at the cells' corners",
        "scales/default_boxes.py",
        'cx = (torch.arange(columns, dtype=torch.float64, device="cpu") + 0.5)',
        "cx = torch.arange(columns, dtype=torch.float64)",
        "03-scales",
    ),
    Fault(
        "columns before rows",
        "scales/default_boxes.py",
        "centres = torch.stack([cx.expand(rows, -1), cy.unsqueeze(1).expand(-1, columns)], dim=-1)",
        "centres = torch.stack([cx.unsqueeze(1).expand(-1, rows), cy.expand(columns, -1)], dim=-1)",
        "03-scales",
    ),
    Fault(
        "four negatives to a positive",
        "mining.py",
        "ratio: float = 3.0,\n    per_batch",
        "ratio: float = 4.0,\n    per_batch",
        "04-mining",
    ),
    Fault(
        "the easiest negatives",
        "mining.py",
        "hardness = losses.detach()",
        "hardness = (-losses.detach())",
        "04-mining",
    ),
    Fault("positives mined as negatives", "mining.py", ".masked_fill(positive, -torch.inf)", "", "04-mining"),
    Fault(
        "ties to the higher index",
        "mining.py",
        "(last - torch.arange(last + 1, device=hardness.device))",
        "torch.arange(last + 1, device=hardness.device)",
        "04-mining",
    ),
    Fault(
        "a minimum overlap that is not enforced",
        "augmentation/crop.py",
        "(reached >= needed)",
        "(reached >= 0)",
        "05-augmentation",
    ),
    Fault(
        "objects kept whose centre is outside",
        "augmentation/geometry.py",
        "inside = centres_inside(truths.boxes_xyxy, patches_xyxy) & truths.present",
        "inside = truths.present",
        "05-augmentation",
    ),
    Fault(
        "patches by side, not by area",
        "augmentation/crop.py",
        'size_of: Literal["area", "side"] = "area"',
        'size_of: Literal["area", "side"] = "side"',
        "05-augmentation",
    ),
    Fault(
        "boxes that are not mirrored",
        "augmentation/pipeline.py",
        "return pixels, flip_truths(truths, flip)",
        "return pixels, truths",
        "05-augmentation",
    ),
    Fault(
        "hue in half degrees",
        "augmentation/colour.py",
        "Field(ge=0, le=180)] = 36.0",
        "Field(ge=0, le=180)] = 18.0",
        "05-augmentation",
    ),
    Fault(
        "gradients that pile up",
        "training/step.py",
        "optimizer.zero_grad(set_to_none=True)",
        "",
        "06-training",
    ),
    Fault("milestones × 0.5", "training/schedule.py", "0.1 ** sum", "0.5 ** sum", "06-training"),
    Fault(
        "difficult objects counted",
        "evaluation/tables.py",
        "labels = objects[objects[:, DIFFICULT] == 0, LABEL].long()",
        "labels = objects[:, LABEL].long()",
        "06-training",
    ),
    Fault(
        "suppression at 0.9",
        "detection.py",
        "iou_threshold: float = 0.45",
        "iou_threshold: float = 0.9",
        "06-training",
    ),
)


def turns_red(chapter: str, fault: Fault | None = None) -> bool:
    """Whether the chapter fails on a copy of package and book, with a fault or without any."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("ssd_lite", "book", "benchmarks"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        if fault is not None:
            _break(copy / "ssd_lite" / fault.file, fault)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-W", "default"]
        command += ["--nbval", "--nbval-current-env", "--nbval-cell-timeout", "300"]
        done = subprocess.run(
            [*command, str(copy / "book" / f"{chapter}.ipynb")],
            cwd=copy,
            env=os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{chapter} could not be run\n{done.stdout}{done.stderr}")
    return done.returncode == 1


def _break(file: Path, fault: Fault) -> None:
    text = file.read_text()
    if text.count(fault.right) != 1:
        raise ValueError(f"{fault.name}: {fault.file} must hold {fault.right!r} once")
    file.write_text(text.replace(fault.right, fault.wrong))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="faults to try, by default all of them")
    names = parser.parse_args().names
    faults = [fault for fault in FAULTS if not names or fault.name in names]
    for chapter in sorted({fault.chapter for fault in faults}):
        if turns_red(chapter):
            sys.exit(f"{chapter} is red without any fault: make chapters")
    unnoticed = []
    for fault in faults:
        noticed = turns_red(fault.chapter, fault)
        print(f"{'red' if noticed else 'GREEN'}  {fault.chapter}: {fault.name}", flush=True)
        unnoticed += [] if noticed else [fault.name]
    if unnoticed:
        sys.exit(f"{len(unnoticed)} faults that the book does not notice: {', '.join(unnoticed)}")


if __name__ == "__main__":
    main()
