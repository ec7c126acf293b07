"""Whether a run that goes on is still the one that a checkpoint was made in."""

import hashlib
import json
from pathlib import Path
from typing import Any

from ssd_lite.data.loading import BatchSource
from ssd_lite.recipes import Recipe

MAY_CHANGE = ("name", "root", "download", "skip_invalid", "keep", "checkpoint_every")
"""Settings that decide nothing about the steps to come; other images by them are noticed as images."""


def of_recipe(recipe: Recipe) -> dict[str, Any]:
    """The settings that must stay, as JSON has them."""
    settings = json.loads(json.dumps(recipe.to_dict()))
    return {name: value for name, value in settings.items() if name not in MAY_CHANGE}


def of_images(images: BatchSource) -> dict[str, Any]:
    """How many images there are, their classes, and a digest of their names in order, where they have any.

    What is at each place decides what a step sees.
    """
    names = "\n".join(getattr(images, "names", ()))
    digest = hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()
    return {
        "number": len(images),
        "classes": list(images.classes),
        "digest of names and order": digest if names else None,
    }


def check_recipe(recipe: Recipe, state: dict[str, Any], run_dir: Path) -> None:
    """Raises ``ValueError`` naming the settings that differ from the checkpoint's."""
    _check(of_recipe(recipe), state["recipe"], f"{run_dir}: recipe.json")


def check_images(images: BatchSource, state: dict[str, Any], run_dir: Path) -> None:
    """Raises ``ValueError`` when there are others, or they are in another order."""
    now, then = of_images(images), dict(state["images"])
    for name in [name for name in now if now[name] is None or then.get(name) is None]:  # one is not known
        now.pop(name), then.pop(name, None)
    _check(now, then, f"{run_dir}: the training images")


def _check(now: dict[str, Any], then: dict[str, Any], what: str) -> None:
    differing = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    if differing:
        parts = [f"{name} was {_short(then.get(name))}, is {_short(now.get(name))}" for name in differing]
        raise ValueError(f"{what} must be as at its checkpoint, but {'; '.join(parts)}")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else text[:100] + " …"
