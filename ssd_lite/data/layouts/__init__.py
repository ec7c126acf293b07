"""Layouts: how folders are laid out. For another one, write a module like these and add it to ``LAYOUTS``.

A module has a function ``find(root)``. It returns ``None`` where the folder is not laid out so, and otherwise
an object that knows the folder's splits and reads what their files state (see :class:`Layout`).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from ssd_lite.data.layouts import coco, voc, yolo
from ssd_lite.data.problems import Problem
from ssd_lite.data.raw import RawSplit


@runtime_checkable
class Layout(Protocol):
    """A folder whose layout was recognised; nothing but the names of its files has been looked at.

    ``title`` and ``form`` describe it: "VOC layout", "XML beside the images". ``splits`` are the names of its
    splits, in the order in which they are shown; ``more_splits`` those that are understood, too.
    """

    root: Path
    title: str
    form: str
    splits: tuple[str, ...]
    more_splits: tuple[str, ...]

    def classes(self) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
        """The names of the classes in all splits, in their order, and what is wrong with them."""
        ...

    def count(self, split: str) -> int:
        """The number of images in a split."""
        ...

    def read(self, split: str, classes: Sequence[str] | None = None) -> RawSplit:
        """What the files of a split state; ``classes`` are the given names, for files that hold numbers."""
        ...


LAYOUTS: dict[str, Callable[[Path], Layout | None]] = {"voc": voc.find, "coco": coco.find, "yolo": yolo.find}
"""The layouts by name."""
