"""How well layouts of default boxes cover real objects: ``python -m benchmarks.coverage``.

Reads the annotations of ``bccd``, ``cards`` and ``fod-a`` from the folder that ``SSD_LITE_SHARED`` names (see
:mod:`benchmarks.runs`). Each layout has SSD300's six maps. The fitted one is fitted to the objects of
``trainval``; both splits are measured, so that ``test`` shows whether the fit holds for objects that it has
not seen.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.photos import SHARED
from benchmarks.results_file import RESULTS, Record
from ssd_lite import scales
from ssd_lite.data import VOCFolder
from ssd_lite.scales import DefaultBoxes
from ssd_lite.truths import Truths

NAMES = ("bccd", "cards", "fod-a")
SPLITS = ("trainval", "test")
GRIDS = (38, 19, 10, 5, 3, 1)
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)

EDGES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0)
"""Bounds of the size classes; a size is the square root of an object's area, as a share of the image's."""


def layouts(truths: Truths, *, rounds: int = 150) -> dict[str, DefaultBoxes]:
    """The layouts that are compared; the last one is fitted to ``truths``."""
    paper = scales.paper(GRIDS)
    return {
        "formula": paper,
        "formula, ratios 1 and 2": replace(paper, aspect_ratios=((2.0,),) * len(GRIDS)),
        "formula, ratio 1": replace(paper, aspect_ratios=((),) * len(GRIDS)),
        "released, VOC": scales.ssd300_voc(),
        "released, COCO": scales.ssd300_coco(),
        "fitted": scales.fit(truths, rounds=rounds),
    }


def measure(truths: Truths, compared: Mapping[str, DefaultBoxes]) -> dict[str, Any]:
    """Sizes and shapes of the objects, and how each layout covers them."""
    sides = (truths.boxes_xyxy[..., 2:] - truths.boxes_xyxy[..., :2])[truths.present].double()
    size, ratio = sides.prod(dim=-1).sqrt(), sides[:, 0] / sides[:, 1]
    return {
        "images": len(truths),
        "objects": len(size),
        "size": _quantiles(size),
        "ratio": _quantiles(ratio),
        "layouts": {name: _covered(layout, truths, size) for name, layout in compared.items()},
    }


def _covered(layout: DefaultBoxes, truths: Truths, size: Tensor) -> dict[str, Any]:
    reached = scales.coverage(layout, truths)
    best = reached.best[truths.present].double()
    return {
        "boxes": len(layout),
        "recall": round(reached.recall, 4),
        "mean": round(reached.mean, 4),
        "by_size": by_size(best, size),
    }


def by_size(best: Tensor, size: Tensor, *, edges: Sequence[float] = EDGES) -> list[dict[str, Any]]:
    """Recall, mean and quantiles of the best overlaps in each size class that has objects."""
    found = []
    for low, high in pairwise(edges):
        overlaps = best[(size > low) & (size <= high)]
        if len(overlaps):
            found.append(
                {
                    "from": low,
                    "to": high,
                    "objects": len(overlaps),
                    "recall": round((overlaps > 0.5).double().mean().item(), 4),
                    "mean": round(overlaps.mean().item(), 4),
                    "overlap": _quantiles(overlaps),
                }
            )
    return found


def _quantiles(values: Tensor) -> dict[str, float]:
    found = values.double().quantile(torch.tensor(QUANTILES, dtype=torch.float64))
    return {f"{q:g}": round(v, 4) for q, v in zip(QUANTILES, found.tolist(), strict=True)}


def dataset(root: Path, *, rounds: int = 150) -> dict[str, Any]:
    """One dataset: its fitted layout, the problems that were skipped, and both splits measured."""
    folders = {split: VOCFolder(root, split, skip_invalid=True) for split in SPLITS}
    truths = {
        split: Truths.from_list([folder.truth(i) for i in range(len(folder))])
        for split, folder in folders.items()
    }
    compared = layouts(truths["trainval"], rounds=rounds)
    return {
        "classes": len(folders["trainval"].classes),
        "left_out": {split: [str(fault) for fault in folder.problems] for split, folder in folders.items()},
        "fitted": asdict(compared["fitted"]),
        **{split: measure(truths[split], compared) for split in SPLITS},
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=150, help="rounds of the fit")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON")
    arguments = parser.parse_args()
    record = Record("coverage", device=torch.device("cpu"), folder=arguments.out)
    found: dict[str, Any] = {}
    for name in NAMES:
        found[name] = dataset(SHARED / "data" / name, rounds=arguments.rounds)
        for layout, reached in found[name]["test"]["layouts"].items():
            print(f"{name:6} {layout:24} recall {reached['recall']:.3f}, mean {reached['mean']:.3f}")
        record.add({"rounds": arguments.rounds, "datasets": found})
    print(f"written to {record.complete()}")


if __name__ == "__main__":
    main()
