"""Ground truth of cropped and mirrored images."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssd_lite.augmentation import SSDAugmentation, crop_truths, flip_truths
from ssd_lite.truths import Truth, Truths
from tests.augmentation.samples import BOX, MANY, WHOLE, equal, fields, many, seeded
from tests.augmentation.statistics import assert_share
from tests.reference import augmentation as reference
from tests.strategies import box_lists, boxes_xyxy, tensor_of


@pytest.mark.parametrize(
    ("box", "patch", "expected"),
    [
        # inside: shifted and enlarged
        ([0.25, 0.375, 0.5, 0.5], [0.25, 0.25, 0.75, 0.75], [0.0, 0.25, 0.5, 0.5]),
        # reaching out: clipped
        ([0.0, 0.25, 0.75, 1.0], [0.25, 0.5, 0.75, 1.0], [0.0, 0.0, 1.0, 1.0]),
        ([0.125, 0.25, 0.5, 0.5], [0.25, 0.0, 0.75, 1.0], [0.0, 0.25, 0.5, 0.5]),
        # the centre on each edge, and in a corner, of the patch
        ([0.0, 0.25, 0.5, 0.75], [0.25, 0.25, 0.75, 0.75], [0.0, 0.0, 0.5, 1.0]),
        ([0.5, 0.25, 1.0, 0.75], [0.25, 0.25, 0.75, 0.75], [0.5, 0.0, 1.0, 1.0]),
        ([0.25, 0.0, 0.75, 0.5], [0.25, 0.25, 0.75, 0.75], [0.0, 0.0, 1.0, 0.5]),
        ([0.25, 0.5, 0.75, 1.0], [0.25, 0.25, 0.75, 0.75], [0.0, 0.5, 1.0, 1.0]),
        ([0.5, 0.5, 1.0, 1.0], [0.25, 0.25, 0.75, 0.75], [0.5, 0.5, 1.0, 1.0]),
        # the centre beyond each edge, though much of the box is seen
        ([0.0, 0.25, 0.4375, 0.75], [0.25, 0.25, 0.75, 0.75], None),
        ([0.5625, 0.25, 1.0, 0.75], [0.25, 0.25, 0.75, 0.75], None),
        ([0.25, 0.0, 0.75, 0.4375], [0.25, 0.25, 0.75, 0.75], None),
        ([0.25, 0.5625, 0.75, 1.0], [0.25, 0.25, 0.75, 0.75], None),
        # larger than the patch
        ([0.0, 0.0, 1.0, 1.0], [0.25, 0.5, 0.75, 0.75], [0.0, 0.0, 1.0, 1.0]),
        # the whole image changes nothing
        ([0.0625, 0.125, 0.3125, 0.5], WHOLE, [0.0625, 0.125, 0.3125, 0.5]),
    ],
)
def test_an_object_is_kept_when_its_centre_is_in_the_patch(box, patch, expected):
    seen = crop_truths(Truths.from_list([Truth.of([box], [7], [True])]), torch.tensor([patch]))
    if expected is None:
        assert seen.boxes_xyxy.tolist() == [[[0.0] * 4]]
        assert seen.labels.tolist() == [[0]]
        assert seen.difficult.tolist() == [[False]]
    else:
        assert seen.boxes_xyxy.tolist() == [[expected]]
        assert seen.labels.tolist() == [[7]]
        assert seen.difficult.tolist() == [[True]]


@given(st.lists(st.tuples(box_lists(most=4), boxes_xyxy()), min_size=1, max_size=3), st.data())
def test_cropping_equals_the_loop(images, data):
    slots = 4
    boxes, labels, difficult = torch.zeros(len(images), slots, 4), [], []
    for i, (objects, _) in enumerate(images):
        boxes[i, : len(objects)] = tensor_of(objects)
        # Label 0 makes a row padding, whatever box it carries and wherever it stands.
        row = data.draw(st.lists(st.integers(0, 3), min_size=len(objects), max_size=len(objects)))
        labels.append(row + [0] * (slots - len(objects)))
        difficult.append(data.draw(st.lists(st.booleans(), min_size=slots, max_size=slots)))
    truths = Truths(boxes, torch.tensor(labels), torch.tensor(difficult))
    before = [value.clone() for value in fields(truths)]
    seen = crop_truths(truths, tensor_of([patch for _, patch in images]))
    for i, (_, patch) in enumerate(images):
        for j, expected in enumerate(reference.crop(boxes[i].tolist(), patch)):
            if expected is None or labels[i][j] == 0:
                assert seen.boxes_xyxy[i, j].tolist() == [0.0] * 4
                assert seen.labels[i, j] == 0
                assert not seen.difficult[i, j]
            else:
                assert seen.boxes_xyxy[i, j].tolist() == pytest.approx(expected, abs=1e-6)
                assert seen.labels[i, j] == labels[i][j]
                assert seen.difficult[i, j] == difficult[i][j]
    assert all(torch.equal(a, b) for a, b in zip(fields(truths), before, strict=True))


def test_cropping_images_without_objects():
    empty = Truths.from_list([Truth.of([], [])] * 2)
    assert crop_truths(empty, torch.tensor([WHOLE, BOX])).boxes_xyxy.shape == (2, 0, 4)


def test_a_flip_mirrors_left_and_right():
    truths = Truths.from_list([Truth.of([[0.125, 0.25, 0.5, 1.0]], [2], [True])] * 2)
    mirrored = flip_truths(truths, torch.tensor([True, False]))
    assert mirrored.boxes_xyxy.tolist() == [[[0.5, 0.25, 0.875, 1.0]], [[0.125, 0.25, 0.5, 1.0]]]
    assert mirrored.labels.tolist() == [[2], [2]]
    assert mirrored.difficult.all()


@given(st.lists(box_lists(most=4), min_size=1, max_size=3), st.data())
def test_flipping_twice_changes_nothing(images, data):
    truths = Truths.from_list([Truth.of(boxes, [1] * len(boxes)) for boxes in images], slots=4)
    flip = torch.tensor(data.draw(st.lists(st.booleans(), min_size=len(images), max_size=len(images))))
    once = flip_truths(truths, flip)
    assert equal(flip_truths(once, flip), truths)
    # Padding stays padding with boxes of zeros, and a flipped box still has x0 < x1.
    assert torch.equal(once.present, truths.present)
    assert (once.boxes_xyxy[~once.present] == 0).all()
    assert (once.boxes_xyxy[..., 0] < once.boxes_xyxy[..., 2])[once.present].all()


def test_half_of_the_images_are_flipped():
    left = many([0.0, 0.0, 0.25, 1.0])
    images = torch.zeros(MANY, 3, 1, 1, dtype=torch.uint8)
    for chance in (0.0, 0.3, 0.5, 1.0):
        augment = SSDAugmentation(1, crop=None, photometric=None, flip=chance)
        _, truths = augment(images, left, generator=seeded(25))
        assert_share(truths.boxes_xyxy[:, 0, 0] > 0.5, chance)
