"""Recipes: complete, frozen, as the paper has them, and back from JSON."""

import dataclasses
import json

import pytest

from ssd_lite import models, recipes
from ssd_lite.augmentation import Crop
from ssd_lite.recipes import RECIPES, Recipe, for_folder
from ssd_lite.scales import coverage, ssd300_voc
from ssd_lite.truths import Truth, Truths


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_json(name: str) -> None:
    recipe = RECIPES[name]()
    assert recipe.name == name
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_the_papers_schedule() -> None:
    recipe = recipes.voc0712()
    assert (recipe.steps, recipe.batch, recipe.milestones) == (120_000, 32, (80_000, 100_000))
    assert (recipe.learning_rate, recipe.momentum, recipe.weight_decay) == (1e-3, 0.9, 5e-4)
    assert recipe.zoom_out == 0.0  # not in the text
    assert recipe.crop == Crop()


def test_a_recipe_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipes.scenes().steps = 1


@pytest.mark.plain  # values of a wrong type would meet the run-time type checks first
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"data": "imagenet"}, "data must be one of"),
        ({"model": "yolo"}, "model must be one of"),
        ({"batch": 0}, "batch must be a whole number of at least 1, got 0"),
        ({"steps": 0}, "steps must be a whole number"),
        ({"learning_rate": -1.0}, "learning_rate must be positive"),
        ({"momentum": 1.0}, r"momentum must lie in \[0, 1\)"),
        ({"weight_decay": -1.0}, r"weight_decay must lie in \[0, inf\)"),
        ({"learning_rate": 10**400}, "learning_rate must be a number, and finite"),
        ({"seed": 2**40}, "seed must be a whole number"),
        ({"steps": True}, "steps must be a whole number of at least 1, got True"),
        ({"canvas_px": 100_000}, "canvas_px must be at most 10000"),
        ({"crop": 3}, "crop must be Crop or null, got 3"),
        ({"name": None}, "name must be text, got None"),
        ({"classes": (1, 2)}, "classes must be names"),
        ({"milestones": ("late",)}, "milestones must be whole numbers"),
        ({"criterion": {"beta": 1}}, "criterion must hold settings of their own: .*beta"),
        ({"criterion": {"alpha": -1}}, "alpha must be finite"),
        ({"flip": 2.0}, r"flip must lie in \[0, 1\]"),
        ({"precision": "int8"}, "precision must be"),
        ({"ap_method": "best"}, "ap_method must be"),
        ({"learning_rate": "fast"}, "learning_rate must be a number"),
        ({"learning_rat": 0.1}, "no setting 'learning_rat'"),
        ({"batch": "many"}, "batch must be a whole number of at least 1, got 'many'"),
    ],
)
def test_a_wrong_setting_is_named(change: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        recipes.scenes().changed(**change)


def test_other_lengths_keep_the_proportions() -> None:
    short = recipes.voc0712().with_steps(1200)
    assert (short.steps, short.warmup, short.milestones) == (1200, 5, (800, 1000))


@pytest.mark.plain
@pytest.mark.parametrize("content", [None, [], "scenes", 3])
def test_what_is_no_object_is_no_recipe(content: object) -> None:
    with pytest.raises(ValueError, match="a recipe must be a JSON object"):
        recipes.Recipe.from_dict(content)


def test_a_recipe_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="not a recipe of this version"):
        Recipe.from_dict({"name": "x", "data": "scenes", "colour": "red"})


def _folder(size: float, images: int = 40) -> Truths:
    boxes = [[0.2, 0.2, 0.2 + size, 0.2 + size], [0.5, 0.4, 0.5 + size / 2, 0.4 + size]]
    return Truths.from_list([Truth.of(boxes, [1, 2])] * images)


def test_ordinary_objects_keep_the_released_layout() -> None:
    from ssd_lite.boxes import cxcywh_to_xyxy

    boxes = cxcywh_to_xyxy(ssd300_voc().cxcywh()[4000::97])
    inside = boxes[((boxes > 0) & (boxes < 1)).all(dim=1)]
    truths = Truths.from_list([Truth.of(box[None], [1]) for box in inside])
    assert for_folder(truths).default_boxes is None  # they are default boxes: nothing fits better


def test_tiny_objects_get_a_layout_of_their_own() -> None:
    truths = _folder(0.03)
    fitted = for_folder(truths).default_boxes
    assert fitted is not None
    assert coverage(fitted, truths).mean > coverage(ssd300_voc(), truths).mean
    assert fitted.per_location == ssd300_voc().per_location


def test_the_learning_rate_follows_the_batch() -> None:
    assert (
        for_folder(_folder(0.3), batch=8).learning_rate
        == for_folder(_folder(0.3), batch=32).learning_rate / 4
    )


@pytest.mark.parametrize("model", recipes.LAYOUTS)
def test_every_model_can_be_chosen_for_a_folder(model: str) -> None:
    recipe = for_folder(_folder(0.03), model=model)
    own = recipes.LAYOUTS[model]()
    assert recipe.default_boxes is not None
    assert recipe.default_boxes.per_location == own.per_location
    assert recipe.default_boxes.grids == own.grids
    built = models.MODELS[model](["a"], default_boxes=recipe.default_boxes, **recipe.model_options)
    assert built.default_boxes == recipe.default_boxes


def test_nothing_is_frozen_that_was_not_loaded() -> None:
    assert for_folder(_folder(0.3), weights=None).model_options == {}
    assert for_folder(_folder(0.3)).model_options == {"frozen_blocks": 4}


def test_small_folders_are_seen_often_enough() -> None:
    assert for_folder(_folder(0.3, images=10)).steps == 600


@pytest.mark.parametrize("crop", [{"aspect_ratio": {}}, {"size": []}, {"weights": 3}, 5])
def test_a_crop_that_is_none_is_refused_in_one_way(crop) -> None:
    settings = recipes.scenes().to_dict()
    changed = {**settings["crop"], **crop} if isinstance(crop, dict) else crop
    with pytest.raises(ValueError, match=r"not a recipe of this version|must"):
        recipes.Recipe.from_dict(settings | {"crop": changed})
