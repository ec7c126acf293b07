"""Colour distortions agree with slow versions pixel by pixel."""

import colorsys
import itertools

import pytest
import torch

from ssd_lite.augmentation import Photometric, shift_colours
from tests.augmentation.samples import MANY, only, plain, random_pixels, seeded
from tests.augmentation.statistics import assert_uniform
from tests.reference import augmentation as reference


def pixels_of(image: torch.Tensor) -> list[tuple[float, float, float]]:
    return [tuple(colour) for colour in image.flatten(1).T.tolist()]


def assert_colours(image: torch.Tensor, expected: list[tuple[float, float, float]]) -> None:
    torch.testing.assert_close(image.flatten(1).T, torch.tensor(expected), atol=1e-5, rtol=0)


@pytest.mark.parametrize("saturation", [0.0, 0.5, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("degrees", [-180.0, -36.0, 0.0, 10.0, 36.0, 60.0, 120.0, 180.0])
def test_colours_are_shifted_as_colorsys_says(saturation, degrees):
    images = random_pixels(2, 60)
    factor, turn = torch.tensor([saturation, 1.0]), torch.tensor([degrees, 0.0])
    shifted = shift_colours(images, factor.view(2, 1, 1, 1), turn.view(2, 1, 1, 1))
    assert_colours(
        shifted[0], [reference.shift_colour(rgb, saturation, degrees) for rgb in pixels_of(images[0])]
    )
    torch.testing.assert_close(shifted[1], images[1], atol=1e-6, rtol=0)


def test_hue_is_given_in_degrees():
    red = plain(2, (1.0, 0.0, 0.0))
    turn = torch.tensor([120.0, -120.0]).view(2, 1, 1, 1)
    turned = shift_colours(red, torch.ones(2, 1, 1, 1), turn).flatten(1)
    assert turned.tolist() == [pytest.approx([0.0, 1.0, 0.0]), pytest.approx([0.0, 0.0, 1.0])]


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_contrast_alone_multiplies(factor):
    images = random_pixels(3, 40)
    result = only(contrast=(factor, factor))(images, generator=seeded(31))
    for image, seen in zip(images, result, strict=True):
        assert_colours(seen, [reference.scaled(rgb, factor) for rgb in pixels_of(image)])


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_saturation_alone_multiplies(factor):
    images = random_pixels(3, 40)
    result = only(saturation=(factor, factor))(images, generator=seeded(32))
    for image, seen in zip(images, result, strict=True):
        assert_colours(seen, [reference.shift_colour(rgb, factor, 0.0) for rgb in pixels_of(image)])


def test_brightness_alone_is_added_and_cut_off():
    distort = only(brightness=32 / 255)
    grey = distort(plain(MANY, (0.5, 0.5, 0.5)), generator=seeded(33))
    added = grey.flatten(1).double() - 0.5
    assert (added.amax(dim=1) - added.amin(dim=1)).max() < 1e-6
    assert_uniform(added[:, 0] / (64 / 255) + 0.5)
    # The same draws on other pixels: the same number is added to each of them.
    images = random_pixels(50, 40)
    added = distort(plain(50, (0.5, 0.5, 0.5)), generator=seeded(34))[:, :1] - 0.5
    expected = (images + added).clamp(0, 1)
    torch.testing.assert_close(distort(images, generator=seeded(34)), expected, atol=1e-5, rtol=0)


def test_brightness_can_multiply():
    distort = only(brightness=0.25, brightness_by="product")
    grey = distort(plain(MANY, (0.5, 0.5, 0.5)), generator=seeded(35))
    assert_uniform((grey[:, 0].flatten().double() / 0.5 - 0.75) / 0.5)
    images = random_pixels(50, 40)
    factor = distort(plain(50, (0.5, 0.5, 0.5)), generator=seeded(36))[:, :1] / 0.5
    expected = (images * factor).clamp(0, 1)
    torch.testing.assert_close(distort(images, generator=seeded(36)), expected, atol=1e-5, rtol=0)


def test_hue_alone_turns_every_pixel_of_an_image_by_one_angle():
    images = random_pixels(40, 30)
    images[..., 12] = torch.tensor([0.9, 0.1, 0.1]).view(3, 1)  # hue 0: what it becomes is the angle
    result = only(hue=36.0)(images, generator=seeded(37))
    for image, seen in zip(images, result, strict=True):
        degrees = colorsys.rgb_to_hsv(*seen[:, 0, 12].tolist())[0] * 360
        assert_colours(seen, [reference.shift_colour(rgb, 1.0, degrees) for rgb in pixels_of(image)])


@pytest.mark.parametrize("brightness_by", ["sum", "product"])
def test_results_lie_in_0_to_1(brightness_by):
    distort = Photometric(
        brightness=1.0,
        brightness_by=brightness_by,
        contrast=(0.0, 4.0),
        saturation=(0.0, 4.0),
        hue=180.0,
        shuffle=0.5,
        probability=0.8,
    )
    images = random_pixels(500, 40)
    before = images.clone()
    result = distort(images, generator=seeded(45))
    assert result.min() >= 0
    assert result.max() <= 1
    assert torch.equal(images, before)
    assert result.shape == images.shape
    assert result.dtype == torch.float32


def test_grey_stays_grey_under_hue_and_saturation():
    grey = torch.rand(100, 1, 2, 5, generator=seeded(46)).expand(-1, 3, -1, -1)
    result = only(hue=180.0, saturation=(0.0, 3.0))(grey, generator=seeded(47))
    torch.testing.assert_close(result, grey, atol=1e-6, rtol=0)


def test_a_whole_image_is_shuffled_alike():
    images = random_pixels(30, 40)
    result = Photometric(shuffle=1.0, probability=0.0)(images, generator=seeded(49))
    for image, seen in zip(images, result, strict=True):
        assert any(
            torch.allclose(image[list(order)], seen, atol=1e-6) for order in itertools.permutations(range(3))
        )


def test_the_generator_decides_the_colours():
    images, distort = random_pixels(8, 20), Photometric(shuffle=0.5)
    first = distort(images, generator=seeded(50))
    assert torch.equal(first, distort(images, generator=seeded(50)))
    assert not torch.equal(first, distort(images, generator=seeded(51)))
