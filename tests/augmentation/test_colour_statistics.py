"""Colour distortions: how often and how strongly they are applied."""

import colorsys
import itertools

import pytest
import torch

from ssd_lite.augmentation import Photometric
from tests.augmentation.samples import MANY, only, plain, random_pixels, seeded
from tests.augmentation.statistics import assert_share, assert_uniform
from tests.reference import augmentation as reference


@pytest.mark.parametrize("most", [36.0, 180.0])
def test_angles_are_drawn_evenly_and_go_round_the_circle(most):
    result = only(hue=most)(plain(4000, (0.9, 0.1, 0.1)), generator=seeded(38)).flatten(1).tolist()
    degrees = torch.tensor([colorsys.rgb_to_hsv(*rgb)[0] * 360 for rgb in result], dtype=torch.float64)
    degrees = (degrees + 180) % 360 - 180
    assert degrees.min() < -0.98 * most
    assert degrees.max() > 0.98 * most
    assert_uniform(degrees / (2 * most) + 0.5)


def test_factors_are_drawn_evenly_from_their_range():
    images = plain(MANY, (0.6, 0.4, 0.4))  # saturation 1/3: half to 1.5 of it is never cut off
    result = only(contrast=(0.5, 1.5))(images, generator=seeded(39)).double()
    assert_uniform(result[:, 0].flatten() / 0.6 - 0.5)
    result = only(saturation=(0.5, 1.5))(images, generator=seeded(40)).double()
    assert_uniform((1 - result[:, 1] / result[:, 0]).flatten() * 3 - 0.5)


def test_contrast_comes_first_or_last_half_of_the_time():
    # 0.8 × 1.5 is cut off at 1: before or after saturation is halved makes two different colours.
    colour = (0.8, 0.4, 0.2)
    first = reference.shift_colour(reference.scaled(colour, 1.5), 0.5, 0.0)
    last = reference.scaled(reference.shift_colour(colour, 0.5, 0.0), 1.5)
    distort = only(contrast=(1.5, 1.5), saturation=(0.5, 0.5))
    result = distort(plain(MANY, colour), generator=seeded(41)).flatten(1)
    is_first = (result - torch.tensor(first)).abs().amax(dim=1) < 1e-5
    is_last = (result - torch.tensor(last)).abs().amax(dim=1) < 1e-5
    assert (is_first ^ is_last).all()
    assert_share(is_first, 0.5)


@pytest.mark.parametrize("chance", [0.2, 0.5])
@pytest.mark.parametrize(
    "option",
    [{"brightness": 0.2}, {"contrast": (0.5, 0.5)}, {"saturation": (0.5, 0.5)}, {"hue": 90.0}],
    ids=lambda option: next(iter(option)),
)
def test_each_distortion_has_the_probability(option, chance):
    images = plain(MANY, (0.6, 0.4, 0.3))
    result = only(**option, probability=chance)(images, generator=seeded(42))
    changed = (result - images).abs().amax(dim=(1, 2, 3)) > 1e-6
    # Of the angles and sums drawn, 1 in 10,000 is too small to be told from none.
    assert abs(changed.double().mean() - chance) < 0.016


def test_distortions_are_applied_independently_of_each_other():
    colour = (0.6, 0.4, 0.3)
    images = plain(MANY, colour)
    distort = only(contrast=(0.5, 0.5), saturation=(0.5, 0.5), probability=0.5)
    result = distort(images, generator=seeded(43)).flatten(1)
    darker = result[:, 0] < 0.5
    paler = (1 - result.amin(dim=1) / result.amax(dim=1)) < 0.4
    for a, b in itertools.product((darker, ~darker), (paler, ~paler)):
        assert_share(a & b, 0.25)


def test_with_probability_0_nothing_happens():
    images = random_pixels(20, 50)
    result = Photometric(probability=0.0)(images, generator=seeded(44))
    torch.testing.assert_close(result, images, atol=1e-6, rtol=0)


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_shuffling_permutes_channels_with_its_probability(chance):
    distort = Photometric(shuffle=chance, probability=0.0)
    result = distort(plain(MANY, (0.1, 0.5, 0.9)), generator=seeded(48)).flatten(1)
    orders = result.argsort(dim=1).argsort(dim=1)
    for order in itertools.permutations(range(3)):
        same = (orders == torch.tensor(order)).all(dim=1)
        # A random permutation is the identity once in six times.
        assert_share(same, chance / 6 + (1 - chance if order == (0, 1, 2) else 0))
    torch.testing.assert_close(result.sort(dim=1).values, torch.tensor([[0.1, 0.5, 0.9]]).expand(MANY, -1))
