"""Patches: their sizes, aspect ratios and positions."""

import random
from collections import Counter

import pytest
import torch

from ssd_lite.augmentation import Crop, sample_patches
from ssd_lite.augmentation.crop import _candidates
from ssd_lite.truths import Truths
from tests.augmentation.samples import ANY_PATCH, BOX, WHOLE, fields, is_whole, many, patch_sides, seeded
from tests.augmentation.statistics import assert_independent, assert_same_distribution, assert_uniform
from tests.reference import augmentation as reference


def test_any_patch_has_an_area_drawn_evenly():
    options = Crop(weights=ANY_PATCH, trials=1)
    patches = sample_patches(many(BOX), generator=seeded(1), options=options).double()
    x0, y0, x1, y1 = patches.unbind(-1)
    assert x0.min() >= 0
    assert y0.min() >= 0
    assert x1.max() <= 1
    assert y1.max() <= 1
    size = (x1 - x0) * (y1 - y0)
    assert size.min() > 0.1 - 1e-6
    assert_uniform((size - 0.1) / 0.9)


def test_any_patch_has_an_aspect_ratio_from_a_half_to_two_tall_and_wide_alike():
    options = Crop(weights=ANY_PATCH, trials=1)
    width, height = patch_sides(sample_patches(many(BOX), generator=seeded(2), options=options))
    ratio = width / height
    assert 0.5 - 1e-5 < ratio.min() < 0.51
    assert 1.96 < ratio.max() < 2 + 1e-5
    # Given the area, only ratios that fit the image occur, evenly in their logarithm.
    most = (1 / (width * height)).clamp(max=2).log()
    some = most > 0.01
    assert_uniform((ratio.log() / most)[some] / 2 + 0.5)


def test_any_patch_lies_anywhere_in_the_image():
    patches = sample_patches(many(BOX), generator=seeded(3), options=Crop(weights=ANY_PATCH, trials=1))
    width, height = patch_sides(patches)
    roomy = (width < 0.99) & (height < 0.99)
    across = (patches[:, 0] / (1 - width))[roomy]
    down = (patches[:, 1] / (1 - height))[roomy]
    assert_uniform(across)
    assert_uniform(down)
    assert_independent(across, down)


def test_size_bounds_are_kept():
    options = Crop(weights=ANY_PATCH, size=(0.4, 0.6), aspect_ratio=(0.8, 1.25), trials=1)
    width, height = patch_sides(sample_patches(many(BOX, times=5000), generator=seeded(4), options=options))
    assert 0.4 - 1e-6 < (width * height).min() < 0.41
    assert 0.59 < (width * height).max() < 0.6 + 1e-6
    assert (width / height).min() > 0.8 - 1e-5
    assert (width / height).max() < 1.25 + 1e-5


def test_sides_can_be_drawn_on_their_own():
    options = Crop(weights=ANY_PATCH, size=(0.3, 0.9), min_overlaps=(1.0,), size_of="side", trials=30)
    patches = sample_patches(many(BOX, times=6000), generator=seeded(5), options=options)
    assert not is_whole(patches).any()
    width, height = patch_sides(patches)
    assert torch.stack([width, height]).min() > 0.3 - 1e-6
    assert torch.stack([width, height]).max() < 0.9 + 1e-6
    assert (width / height).min() > 0.5 - 1e-5
    assert (width / height).max() < 2 + 1e-5
    draws = random.Random(5)
    expected = [reference.draw_by_side(draws, (0.3, 0.9), (0.5, 2.0)) for _ in range(6000)]
    assert_same_distribution(by_sides(patches.tolist()), by_sides(expected))


def by_sides(patches: list[list[float]]) -> Counter:
    return Counter((int((x1 - x0) * 8), int((y1 - y0) * 8)) for x0, y0, x1, y1 in patches)


def test_the_generator_decides_the_patches(generator):
    truths = many(BOX, WHOLE, times=64)
    before = [value.clone() for value in fields(truths)]
    first = sample_patches(truths, generator=seeded(21))
    torch.manual_seed(99)
    assert torch.equal(first, sample_patches(truths, generator=seeded(21)))
    assert not torch.equal(first, sample_patches(truths, generator=seeded(22)))
    assert first.shape == (64, 4)
    assert first.dtype == torch.float32
    assert all(torch.equal(a, b) for a, b in zip(fields(truths), before, strict=True))


def test_patches_of_no_images():
    assert sample_patches(Truths.from_list([]), generator=seeded(24)).shape == (0, 4)


def test_sides_are_drawn_apart_and_ratios_at_the_limits_fit() -> None:
    options = Crop(size_of="side", size=(0.25, 0.5), aspect_ratio=(0.5, 2.0))
    numbers = torch.tensor([[[0.0, 1.0, 0.0, 0.5], [1.0, 0.0, 1.0, 0.0], [1.0, 1.0, 0.5, 0.5]]])
    patches, fits = _candidates(numbers, options)
    expected = [[0.0, 0.25, 0.25, 0.75], [0.5, 0.0, 1.0, 0.25], [0.25, 0.25, 0.75, 0.75]]
    assert patches[0].tolist() == expected
    assert fits.all()
    _, narrow = _candidates(numbers, Crop(size_of="side", size=(0.25, 0.5), aspect_ratio=(0.6, 1.5)))
    assert narrow.tolist() == [[False, False, True]]


@pytest.mark.parametrize("size_of", ["area", "side"])
def test_no_patch_leaves_the_image_by_rounding(size_of: str) -> None:
    """With the largest numbers that can be drawn, on which all of a side or a place may depend."""
    draws = torch.rand(1, 20_000, 4, generator=seeded(3))
    draws[:, ::2, 1] = 1 - 2**-24
    draws[:, ::3, 2:] = 1 - 2**-24
    patches, _ = _candidates(draws, Crop(size_of=size_of))
    assert patches.min() >= 0
    assert patches.max() <= 1
