"""The front door for data: from a name or a folder to a dataset to learn from and one to be measured on."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ssd_lite.data import scenes, voc
from ssd_lite.data.coco import COCOFolder
from ssd_lite.data.examples import Dataset, DatasetError, Subset
from ssd_lite.data.voc import VOCFolder

DATA = ("scenes", "voc07", "voc0712", "coco", "folder")
"""The kinds of data that :func:`open_datasets` knows."""

HELD_OUT = "every fifth"
"""The test split of a folder that has only one split: every fifth image of it, not trained on."""


class Datasets(NamedTuple):
    """A dataset to learn from, and one to be measured on, of the same classes; nothing is decoded yet."""

    train: Dataset
    test: Dataset


def open_datasets(
    kind: str,
    *,
    root: str | Path = "",
    train_split: str = "train",
    test_split: str = "test",
    classes: Sequence[str] | None = None,
    train_images: int = 0,
    test_images: int = 0,
    image_size_px: tuple[int, int] | None = None,
    canvas_px: int = 512,
    seed: int = 0,
    skip_invalid: bool = False,
    download: bool = False,
) -> Datasets:
    """The datasets of a kind of data: drawn scenes, PASCAL VOC, COCO, or any annotated folder.

    Scenes are ``image_size_px`` (height, width) large, by default as large as the canvas.

    Raises ``ValueError`` for an unknown kind, and :class:`DatasetError` with every problem found, or, with
    ``skip_invalid``, only where nothing valid is left.
    """
    if kind not in DATA:
        raise ValueError(f"data must be one of {', '.join(DATA)}, got {kind!r}")
    if kind == "scenes":  # apart by seed, so that no test scene was ever trained on
        size = image_size_px or (canvas_px, canvas_px)
        draw = partial(scenes.Scenes, size=size, classes=tuple(classes or scenes.CLASSES))
        return Datasets(draw(count=train_images, seed=2 * seed), draw(count=test_images, seed=2 * seed + 1))
    if not root:
        raise DatasetError(f"data {kind!r} needs a folder, and none was given")
    if kind in ("voc07", "voc0712"):
        read = partial(voc.voc, root, download=download, skip_invalid=skip_invalid, max_side=canvas_px)
        return Datasets(read("2007" if kind == "voc07" else "07+12", train_split), read("2007", test_split))
    return _folder(kind, Path(root), train_split, test_split, classes, skip_invalid, canvas_px)


def _folder(
    kind: str,
    root: Path,
    train_split: str,
    test_split: str,
    classes: Sequence[str] | None,
    skip_invalid: bool,
    max_side: int,
) -> Datasets:
    def read(split: str, classes: Sequence[str] | None) -> Dataset:
        reader: Callable[..., Dataset] = partial(VOCFolder, root, split)
        if kind == "coco":
            reader = partial(COCOFolder, root / split, root / "annotations" / f"instances_{split}.json")
        return reader(classes=classes, skip_invalid=skip_invalid, max_side=max_side)

    whole = read(train_split, classes)
    if test_split != HELD_OUT:
        return Datasets(whole, read(test_split, whole.classes))
    fifths = [i for i in range(len(whole)) if i % 5], list(range(0, len(whole), 5))
    return Datasets(Subset(whole, fifths[0]), Subset(whole, fifths[1]))
