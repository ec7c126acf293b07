"""The front door for data: from a name or a folder to a dataset to learn from and one to be measured on."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ssd_lite.data import scenes, voc
from ssd_lite.data.examples import Dataset, Subset
from ssd_lite.data.folder import Folder, open_folder
from ssd_lite.data.problems import DatasetError, Problem
from ssd_lite.data.suspicions import repeated_images
from ssd_lite.data.validation import BoxUnit

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
    layout: str | None = None,
    boxes: BoxUnit | None = None,
    scale_boxes: bool = False,
) -> Datasets:
    """The datasets of a kind of data: drawn scenes, PASCAL VOC, COCO, or any annotated folder.

    Scenes are ``image_size_px`` (height, width) large, by default as large as the canvas. Folders are opened
    as :func:`open_folder` does, with its ``layout``, ``boxes`` and ``scale_boxes``; ``coco`` is a folder in
    COCO's layout. Crowds are left out of what is trained on. A ``test_split`` of ``HELD_OUT`` holds out
    every fifth image of the training split.

    Raises ``ValueError`` for an unknown kind, and :class:`DatasetError` with every error found in both
    splits, or, with ``skip_invalid``, only where nothing valid is left.
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
    folder = open_folder(
        root,
        layout="coco" if kind == "coco" else layout,
        classes=classes,
        skip_invalid=skip_invalid,
        max_side=canvas_px,
        boxes=boxes,
        scale_boxes=scale_boxes,
    )
    return _split(folder, train_split, test_split)


def _split(folder: Folder, train_split: str, test_split: str) -> Datasets:
    if test_split == HELD_OUT:
        whole = folder.dataset(train_split)
        if len(whole) < 2:
            rule = f"must hold at least 2 images, one to train on and one to measure on, got {len(whole)}"
            raise DatasetError([Problem(str(folder.root), rule)])
        kept, held_out = [i for i in range(len(whole)) if i % 5], list(range(0, len(whole), 5))
        return Datasets(Subset(whole.without_crowds(), kept), Subset(whole, held_out))
    train, test = folder.datasets(train_split, test_split)
    names = folder.split_named(train_split), folder.split_named(test_split)
    repeated = repeated_images(dict(zip(names, (train.images, test.images), strict=True)))
    return Datasets(train.without_crowds(repeated), test)
