"""Old functions for a recipe's images, kept for one version."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from ssd_lite.data import BatchSource, Dataset, load
from ssd_lite.deprecation import warn_renamed
from ssd_lite.recipes import Recipe
from ssd_lite.training.logging import ProgressCallback
from ssd_lite.training.run import open_recipe_datasets, open_sources


def sources(recipe: Recipe, **options: Any) -> tuple[BatchSource, BatchSource]:
    """Deprecated: :func:`ssd_lite.training.open_sources`."""
    warn_renamed("training.sources", "training.open_sources")
    return open_sources(recipe, **options)


def training_dataset(recipe: Recipe, *, skip_invalid: bool = False) -> Dataset:
    """Deprecated: ``ssd_lite.data.open_datasets(…).train``."""
    warn_renamed("training.training_dataset", "data.open_datasets(…).train")
    return open_recipe_datasets(recipe, skip_invalid=skip_invalid).train


def held_out_dataset(
    recipe: Recipe, classes: Sequence[str] | None = None, *, skip_invalid: bool = False
) -> Dataset:
    """Deprecated: ``ssd_lite.data.open_datasets(…).test``."""
    warn_renamed("training.held_out_dataset", "data.open_datasets(…).test")
    names = recipe.classes if classes is None or recipe.data == "scenes" else tuple(classes)
    return open_recipe_datasets(replace(recipe, classes=names), skip_invalid=skip_invalid).test


def loaded(
    dataset: Dataset,
    recipe: Recipe,
    *,
    device: torch.device | str = "cpu",
    skip_invalid: bool = False,
    on_progress: ProgressCallback | None = None,
) -> BatchSource:
    """Deprecated: :func:`ssd_lite.data.load`."""
    warn_renamed("training.loaded", "data.load")
    options: dict[str, Any] = {"canvas_px": recipe.canvas_px, "keep": recipe.keep, "device": device}
    if on_progress is not None:
        options["progress"] = lambda done, total: on_progress(f"reading {total} images", done, total)
    return load(dataset, skip_invalid=skip_invalid, **options)
