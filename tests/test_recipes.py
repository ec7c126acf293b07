"""Recipes: complete, frozen, as the paper has them, and back from JSON."""

import dataclasses
import json
import pickle

import pytest
import torch

from ssd_lite import models, recipes
from ssd_lite.augmentation import Crop
from ssd_lite.criterion import CriterionOptions
from ssd_lite.data import Scenes
from ssd_lite.recipes import RECIPES, Recipe, for_folder
from ssd_lite.scales import coverage, fit, ssd300_voc
from ssd_lite.training.run import open_recipe_datasets
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


def test_nothing_inside_a_recipe_can_be_changed() -> None:
    recipe = recipes.scenes().changed(model_options={"mean": [0.1, 0.2, 0.3]})
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.criterion.alpha = 7.0
    with pytest.raises(TypeError, match=r"Recipe\.changed"):
        recipe.model_options["width"] = 2
    assert recipe.model_options == {"mean": (0.1, 0.2, 0.3)}


def test_equal_recipes_have_one_hash_and_can_be_pickled() -> None:
    recipe = recipes.scenes().changed(model_options={"width": 2, "mean": [0.1, 0.2, 0.3]})
    same = Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert same == recipe
    assert hash(same) == hash(recipe) != hash(recipes.scenes())
    assert pickle.loads(pickle.dumps(recipe)) == recipe


def test_variances_of_an_older_recipe_are_taken_where_they_are_the_models() -> None:
    settings = recipes.scenes().to_dict() | {"criterion": {"alpha": 2.0, "variances": [0.1, 0.2]}}
    assert Recipe.from_dict(settings).criterion == CriterionOptions(alpha=2.0)
    settings["model_options"] = {"variances": [1.0, 1.0]}
    with pytest.raises(ValueError, match="variances belong to the model"):
        Recipe.from_dict(settings)


def test_a_recipe_is_shown_on_one_line() -> None:
    shown = repr(recipes.scenes())
    assert (
        shown == "<Recipe scenes: ssd_tiny on scenes, 1,300 steps of 16 images, learning rate 0.02, seed 0>"
    )


def test_the_summit_is_the_papers_run_on_drawn_scenes() -> None:
    recipe, paper = recipes.scenes300(), recipes.voc0712()
    same = ("model", "batch", "steps", "learning_rate", "milestones", "momentum", "weight_decay", "crop")
    assert all(getattr(recipe, name) == getattr(paper, name) for name in same)
    train, test = open_recipe_datasets(recipe)
    assert (len(train), len(test), len(train.classes)) == (16_551, 4_952, 20)
    assert train[0].image.shape == (3, 375, 500)
    assert not torch.equal(train[0].image, test[0].image)


def test_the_old_name_still_works() -> None:
    with pytest.warns(DeprecationWarning, match="with_steps"):
        assert recipes.scenes().lasting(130) == recipes.scenes().with_steps(130)


@pytest.mark.plain  # values of a wrong type would meet the run-time type checks first
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"data": "imagenet"}, "data must be one of"),
        ({"model": "yolo"}, "model must be one of"),
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"learning_rate": -1.0}, "learning_rate must be greater than 0"),
        ({"momentum": 1.0}, "momentum must be less than 1, got 1.0"),
        ({"weight_decay": -1.0}, "weight_decay must be at least 0"),
        ({"learning_rate": 10**400}, "learning_rate must be a number"),
        ({"seed": 2**40}, "seed must be at most 2147483647"),
        ({"steps": True}, "steps must be a whole number, got True"),
        ({"canvas_px": 100_000}, "canvas_px must be at most 10000"),
        ({"crop": 3}, "crop must be Crop, or an object with its settings, got 3"),
        ({"name": None}, "name must be text, got None"),
        ({"classes": (1, 2)}, r"classes\[0\] must be text, got 1"),
        ({"milestones": ("late",)}, r"milestones\[0\] must be a whole number"),
        ({"criterion": {"beta": 1}}, "unknown setting 'criterion.beta'"),
        ({"criterion": {"alpha": -1}}, "criterion.alpha must be at least 0"),
        ({"flip": 2.0}, "flip must be at most 1"),
        ({"precision": "int8"}, "precision must be"),
        ({"ap_method": "best"}, "ap_method must be"),
        ({"criterion": {"variances": (1, 1)}}, r"model_options, which has \(0.1, 0.2\), .*got \(1, 1\)"),
        ({"data": "folder", "image_size_px": (32, 32)}, "image_size_px must be left out unless data"),
        ({"learning_rate": "fast"}, "learning_rate must be a number"),
        ({"learning_rat": 0.1}, "no setting 'learning_rat'"),
        ({"batch": "many"}, "batch must be a whole number, got 'many'"),
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
    with pytest.raises(ValueError, match="unknown setting 'colour'"):
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


def test_scenes_keep_the_models_own_default_boxes_though_fitted_ones_cover_more() -> None:
    """The study ``scales`` of the ablations: fitted boxes cover more objects and train a worse detector."""
    drawn = Scenes(count=200)
    truths = Truths.from_list([drawn[i].truth for i in range(len(drawn))])
    own = models.tiny_default_boxes()
    assert coverage(fit(truths, like=own), truths).recall > coverage(own, truths).recall
    assert for_folder(truths, model="ssd_tiny").default_boxes is None


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
    with pytest.raises(ValueError, match=r"not a recipe of this version|must|unknown"):
        recipes.Recipe.from_dict(settings | {"crop": changed})
