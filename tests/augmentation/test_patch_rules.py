"""Patches: the minimum overlap and the objects they must contain."""

import pytest
import torch

from ssd_lite.augmentation import Crop, sample_patches
from ssd_lite.truths import Truth, Truths
from tests.augmentation.samples import ANY_PATCH, BOX, BY_OVERLAP, WHOLE, is_whole, many, seeded
from tests.reference import augmentation as reference

CROWDS = [
    [BOX],
    [[0.0, 0.0, 0.3, 0.3], [0.6, 0.5, 1.0, 1.0]],
    [[0.1, 0.1, 0.9, 0.9], [0.2, 0.2, 0.9, 0.8], [0.1, 0.15, 0.8, 0.9]],
    [WHOLE, [0.05, 0.05, 0.95, 1.0]],
]


@pytest.mark.parametrize("overlap_with", ["any", "all"])
@pytest.mark.parametrize("least", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_patch_by_overlap_satisfies_its_rule(least, overlap_with):
    options = Crop(weights=BY_OVERLAP, min_overlaps=(least,), overlap_with=overlap_with)
    truths = Truths.from_list([Truth.of(boxes, [1] * len(boxes)) for boxes in CROWDS * 100])
    patches = sample_patches(truths, generator=seeded(11), options=options)
    drawn = 0
    for patch, boxes in zip(patches.tolist(), CROWDS * 100, strict=True):
        if patch == WHOLE:
            continue
        drawn += 1
        assert reference.satisfies(patch, boxes, least - 1e-5, overlap_with), (patch, boxes)
    assert drawn > 20


def test_one_object_is_enough_for_any_and_not_for_all():
    # No patch overlaps both halves of an image by half, and not even the image does; one of them is easy.
    apart = many([0.0, 0.0, 0.45, 1.0], [0.55, 0.0, 1.0, 1.0], times=500)
    for overlap_with, whole in (("any", False), ("all", True)):
        options = Crop(weights=BY_OVERLAP, min_overlaps=(0.5,), overlap_with=overlap_with, trials=200)
        found = is_whole(sample_patches(apart, generator=seeded(12), options=options))
        assert found.all() if whole else (~found).all()


@pytest.mark.parametrize("overlap_with", ["any", "all"])
@pytest.mark.parametrize("least", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("slots", [0, 2])
def test_an_image_without_objects_is_used_whole_where_an_overlap_is_asked_for(overlap_with, least, slots):
    empty = Truths.from_list([Truth.of([], [])] * 200, slots=slots)
    options = Crop(weights=BY_OVERLAP, min_overlaps=(least,), overlap_with=overlap_with)
    assert is_whole(sample_patches(empty, generator=seeded(13), options=options)).all()


@pytest.mark.parametrize("order", ["choose-then-draw", "draw-then-choose"])
def test_an_object_too_small_for_the_overlap_leaves_the_image_whole(order):
    # A patch is 0.1 of the image at least: with an object of 0.01 it overlaps by 0.1 at most.
    tiny = many([0.4, 0.4, 0.5, 0.5], times=200)
    options = Crop(weights=BY_OVERLAP, min_overlaps=(0.9,), order=order)
    assert is_whole(sample_patches(tiny, generator=seeded(14), options=options)).all()


def test_an_image_without_objects_may_still_be_cropped_to_any_patch():
    empty = Truths.from_list([Truth.of([], [])] * 200)
    options = Crop(weights=ANY_PATCH)
    assert not is_whole(sample_patches(empty, generator=seeded(15), options=options)).any()
    kept = Crop(weights=ANY_PATCH, keep_empty=False)
    assert is_whole(sample_patches(empty, generator=seeded(15), options=kept)).all()


@pytest.mark.parametrize("weights", [ANY_PATCH, BY_OVERLAP])
def test_keep_empty_decides_whether_a_patch_may_hold_no_centre(weights):
    boxes = [[0.0, 0.0, 0.4, 0.4], [0.8, 0.7, 1.0, 1.0]]
    held = {}
    for keep_empty in (True, False):
        options = Crop(weights=weights, min_overlaps=(0.05,), keep_empty=keep_empty)
        patches = sample_patches(many(*boxes, times=1000), generator=seeded(16), options=options).tolist()
        held[keep_empty] = [any(reference.centre_inside(box, patch) for box in boxes) for patch in patches]
        assert sum(patch == WHOLE for patch in patches) < 10
    assert all(held[False])
    assert 0.02 < sum(held[True]) / 1000 < 0.98


@pytest.mark.parametrize("overlap_with", ["any", "all"])
@pytest.mark.parametrize("keep_empty", [True, False])
@pytest.mark.parametrize("order", ["choose-then-draw", "draw-then-choose"])
def test_padding_never_counts(overlap_with, keep_empty, order):
    # Padded rows that carry boxes all the same, before and after the object.
    options = Crop(overlap_with=overlap_with, keep_empty=keep_empty, order=order)
    boxes = torch.tensor([[WHOLE, BOX, [0.0, 0.0, 0.1, 0.1]]] * 500)
    labels = torch.tensor([[0, 3, 0]] * 500)
    padded = Truths(boxes, labels, torch.zeros(500, 3, dtype=torch.bool))
    patches = sample_patches(padded, generator=seeded(17), options=options)
    assert torch.equal(patches, sample_patches(many(BOX, times=500), generator=seeded(17), options=options))


def test_an_image_without_objects_is_whole_beside_one_with_them() -> None:
    two = Truths.from_list([Truth.of([WHOLE], [1]), Truth.of([], [])])
    options = Crop(weights=(0.0, 1.0, 0.0), overlap_with="all", min_overlaps=(0.1,))
    patches = sample_patches(two, generator=seeded(1), options=options)
    assert patches[0].tolist() != WHOLE
    assert patches[1].tolist() == WHOLE
