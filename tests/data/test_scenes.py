"""Scenes are reproducible, keep the laws they promise, and their boxes fit what was drawn."""

import pickle

import numpy as np
import pytest
import torch

from ssd_lite.data import scenes
from ssd_lite.data.examples import Dataset, Example
from ssd_lite.data.scenes import ALL_CLASSES, CLASSES, Scenes, draw

MANY = 600


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    """More scenes than a test of laws needs, small ones since their laws are those of large ones."""
    dataset = Scenes(count=MANY, size=(64, 64), seed=3)
    return [dataset[index] for index in range(MANY)]


def same(a: Example, b: Example) -> bool:
    pairs = zip((a.image, *vars(a.truth).values()), (b.image, *vars(b.truth).values()), strict=True)
    return a.name == b.name and all(torch.equal(x, y) for x, y in pairs)


def changed(before: Example, after: Example) -> np.ndarray:
    """Which pixels differ, hardly visible differences left out."""
    difference = (before.image.int() - after.image.int()).abs().amax(0)
    return (difference > 8).numpy()


def extent(mask: np.ndarray) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


# --- The same scene, always


def test_a_scene_depends_on_seed_and_index_alone():
    dataset = Scenes(count=50, seed=7)
    first = dataset[20]
    dataset[3], torch.rand(3), np.random.default_rng().random()
    assert same(first, dataset[20])
    assert same(first, Scenes(count=21, seed=7)[20])
    assert same(first, pickle.loads(pickle.dumps(dataset))[20])
    assert not torch.equal(first.image, dataset[21].image)
    assert not torch.equal(first.image, Scenes(count=50, seed=8)[20].image)


def test_drawing_leaves_the_global_generators_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002 - it is what is checked
    Scenes(count=1)[0]
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002


def test_an_example_has_the_shape_it_was_asked_for():
    dataset: Dataset = Scenes(count=2, size=(48, 96))
    image, truth, name = dataset[1]
    assert (image.shape, image.dtype, name) == ((3, 48, 96), torch.uint8, "scene 00001")
    assert image.is_contiguous()
    assert len(truth) >= 1
    assert len(dataset) == 2


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_beyond_the_scenes_raises(index: int):
    with pytest.raises(IndexError, match=rf"index must lie in \[0, 2\), got {index}"):
        Scenes(count=2)[index]


def test_iterating_ends():
    assert len(list(Scenes(count=3, size=(32, 32)))) == 3


# --- The laws


def test_there_are_classes_enough():
    assert len(CLASSES) >= 6
    assert len(set(ALL_CLASSES)) == len(ALL_CLASSES) >= 20
    assert set(CLASSES) <= set(ALL_CLASSES)
    assert {"cat", "dog"} <= set(CLASSES)


def test_every_class_occurs_about_as_often(examples: list[Example]):
    counts = torch.bincount(torch.cat([e.truth.labels for e in examples]), minlength=len(CLASSES) + 1)
    assert counts[0] == 0
    assert len(counts) == len(CLASSES) + 1
    assert counts[1:].min() > 0.6 * counts[1:].float().mean()


def test_objects_are_one_to_six_and_about_three(examples: list[Example]):
    counts = torch.tensor([len(e.truth) for e in examples])
    assert (counts.min(), counts.max()) == (1, 6)
    assert 2.5 <= counts.float().mean() <= 3.1
    assert max(len(Scenes(count=9, max_objects=1)[i].truth) for i in range(9)) == 1


def test_boxes_lie_inside_and_span_the_scales_and_ratios(examples: list[Example]):
    boxes = torch.cat([e.truth.boxes_xyxy for e in examples])
    assert boxes.min() >= 0
    assert boxes.max() <= 1
    width, height = (boxes[:, 2:] - boxes[:, :2]).unbind(1)
    scale, ratio = (width * height).sqrt(), width / height
    assert scale.min() < 0.08
    assert scale.max() > 0.75
    assert ((scale > 0.12) & (scale < 0.6)).float().mean() > 0.75
    large = scale > 0.2  # where rounding to whole pixels hardly matters
    assert 0.3 < ratio[large].min() < 0.4
    assert 2.5 < ratio[large].max() < 3.3


def test_ratios_are_meant_in_pixels():
    dataset = Scenes(count=40, size=(64, 192), classes=("car",))
    boxes = torch.cat([dataset[i].truth.boxes_xyxy for i in range(40)]) * torch.tensor([192, 64, 192, 64])
    width, height = (boxes[:, 2:] - boxes[:, :2]).unbind(1)
    large = height > 12
    assert large.sum() > 20
    assert (width / height)[large].min() > 1.3
    assert (width / height)[large].max() < 3.3


def test_some_objects_are_difficult_but_few(examples: list[Example]):
    share = torch.cat([e.truth.difficult for e in examples]).float().mean()
    assert 0.01 < share < 0.12


def test_a_dataset_asks_for_objects_that_can_be_seen(monkeypatch: pytest.MonkeyPatch):
    asked = []

    def spy(*objects, **options) -> Example:
        asked.append(options["least_visible"])
        return draw(*objects, **options)

    monkeypatch.setattr(scenes, "draw", spy)
    Scenes(count=1)[0]
    assert asked == [0.25]


# --- What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": -1}, "count must be at least 0, got -1"),
        ({"seed": -3}, "seed must be at least 0, got -3"),
        ({"max_objects": 0}, "max_objects must be at least 1, got 0"),
        ({"size": (128, 16)}, r"size must be at least 32 pixels each way, got \(128, 16\)"),
        ({"classes": ()}, r"classes must be distinct names, at least one, got \(\)"),
        ({"classes": ("cat", "cat")}, r"classes must be distinct names, at least one, got \('cat', 'cat'\)"),
        ({"classes": ("cat", "cow")}, r"classes must be among scenes.ALL_CLASSES, got \['cow'\]"),
    ],
)
def test_bad_options_raise(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Scenes(**{"count": 1, **options})


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (("cow", (0.0, 0.0, 0.5, 0.5)), "object 1: name must be among .* got 'cow'"),
        (("cat", (0.0, 0.0, 0.5, 1.5)), "object 1: box must have 0 <= x0 < x1 <= 1"),
        (("cat", (0.5, 0.0, 0.5, 1.0)), "object 1: box must have 0 <= x0 < x1 <= 1"),
        (("cat", (0.0, 0.0, float("nan"), 1.0)), "object 1: box must have 0 <= x0 < x1 <= 1"),
    ],
)
def test_bad_objects_raise(thing: tuple, message: str):
    with pytest.raises(ValueError, match=message):
        draw([("dog", (0.0, 0.0, 0.5, 0.5)), thing])
