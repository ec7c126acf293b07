"""Recipes: named, frozen, complete settings of a run."""

from ssd_lite.recipes.presets import LAYOUTS, RECIPES, coco, for_folder, scenes, scenes300, voc07, voc0712
from ssd_lite.recipes.recipe import Recipe

__all__ = [
    "LAYOUTS",
    "RECIPES",
    "Recipe",
    "coco",
    "for_folder",
    "scenes",
    "scenes300",
    "voc07",
    "voc0712",
]
