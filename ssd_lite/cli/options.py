"""Options that several commands have, and what they stand for."""

from pathlib import Path
from typing import Annotated

import torch
import typer

from ssd_lite import training
from ssd_lite.data import HELD_OUT
from ssd_lite.data.voc import splits
from ssd_lite.recipes import Recipe

Folder = Annotated[Path | None, typer.Argument(help="Folder of data, in VOC layout for recipe 'folder'.")]
Detector = Annotated[Path, typer.Argument(help="A detector: model.safetensors of a run.")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda; by default the GPU where there is one.")]
Classes = Annotated[
    str | None, typer.Option(help="Names that may occur, with commas between; any other is a fault.")
]
SkipInvalid = Annotated[
    bool, typer.Option("--skip-invalid", help="Leave out what is not sound, and say what.")
]


def device_of(name: str | None) -> torch.device:
    """The device of that name. Raises ``ValueError`` where there is none here."""
    if name is None:
        return training.default_device()
    known = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if name not in (*known, *(["cuda"] if len(known) > 1 else [])):
        raise ValueError(f"device must be one of {', '.join(known)}, got {name!r}")
    return torch.device(name)


def names_in(text: str) -> tuple[str, ...]:
    """Names with commas between, without the space around them."""
    return tuple(name.strip() for name in text.split(","))


def folder_recipe(folder: Path, test_split: str | None, train_split: str | None = None) -> Recipe:
    """Which splits of a folder to learn from and to measure on, where the user has not said."""
    names = splits(folder)
    train_split = train_split or next((s for s in ("trainval", "train") if s in names), names[0])
    others = [s for s in ("test", "val", *names) if s in names and s != train_split]
    return Recipe(
        name="folder",
        data="folder",
        root=str(folder),
        train_split=train_split,
        test_split=test_split or (others[0] if others else HELD_OUT),
    )
