"""``ssd-lite convert``."""

from pathlib import Path
from typing import Annotated

import typer

from ssd_lite import data
from ssd_lite.cli.console import err, out, say
from ssd_lite.cli.options import (
    LAYOUTS,
    Boxes,
    Classes,
    LayoutName,
    RequiredFolder,
    ScaleBoxes,
    SkipInvalid,
    open_and_describe,
)


def convert(
    folder: RequiredFolder,
    to: Annotated[str, typer.Option("--to", help=f"Layout to write: {LAYOUTS}.")],
    to_folder: Annotated[Path, typer.Option("--out", help="Folder to write, new or empty.")],
    layout: LayoutName = None,
    classes: Classes = None,
    boxes: Boxes = None,
    scale_boxes: ScaleBoxes = False,
    skip_invalid: SkipInvalid = False,
    link: Annotated[
        bool, typer.Option("--link", help="Hard-link the images instead of copying them, if possible.")
    ] = False,
) -> None:
    """Write an annotated folder in another layout, all splits, with its images."""
    options = {"layout": layout, "boxes": boxes, "scale_boxes": scale_boxes, "skip_invalid": skip_invalid}
    opened = open_and_describe(folder, classes=classes, **options)
    written, lost = data.convert(opened, to=to, out=to_folder, link=link)
    say(f"{to_folder}: {written.describe()}", to=out)
    for sentence in lost:
        say(f"warning {sentence}", to=err, style="yellow")
