"""From one layout to another: an annotated folder written anew as VOC, COCO or YOLO."""

import os
import shutil
import tempfile
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from ssd_lite.data.folder import Folder, open_folder
from ssd_lite.data.writers import Written, write_coco, write_voc, write_yolo

WRITERS: dict[str, Callable[..., Written]] = {"voc": write_voc, "coco": write_coco, "yolo": write_yolo}
"""What writes a layout, by its name."""


class Converted(NamedTuple):
    """The folder that was written, and what its layout cannot say, a sentence each."""

    folder: Folder
    lost: tuple[str, ...]


def convert(
    folder: Folder | str | PathLike[str], *, to: str, out: str | PathLike[str], link: bool = False
) -> Converted:
    """Writes a folder in the layout ``to`` (``"voc"``, ``"coco"`` or ``"yolo"``) to a new folder ``out``.

    All splits are written, with boxes as they are read, and with the images, copied, or with ``link``
    hard-linked where the file system can do that. ``out`` appears when all is written.

    Raises ``ValueError`` for an unknown layout and for an ``out`` that is not empty, and
    :class:`DatasetError` with the errors of all splits; a :class:`Folder` opened with ``skip_invalid`` leaves
    out what is invalid.
    """
    if to not in WRITERS:
        raise ValueError(f"to must be one of {', '.join(WRITERS)}, got {to!r}")
    goal = Path(out)
    if goal.exists() and (not goal.is_dir() or any(goal.iterdir())):
        raise ValueError(f"out must be a new or an empty folder, got {goal}")
    source = folder if isinstance(folder, Folder) else open_folder(folder)
    datasets = source.datasets(*source.splits)
    splits = {split: dataset.images for split, dataset in zip(source.splits, datasets, strict=True)}
    goal.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{goal.name}-", dir=goal.parent))
    try:
        images, lost = WRITERS[to](unfinished, splits, source.classes)
        for place, image in images:
            _put(image.path, unfinished / place, link=link)
        unfinished.chmod(0o755)  # mkdtemp makes folders that others cannot read
        unfinished.replace(goal)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return Converted(open_folder(goal, layout=to, classes=source.classes), tuple(lost))


def _put(image: Path, place: Path, *, link: bool) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if link:
        try:
            os.link(image.resolve(), place)
        except OSError:  # another disk, or a file system without links
            link = False
    if not link:
        shutil.copyfile(image, place)
