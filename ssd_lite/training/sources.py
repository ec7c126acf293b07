"""The images that a recipe asks for, ready to be taken batch by batch."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ssd_lite.data import scenes, voc
from ssd_lite.data.coco import COCOFolder
from ssd_lite.data.examples import Dataset, DatasetError, Subset
from ssd_lite.data.loading import BatchSource, load
from ssd_lite.data.voc import VOCFolder
from ssd_lite.recipes import Recipe

ProgressCallback = Callable[[str, int, int], object]
"""Called with what is being done, how many images are done, and how many there are."""

HELD_OUT = "every fifth"
"""The test split of a folder that has only one split: every fifth image of it, not trained on."""


def training_dataset(recipe: Recipe, *, skip_invalid: bool = False) -> Dataset:
    """The images that a recipe learns from, not yet decoded.

    Raises :class:`ssd_lite.data.DatasetError` with every fault found, or, with ``skip_invalid``,
    leaves out what is not sound.
    """
    if recipe.data == "scenes":
        return _scenes(recipe, recipe.train_images, part=0)
    if recipe.data in ("voc07", "voc0712"):
        year = "2007" if recipe.data == "voc07" else "07+12"
        return _voc(recipe, year, recipe.train_split, skip_invalid)
    dataset = _folder(recipe, recipe.train_split, recipe.classes, skip_invalid)
    if recipe.test_split == HELD_OUT:
        return Subset(dataset, [i for i in range(len(dataset)) if i % 5])
    return dataset


def held_out_dataset(
    recipe: Recipe, classes: Sequence[str] | None = None, *, skip_invalid: bool = False
) -> Dataset:
    """The images that a recipe is measured on, of the given classes."""
    if recipe.data == "scenes":
        return _scenes(recipe, recipe.test_images, part=1)
    if recipe.data in ("voc07", "voc0712"):
        return _voc(recipe, "2007", recipe.test_split, skip_invalid)
    if recipe.test_split != HELD_OUT:
        return _folder(recipe, recipe.test_split, classes, skip_invalid)
    dataset = _folder(recipe, recipe.train_split, classes, skip_invalid)
    return Subset(dataset, list(range(0, len(dataset), 5)))


def loaded(
    dataset: Dataset,
    recipe: Recipe,
    *,
    device: torch.device | str = "cpu",
    skip_invalid: bool = False,
    on_progress: ProgressCallback | None = None,
) -> BatchSource:
    """A dataset decoded on the device or in memory where it fits, or streamed; as the recipe says."""
    progress = None if on_progress is None else partial(on_progress, f"reading {len(dataset)} images")
    options: dict[str, Any] = {"canvas_px": recipe.canvas_px, "keep": recipe.keep, "device": device}
    return load(dataset, skip_invalid=skip_invalid, progress=progress, **options)


def sources(
    recipe: Recipe,
    *,
    device: torch.device | str = "cpu",
    skip_invalid: bool = False,
    on_progress: ProgressCallback | None = None,
) -> tuple[BatchSource, BatchSource]:
    """The training and the test images of a recipe; all faults of both are told before any is decoded.

    What is not sound is left out where the recipe or ``skip_invalid`` say so.
    """
    skip_invalid = skip_invalid or recipe.skip_invalid
    train = training_dataset(recipe, skip_invalid=skip_invalid)
    test = held_out_dataset(recipe, train.classes, skip_invalid=skip_invalid)
    load_one = partial(
        loaded, recipe=recipe, device=device, skip_invalid=skip_invalid, on_progress=on_progress
    )
    return load_one(train), load_one(test)


def _root(recipe: Recipe) -> Path:
    if not recipe.root:
        raise DatasetError(f"the recipe {recipe.name!r} needs a folder of data, and none was given")
    return Path(recipe.root)


def _scenes(recipe: Recipe, count: int, part: int) -> Dataset:
    # Apart by seed, so that no test scene was ever trained on.
    return scenes.Scenes(count=count, size=(recipe.canvas_px, recipe.canvas_px), seed=2 * recipe.seed + part)


def _voc(recipe: Recipe, year: str, split: str, skip_invalid: bool) -> Dataset:
    root = _root(recipe)
    side = recipe.canvas_px
    return voc.voc(root, year, split, download=recipe.download, skip_invalid=skip_invalid, max_side=side)


def _folder(recipe: Recipe, split: str, classes: Sequence[str] | None, skip_invalid: bool) -> Dataset:
    root = _root(recipe)
    reader: Callable[..., Dataset] = partial(VOCFolder, root, split)
    if recipe.data == "coco":
        reader = partial(COCOFolder, root / split, root / "annotations" / f"instances_{split}.json")
    return reader(classes=classes, skip_invalid=skip_invalid, max_side=recipe.canvas_px)
