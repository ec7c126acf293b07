"""``ssd-lite inspect``."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ssd_lite import plotting
from ssd_lite.cli.console import Bars, out
from ssd_lite.cli.options import Classes, names_in
from ssd_lite.data import Dataset, DatasetError, Example, VOCFolder
from ssd_lite.data.voc import check, splits
from ssd_lite.scales import coverage, fit, paper, ssd300_coco, ssd300_voc
from ssd_lite.truths import Truths


def inspect(
    folder: Annotated[Path, typer.Argument(help="Folder of data in VOC layout.")],
    split: Annotated[str | None, typer.Option(help="One split alone; by default all.")] = None,
    classes: Classes = None,
    sheet: Annotated[Path, typer.Option(help="Where to draw the contact sheet.")] = Path("contact-sheet.png"),
) -> None:
    """Look at a dataset before training: counts, classes, sizes, every fault, coverage, a contact sheet.

    The exit code is 1 where there are faults.
    """
    known = names_in(classes) if classes else None
    with Bars() as on_progress:
        told = partial(on_progress, "reading")
        problems = check(folder, split, classes=known, progress=told)
    names = [split] if split is not None else list(splits(folder))
    parts = {name: VOCFolder(folder, name, classes=known, skip_invalid=True) for name in names}
    truths = {
        name: Truths.from_list([part.truth(i) for i in range(len(part))]) for name, part in parts.items()
    }
    largest = max(parts, key=lambda name: len(parts[name]))
    out.print(_counts_table(parts, truths))
    out.print(_coverage_table(truths[largest], largest))
    shown = range(0, len(parts[largest]), max(1, len(parts[largest]) // 18))
    examples = _readable(parts[largest], list(shown)[:18])
    plotting.save(plotting.contact_sheet(examples, parts[largest].classes), sheet)
    out.print(f"contact sheet: {sheet}", soft_wrap=True)
    for fault in problems:
        out.print(f"[red]fault[/] {escape(str(fault))}", highlight=False, soft_wrap=True)
    out.print(f"{len(problems)} faults" if problems else "no faults")
    if problems:
        raise typer.Exit(1)


def _counts_table(parts: dict[str, VOCFolder], truths: dict[str, Truths]) -> Table:
    classes = next(iter(parts.values())).classes
    table = Table("", *parts, title="images and objects")
    table.add_row("images", *(str(len(part)) for part in parts.values()))
    empty = {name: int((~t.present.any(dim=1)).sum()) for name, t in truths.items()}
    table.add_row("  without objects", *(str(empty[name]) for name in parts))
    table.add_row("objects", *(str(int(t.present.sum())) for t in truths.values()))
    table.add_row("  difficult", *(str(int(t.difficult.sum())) for t in truths.values()))
    counts = {name: Counter(t.labels[t.present].tolist()) for name, t in truths.items()}
    table.add_section()
    for label, name in enumerate(classes, start=1):
        table.add_row(name, *(str(counts[part][label]) for part in parts))
    table.add_section()
    for share in (0.05, 0.5, 0.95):
        table.add_row(f"size, {share:.0%} quantile", *(_size_quantile(t, share) for t in truths.values()))
    return table


def _size_quantile(truths: Truths, share: float) -> str:
    """Square root of an object's share of the image."""
    boxes = truths.boxes_xyxy[truths.present]
    if not len(boxes):
        return "–"
    sides = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1).sqrt()
    return f"{sides.quantile(share).item():.3f}"


def _coverage_table(truths: Truths, split: str) -> Table:
    table = Table(
        "default boxes", "recall at 0.5", "mean best overlap", title=f"coverage of the objects in {split}"
    )
    layouts = {
        "paper, six maps": paper((38, 19, 10, 5, 3, 1)),
        "released, VOC": ssd300_voc(),
        "released, COCO": ssd300_coco(),
    }
    if truths.present.any():
        layouts["fitted to it"] = fit(truths)
    for name, layout in layouts.items():
        reached = coverage(layout, truths)
        table.add_row(name, f"{reached.recall:.3f}", f"{reached.mean:.3f}")
    return table


def _readable(dataset: Dataset, indices: list[int]) -> list[Example]:
    examples = []
    for index in indices:
        try:
            examples.append(dataset[index])
        except DatasetError:
            continue  # told among the faults
    return examples
