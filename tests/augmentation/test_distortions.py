"""Colour distortions with given random numbers, to the digit."""

import pytest
import torch

from ssd_lite.augmentation import Photometric
from ssd_lite.random import PredrawnUniforms
from tests.augmentation.samples import plain, random_pixels, seeded

SETTINGS = {"brightness": 0.25, "contrast": (0.5, 1.5), "saturation": (0.0, 1.0), "hue": 120.0}
TINT = (0.5, 0.25, 0.25)


def distorted(values: list[float], applies: list[float], colour=TINT, **options) -> list[float]:
    """One pixel after distortions whose random numbers are given; a number too many is an error."""
    draws = PredrawnUniforms(torch.tensor([*values, *applies]), images=1)
    result = Photometric(**{**SETTINGS, **options})(plain(1, colour), generator=draws)
    assert draws.used == len(values) + len(applies)
    return [round(value, 4) for value in result.flatten().tolist()]


@pytest.mark.parametrize(
    ("row", "number", "expected"),
    [
        (0, 1.0, [0.75, 0.5, 0.5]),  # a quarter brighter
        (0, 0.0, [0.25, 0.0, 0.0]),
        (1, 1.0, [0.75, 0.375, 0.375]),  # contrast by 1.5
        (2, 0.0, [0.5, 0.5, 0.5]),  # no saturation
        (3, 1.0, [0.25, 0.5, 0.25]),  # red turned by 120 degrees
        (3, 0.0, [0.25, 0.25, 0.5]),  # and back
        (4, 1.0, [0.5, 0.25, 0.25]),  # when contrast is changed, not whether
    ],
)
def test_each_distortion_has_a_number_and_a_chance_of_its_own(row, number, expected) -> None:
    values, applies = [0.3] * 5, [0.9] * 5
    values[row], applies[row] = number, 0.1
    assert distorted(values, applies) == expected


def test_a_chance_of_a_half_leaves_out_a_half_itself() -> None:
    assert distorted([1.0] * 5, [0.5] * 5) == list(TINT)


def test_brightness_by_product_has_the_same_number() -> None:
    bright = distorted([1.0, 0, 0, 0, 0], [0.1, 1, 1, 1, 1], brightness_by="product")
    assert bright == [0.625, 0.3125, 0.3125]
    untouched = distorted([1.0, 0, 0, 0, 0], [0.9, 0.1, 1, 1, 1], brightness_by="product")
    assert untouched == [0.25, 0.125, 0.125]  # the contrast's


@pytest.mark.parametrize("by", ["sum", "product"])
def test_too_bright_is_white_before_contrast_is_changed(by: str) -> None:
    white = distorted([1.0, 0.0, 0, 0, 0.4], [0.1, 0.1, 1, 1, 1], (1.0, 0.9, 0.5), brightness_by=by)
    assert white == [0.5, 0.5, 0.375 if by == "sum" else 0.3125]


def test_contrast_comes_before_saturation_in_the_lower_half() -> None:
    values, applies = [0.5, 1.0, 0.5, 0.5, 0.0], [1.0, 0.1, 0.1, 1.0, 1.0]
    colour = (0.9, 0.3, 0.3)
    early, late = [1.0, 0.725, 0.725], [1.0, 0.9, 0.9]
    assert distorted(values, applies, colour) == early
    for number in (0.5, 0.9):
        assert distorted([*values[:4], number], applies, colour) == late


@pytest.mark.parametrize(
    ("row", "options", "expected"),
    [
        (0, {"brightness": 1.0}, [1.0, 1.0, 1.0]),  # by 1, as if it were a factor
        (1, {"contrast": (1.0, 2.0)}, [1.0, 0.5, 0.5]),
        (2, {"saturation": (1.0, 2.0)}, [0.5, 0.0, 0.0]),
        (3, {"hue": 1.0}, [0.5, 0.2542, 0.25]),
    ],
)
@pytest.mark.parametrize("order", [0.0, 1.0])
def test_what_changes_something_is_not_left_out(row: int, options: dict, expected: list, order) -> None:
    values, applies = [0.5] * 4, [0.9] * 5
    values[row], applies[row] = 1.0, 0.1
    assert distorted([*values, order], applies, **options) == expected


def test_brightness_by_a_product_of_0_is_black() -> None:
    darkest = {"brightness": 1.0, "brightness_by": "product"}
    assert distorted([0.0] * 5, [0.1, 1, 1, 1, 1], **darkest) == [0.0, 0.0, 0.0]


def test_shuffling_takes_four_more_numbers() -> None:
    unchanged = [0.0] * 5 + [1.0] * 5
    shuffled = distorted(unchanged, [0.9, 0.5, 0.1, 0.4], (0.1, 0.2, 0.3), shuffle=0.5)
    assert shuffled == [0.3, 0.2, 0.1]
    kept = distorted(unchanged, [0.9, 0.5, 0.1, 0.5], (0.1, 0.2, 0.3), shuffle=0.5)
    assert kept == [0.1, 0.2, 0.3]


def test_an_image_of_a_batch_has_the_numbers_of_its_place() -> None:
    images, numbers = random_pixels(3, 20), torch.rand(3 * 14, generator=seeded(31))
    distort = Photometric(shuffle=0.5)
    whole = distort(images, generator=PredrawnUniforms(numbers, images=3))
    part = distort(images[1:], generator=PredrawnUniforms(numbers, images=3, first=1))
    assert torch.equal(part, whole[1:])
