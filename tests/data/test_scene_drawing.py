"""What is drawn of a scene lies where its boxes say."""

import itertools

import numpy as np
import pytest
import torch

from ssd_lite.data import scenes
from ssd_lite.data.examples import Example
from ssd_lite.data.scenes import ALL_CLASSES, CLASSES, ICONS, draw


def changed(before: Example, after: Example) -> np.ndarray:
    """Which pixels differ, hardly visible differences left out."""
    difference = (before.image.int() - after.image.int()).abs().amax(0)
    return (difference > 8).numpy()


def extent(mask: np.ndarray) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


@pytest.mark.parametrize("name", ALL_CLASSES)
@pytest.mark.parametrize("size_px", [(40, 40), (90, 36), (30, 80)])
def test_the_box_of_an_icon_is_tight(name: str, size_px: tuple[int, int]):
    width, height = size_px
    box = (0.1, 0.05, 0.1 + width / 100, 0.05 + height / 100)
    box = (box[0], box[1], min(box[2], 1.0), box[3])
    objects = [(name, box)]
    with_object = draw(objects, size=(100, 100), seed=5, classes=ALL_CLASSES)
    mask = changed(draw([], size=(100, 100), seed=5, classes=ALL_CLASSES), with_object)
    drawn, said = extent(mask), with_object.truth.boxes_xyxy[0] * 100
    assert (said - 100 * torch.tensor(box)).abs().max() <= 0.51
    assert (torch.tensor(drawn) - said).abs().max() <= 1.5, (drawn, said)
    assert all(np.array(drawn[:2]) >= said[:2].round().numpy())
    assert all(np.array(drawn[2:]) <= said[2:].round().numpy())


@pytest.mark.parametrize("name", ICONS)
def test_even_the_smallest_object_can_be_seen(name: str):
    tiny = draw([(name, (0.5, 0.5, 0.51, 0.51))], size=(32, 32), seed=1, classes=ALL_CLASSES)
    assert (tiny.truth.boxes_xyxy * 32).tolist() == [[16, 16, 19, 19]]
    assert changed(draw([], size=(32, 32), seed=1), tiny).sum() >= 3
    corner = draw([(name, (0.99, 0.99, 1.0, 1.0))], size=(32, 32), classes=ALL_CLASSES)
    assert (corner.truth.boxes_xyxy * 32).tolist() == [[29, 29, 32, 32]]


def test_classes_differ_in_more_than_colour():
    """Icons of one size and the same two paints are far from each other, whichever way they face."""
    looks = {}
    for name in ALL_CLASSES:
        tile = scenes._tile(name, (32, 32), (200, 80, 80), (80, 80, 200))
        looks[name] = np.asarray(tile.reduce(4)).astype(float)
    for a, look_a in looks.items():
        mirrored = look_a[:, ::-1]
        for b, look_b in looks.items():
            if a != b:
                assert min(np.abs(look_a - look_b).mean(), np.abs(mirrored - look_b).mean()) > 3, (a, b)


def test_draw_puts_what_was_asked():
    objects = [("dog", (0.25, 0.25, 0.75, 0.75)), ("cat", (0.0, 0.5, 0.25, 1.0))]
    truth = draw(objects, size=(64, 128), seed=1).truth
    assert truth.labels.tolist() == [1 + CLASSES.index("dog"), 1 + CLASSES.index("cat")]
    assert truth.boxes_xyxy.tolist() == [list(box) for _, box in objects]
    assert truth.difficult.tolist() == [False, False]
    assert draw(objects, classes=("dog", "cat")).truth.labels.tolist() == [1, 2]
    assert len(draw([]).truth) == 0
    assert draw([], name="empty").name == "empty"


def test_later_objects_lie_in_front_and_hide_earlier_ones():
    behind, front = ("cat", (0.3, 0.3, 0.6, 0.7)), ("house", (0.2, 0.2, 0.8, 0.9))
    hidden, house = draw([behind, front]).truth, draw([behind, front], least_visible=0.25).truth
    assert hidden.difficult.tolist() == [True, False]
    assert house.labels.tolist() == [1 + CLASSES.index("cat")]
    assert draw([front, behind]).truth.difficult.tolist() == [False, False]
    assert hidden.boxes_xyxy[0].tolist() == draw([behind]).truth.boxes_xyxy[0].tolist()


@pytest.mark.parametrize("seed", range(25))
def test_visible_shares_keep_the_rule(seed: int):
    """Pictures of the first k objects tell what each covers, and so what can be seen of it at the end."""
    rng = np.random.default_rng(seed)
    corners, sides = rng.uniform(0, 0.5, (6, 2)), rng.uniform(0.2, 0.5, (6, 2))
    names = [ALL_CLASSES[i] for i in rng.integers(len(ICONS), size=6)]
    objects = [(n, (x, y, x + w, y + h)) for n, (x, y), (w, h) in zip(names, corners, sides, strict=True)]
    options = {"size": (96, 96), "seed": seed, "classes": ALL_CLASSES, "least_visible": 0.25}
    pictures = [draw(objects[:k], **options) for k in range(len(objects) + 1)]
    masks = []
    for before, after in itertools.pairwise(pictures):
        if len(after.truth) > len(before.truth):
            masks.append(changed(before, after))
        else:
            assert torch.equal(before.image, after.image)
    for index, (mask, difficult) in enumerate(zip(masks, pictures[-1].truth.difficult, strict=True)):
        share = 1 - (mask & np.any([np.zeros_like(mask), *masks[index + 1 :]], axis=0)).sum() / mask.sum()
        assert share > 0.25 - 0.06  # the soft edges of icons count here and do not count there
        if abs(share - 0.45) > 0.06:
            assert bool(difficult) == (share < 0.45)
