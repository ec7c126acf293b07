"""Options that several commands share, and what they stand for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from ssd_lite import data, training
from ssd_lite.cli.console import out, say

LAYOUTS = "voc, coco or yolo"

Folder = Annotated[
    Path | None, typer.Argument(help=f"Folder of annotated images, in {LAYOUTS.upper()} layout.")
]
RequiredFolder = Annotated[
    Path, typer.Argument(help=f"Folder of annotated images, in {LAYOUTS.upper()} layout.")
]
Detector = Annotated[Path, typer.Argument(help="A detector: model.safetensors of a run.")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda; by default a GPU if there is one.")]
Classes = Annotated[
    str | None, typer.Option(help="Allowed class names, separated by commas; any other is an error.")
]
SkipInvalid = Annotated[
    bool, typer.Option("--skip-invalid", help="Skip invalid images and objects, and list them.")
]
LayoutName = Annotated[
    str | None, typer.Option("--layout", help=f"Layout of the folder, {LAYOUTS}; by default recognised.")
]
Boxes = Annotated[
    str | None, typer.Option(help="Unit of the boxes, pixels or fractions; by default that of the layout.")
]
ScaleBoxes = Annotated[
    bool, typer.Option("--scale-boxes", help="Scale boxes of images that were resized after annotation.")
]


def device_of(name: str | None) -> torch.device:
    """The device of that name. Raises ``ValueError`` if this machine does not have it."""
    if name is None:
        return training.default_device()
    known = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if name not in (*known, *(["cuda"] if len(known) > 1 else [])):
        raise ValueError(f"--device must be one of {', '.join(known)}, got {name!r}")
    return torch.device(name)


def split_names(text: str) -> tuple[str, ...]:
    """The names in a list with commas, without surrounding spaces."""
    return tuple(name.strip() for name in text.split(","))


def open_and_describe(
    folder: Path, *, classes: str | Sequence[str] | None = None, **options: Any
) -> data.Folder:
    """Open a folder and print its layout and its splits in one line.

    ``classes`` may be text with commas; ``options`` are those of :func:`ssd_lite.data.open_folder`.
    """
    names = split_names(classes) if isinstance(classes, str) else classes
    opened = data.open_folder(folder, classes=names, **options)
    say(opened.describe(), to=out)
    return opened
