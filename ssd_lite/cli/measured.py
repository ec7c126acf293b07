"""The images that ``ssd-lite evaluate`` measures on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ssd_lite import models
from ssd_lite.cli.console import err, say
from ssd_lite.cli.options import open_and_describe
from ssd_lite.data import HELD_OUT, Dataset, Subset
from ssd_lite.messages import plural
from ssd_lite.models import SSD
from ssd_lite.recipes import RECIPES
from ssd_lite.training.run import open_recipe_datasets

CANVAS_PX = 1024
"""Larger images are shrunk to this, if the detector's file does not say how they were trained on."""


class MeasuredImages(NamedTuple):
    """A dataset, what to record of it, and the (height, width) of its images on disk by name.

    Images may be decoded at a smaller size, so that decoding is fast. ``sizes_px`` is empty for drawn scenes,
    which are as large as they are decoded.
    """

    dataset: Dataset
    about: dict[str, Any]
    sizes_px: dict[str, tuple[int, int]]
    canvas_px: int


def open_images(
    model: Path, detector: SSD, folder: Path | None, *, split: str | None, **options: Any
) -> MeasuredImages:
    """The images of a folder's split, or drawn scenes where no folder is given.

    They are decoded as in training. ``options`` are those of :func:`ssd_lite.data.open_folder`. A folder of
    one split is measured whole, unless the detector was trained on it: then on what was held out.
    """
    recipe = models.about(model).get("recipe", {})
    if folder is None:
        chosen = RECIPES["scenes"]().changed(classes=detector.classes)
        about: dict[str, Any] = {"drawn scenes": chosen.test_images}
        return MeasuredImages(open_recipe_datasets(chosen).test, about, {}, chosen.canvas_px)
    canvas_px = int(recipe.get("canvas_px", CANVAS_PX))
    opened = open_and_describe(folder, classes=detector.classes, max_side=canvas_px, **options)
    train, test = opened.choose_splits(test=split)
    whole = opened.dataset(test or train)
    sizes = {image.name: (image.size_px[1], image.size_px[0]) for image in whole.images}
    about = {"folder": str(folder), "layout": opened.layout, "split": test or train}
    if test is None and _held_out(recipe, folder):
        about["split"] = f"{train}, {HELD_OUT} image"
        say(f"measured on {HELD_OUT} image, which this detector was not trained on", to=err)
        return MeasuredImages(Subset(whole, list(range(0, len(whole), 5))), about, sizes, canvas_px)
    if test is None:
        say(f"no test split: measured on all {plural(len(whole), 'image')} of {train}", to=err)
    return MeasuredImages(whole, about, sizes, canvas_px)


def _held_out(recipe: Mapping[str, Any], folder: Path) -> bool:
    """Whether the detector was trained on this folder, all but a held-out part; it may have been moved."""
    same_name = Path(str(recipe.get("root", ""))).resolve().name == folder.resolve().name
    return recipe.get("test_split") == HELD_OUT and same_name
