"""``ssd-lite inspect``."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ssd_lite import plotting
from ssd_lite.cli.console import Bars, out, plain, say
from ssd_lite.cli.coverage import coverage_advice, coverage_table, coverages
from ssd_lite.cli.options import Boxes, Classes, LayoutName, RequiredFolder, ScaleBoxes, open_and_describe
from ssd_lite.data import DatasetError, Example, Folder, FolderDataset, Problem, errors, summarise
from ssd_lite.messages import plural
from ssd_lite.truths import Truths

SHEET_IMAGES, SHEET_PX = 18, 512
"""Images on the contact sheet, and the largest side of each."""


def inspect(
    folder: RequiredFolder,
    split: Annotated[str | None, typer.Option(help="Only this split; by default all.")] = None,
    layout: LayoutName = None,
    classes: Classes = None,
    boxes: Boxes = None,
    scale_boxes: ScaleBoxes = False,
    sheet: Annotated[Path, typer.Option(help="Contact sheet to draw.")] = Path("contact-sheet.png"),
) -> None:
    """Look at a dataset before training: counts, classes, sizes, errors, coverage, and a contact sheet.

    The exit code is 1 if there are errors.
    """
    options = {"layout": layout, "boxes": boxes, "scale_boxes": scale_boxes, "max_side": SHEET_PX}
    opened = open_and_describe(folder, classes=classes, skip_invalid=True, **options)
    splits = opened.splits if split is None else (opened.split_named(split),)
    with Bars() as on_progress:
        problems = opened.check(partial(on_progress, "reading images"), split=split)
    datasets = _usable(opened, splits)
    truths = {name: _truths(dataset) for name, dataset in datasets.items()}
    out.print(_counts_table(opened.classes, splits, truths))
    if datasets:
        largest = max(datasets, key=lambda name: len(datasets[name]))
        _show_coverage(truths[largest], largest)
        _draw_sheet(datasets[largest], sheet)
    _list_problems(problems)
    if errors(problems):
        if datasets:
            say("train with --skip-invalid to leave out what has an error", to=out)
        raise typer.Exit(1)


def _usable(folder: Folder, splits: Sequence[str]) -> dict[str, FolderDataset]:
    """The splits that hold anything valid; the errors of the others are among the folder's problems."""
    found = {}
    for split in splits:
        try:
            found[split] = folder.dataset(split)
        except DatasetError:
            continue
    return found


def _truths(dataset: FolderDataset) -> Truths:
    return Truths.from_list([dataset.truth(index) for index in range(len(dataset))])


def _counts_table(classes: Sequence[str], splits: Sequence[str], truths: Mapping[str, Truths]) -> Table:
    """Images, objects, classes and sizes, a column per split; a split without anything valid has zeros."""
    table = Table("", title="valid images and objects")
    for split in splits:
        table.add_column(plain(split))
    columns = [truths.get(split, Truths.from_list([])) for split in splits]
    table.add_row("images", *(f"{len(t.present):,}" for t in columns))
    table.add_row("  without objects", *(f"{int((~t.present.any(dim=1)).sum()):,}" for t in columns))
    table.add_row("objects", *(f"{int(t.present.sum()):,}" for t in columns))
    table.add_row("  difficult", *(f"{int(t.difficult.sum()):,}" for t in columns))
    table.add_row("  most in an image", *(str(_most(t)) for t in columns))
    counts = [Counter(t.labels[t.present].tolist()) for t in columns]
    table.add_section()
    for label, name in enumerate(classes, start=1):
        table.add_row(plain(name), *(f"{count[label]:,}" for count in counts))
    table.add_section()
    for share in (0.05, 0.5, 0.95):
        table.add_row(f"size, {share:.0%} quantile", *(_size_quantile(t, share) for t in columns))
    return table


def _most(truths: Truths) -> int:
    return int(truths.present.sum(dim=1).max()) if len(truths.present) else 0


def _size_quantile(truths: Truths, share: float) -> str:
    """Of the square roots of the objects' shares of their images."""
    boxes = truths.boxes_xyxy[truths.present]
    if not len(boxes):
        return "–"
    sides = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1).sqrt()
    # Not Tensor.quantile, which takes at most 16 million values.
    return f"{sides.sort().values[round(share * (len(sides) - 1))].item():.3f}"


def _show_coverage(truths: Truths, split: str) -> None:
    found = coverages(truths)
    out.print(coverage_table(found, split))
    if advice := coverage_advice(found):
        say(f"advice {advice}", to=out, style="yellow")


def _draw_sheet(dataset: FolderDataset, sheet: Path) -> None:
    """Draw images at even distances in the dataset, those that can be read."""
    examples: list[Example] = []
    for index in list(range(0, len(dataset), max(1, len(dataset) // SHEET_IMAGES)))[:SHEET_IMAGES]:
        try:
            examples.append(dataset[index])
        except DatasetError:
            continue
    plotting.save(plotting.contact_sheet(examples, dataset.classes), sheet)
    say(f"contact sheet: {sheet}", to=out)
    shown = plotting.class_names(dataset.classes)
    if hidden := [f"{new} is {old}" for new, old in zip(shown, dataset.classes, strict=True) if new != old]:
        reason = "no installed font has the characters of all class names (Noto Sans CJK, for one, has many)"
        say(f"{reason}, so in pictures {', '.join(hidden)}", to=out)


def _list_problems(problems: Sequence[Problem]) -> None:
    """List errors and warnings, and count the repairs of each kind."""
    for problem in problems:
        if problem.severity != "repair":
            say(f"{problem.severity} {problem}", to=out, style="red" if errors([problem]) else "yellow")
    repairs: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.severity == "repair":
            # Repairs of one kind differ in their numbers alone.
            repairs.setdefault(re.sub(r"[\d.]+", "", problem.rule.split(", got")[0]), []).append(problem)
    for kind in repairs.values():
        say(f"{plural(len(kind), 'repair')}, the first: {kind[0]}", to=out)
    say(summarise(problems), to=out)
