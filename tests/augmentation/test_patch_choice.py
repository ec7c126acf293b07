"""Patches: how often each option is chosen."""

import random
from collections import Counter

import pytest
import torch

from ssd_lite.augmentation import Crop, sample_patches
from ssd_lite.augmentation.crop import _choose
from tests.augmentation.samples import BOX, BY_OVERLAP, MANY, WHOLE, is_whole, many, patch_sides, seeded
from tests.augmentation.statistics import assert_same_distribution, assert_share, chi_square
from tests.reference import augmentation as reference


@pytest.mark.parametrize(
    ("weights", "whole", "overlap"),
    [
        ((1.0, 1.0, 1.0), 1 / 3, 1 / 3),
        ((1.0, 5.0, 1.0), 1 / 7, 5 / 7),
        ((0.0, 1.0, 3.0), 0.0, 1 / 4),
        ((1.0, 0.0, 0.0), 1.0, 0.0),
    ],
)
def test_shares_of_the_three_options(weights, whole, overlap):
    # A minimum of 0 is always reached, one of 1 never: a patch equal to the object is not drawn.
    reached = Crop(weights=weights, min_overlaps=(0.0,) * 5, trials=1)
    assert_share(is_whole(sample_patches(many(BOX), generator=seeded(6), options=reached)), whole)
    missed = Crop(weights=weights, min_overlaps=(1.0,) * 5, trials=1)
    assert_share(is_whole(sample_patches(many(BOX), generator=seeded(7), options=missed)), whole + overlap)


def test_one_third_each_by_default():
    # The object is the whole image and its overlap with a patch is the patch's area, so that all
    # minimum overlaps are reached in 50 trials but for one case in 1800 (0.9: (8/9)^50 of a fifth).
    # One patch in 3 is whole; of the rest, half are any patch, uniform from 0.1 to 1.
    patches = sample_patches(many(WHOLE, times=6000), generator=seeded(8))
    assert_share(is_whole(patches), 1 / 3 + 1 / 5400)


@pytest.mark.parametrize("position", range(5))
def test_the_five_minimum_overlaps_occur_equally(position):
    overlaps = tuple(0.0 if i == position else 1.0 for i in range(5))
    options = Crop(weights=BY_OVERLAP, min_overlaps=overlaps, trials=1)
    assert_share(~is_whole(sample_patches(many(BOX), generator=seeded(9), options=options)), 1 / 5)


def test_the_five_minimum_overlaps_give_the_mixture_that_follows_from_them():
    # The object is the whole image, so that an option with minimum m gives areas uniform in [m, 1].
    patches = sample_patches(many(WHOLE, times=6000), generator=seeded(10), options=Crop(weights=BY_OVERLAP))
    width, height = patch_sides(patches[~is_whole(patches)])
    for bound in (0.2, 0.3, 0.5, 0.7, 0.9):
        below = sum(max(0.0, bound - least) / (1 - least) for least in (0.1, 0.3, 0.5, 0.7, 0.9)) / 5
        assert_share(width * height < bound, below)


def sampled(order: str) -> Counter:
    options = Crop(weights=(1.0, 2.0, 1.0), min_overlaps=(0.3, 0.6), order=order, trials=2)
    patches = sample_patches(many(BOX), generator=seeded(18), options=options)
    return Counter(reference.patch_class(patch, BOX) for patch in patches.tolist())


def simulated(order: str) -> Counter:
    draws = random.Random(18)
    patches = (
        reference.sample_patch(draws, [BOX], min_overlaps=(0.3, 0.6), order=order, trials=2)
        for _ in range(MANY)
    )
    return Counter(reference.patch_class(patch, BOX) for patch in patches)


def test_a_small_example_has_the_simulated_distribution():
    orders = ("choose-then-draw", "draw-then-choose")
    found = {order: sampled(order) for order in orders}
    expected = {order: simulated(order) for order in orders}
    for order in orders:
        assert_same_distribution(found[order], expected[order])
    # The two orders have different distributions here, or the comparison would prove nothing.
    statistic, freedom = chi_square(found["choose-then-draw"], expected["draw-then-choose"])
    assert statistic > 10 * freedom


def test_draw_then_choose_never_falls_back_where_something_was_drawn():
    impossible = Crop(weights=(0.0, 1.0, 1.0), min_overlaps=(1.0,), order="draw-then-choose", trials=2)
    assert not is_whole(sample_patches(many(BOX), generator=seeded(19), options=impossible)).any()
    chosen_first = Crop(weights=(0.0, 1.0, 1.0), min_overlaps=(1.0,), trials=2)
    assert_share(is_whole(sample_patches(many(BOX), generator=seeded(19), options=chosen_first)), 0.5)


def test_draw_then_choose_picks_evenly_among_what_was_drawn():
    # Of whole, 0.0, 1.0, 1.0 and any patch, the two in the middle are never drawn.
    options = Crop(weights=(1.0, 3.0, 1.0), min_overlaps=(0.0, 1.0, 1.0), order="draw-then-choose", trials=1)
    assert_share(is_whole(sample_patches(many(BOX), generator=seeded(20), options=options)), 1 / 3)


def test_an_option_without_weight_is_never_taken() -> None:
    options = Crop(weights=(0.0, 1.0, 0.0), min_overlaps=(0.1,))
    assert _choose(torch.ones(1, 2, dtype=torch.bool), torch.tensor([0.0]), options).tolist() == [1]


def test_an_option_without_weight_is_not_taken_in_place_of_one_that_failed() -> None:
    options = Crop(weights=(0.0, 0.0, 1.0), min_overlaps=(0.1,), order="draw-then-choose")
    possible = torch.tensor([[True, False], [True, True]])  # by overlap; any patch
    assert _choose(possible, torch.tensor([0.5, 0.5]), options).tolist() == [0, 2]
