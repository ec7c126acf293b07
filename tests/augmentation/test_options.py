"""Options of augmentation: defaults, limits, old names, and the message for an invalid one."""

import json
import re
from dataclasses import FrozenInstanceError, asdict, replace

import pytest

from ssd_lite.augmentation import Crop, Photometric, SSDAugmentation, sample_patches
from tests.augmentation.samples import ANY_PATCH, BOX, many, seeded


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        (Crop, "size_of", "width"),
        (Crop, "overlap_with", "most"),
        (Crop, "order", "draw"),
        (Crop, "weights", (0.0, 0.0, 0.0)),
        (Crop, "weights", (1.0, -1.0, 1.0)),
        (Crop, "size", (0.0, 1.0)),
        (Crop, "size", (0.5, 0.4)),
        (Crop, "size", (0.5, 1.1)),
        (Crop, "aspect_ratio", (0.0, 2.0)),
        (Crop, "aspect_ratio", (1.5, 2.0)),
        (Crop, "aspect_ratio", (0.5, 0.9)),
        (Crop, "min_overlaps", ()),
        (Crop, "min_overlaps", (0.1, 1.1)),
        (Crop, "min_overlaps", (-0.1,)),
        (Crop, "trials", 0),
        (Photometric, "brightness_by", "power"),
        (Photometric, "brightness", -0.1),
        (Photometric, "brightness", 32.0),
        (Photometric, "probability", 1.5),
        (Photometric, "probability", float("nan")),
        (Photometric, "shuffle", -0.5),
        (Photometric, "hue", -1.0),
        (Photometric, "hue", 181.0),
        (Photometric, "contrast", (1.5, 0.5)),
        (Photometric, "contrast", (-0.5, 0.5)),
        (Photometric, "saturation", (1.5, 0.5)),
        (Photometric, "saturation", (-0.5, 0.5)),
        (SSDAugmentation, "size", 0),
        (SSDAugmentation, "flip", 1.5),
        (SSDAugmentation, "zoom_out", -0.5),
        (SSDAugmentation, "zoom_out_largest", 0.5),
    ],
)
def test_a_bad_option_is_named(kind, option, value):
    needed = {"size": 32} if kind is SSDAugmentation else {}
    with pytest.raises(ValueError, match=rf"^{option}(\[\d\])? must "):
        kind(**{**needed, option: value})


def test_the_defaults_are_the_texts():
    options = Crop()
    assert options.weights[0] == options.weights[1] == options.weights[2]
    assert options.min_overlaps == (0.1, 0.3, 0.5, 0.7, 0.9)
    assert options.size == (0.1, 1.0)
    assert options.aspect_ratio == (0.5, 2.0)
    assert options.keep_empty
    assert SSDAugmentation(300).flip == 0.5


@pytest.mark.parametrize(
    ("options", "each"),
    [
        ({}, 5 + 4 * 6 * 50 + 1 + 10),
        ({"crop": None, "photometric": None}, 5),
        ({"crop": None, "photometric": Photometric(shuffle=0.5)}, 5 + 14),
    ],
)
def test_the_count_of_random_numbers_is_known_beforehand(options, each) -> None:
    assert SSDAugmentation(32, **options).num_uniforms(3) == 3 * each


@pytest.mark.plain  # values of a wrong type would meet the run-time type checks first
@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Crop(weights=(float("nan"), 1.0, 1.0)), "weights[0] must be finite, got nan"),
        (lambda: Crop(weights=(1.0, float("inf"), 1.0)), "weights[1] must be finite, got inf"),
        (lambda: Crop(size=(0.5, 0.4)), "size must be (smallest, largest), got (0.5, 0.4)"),
        (lambda: Crop(weights=(0, 0, 0)), "weights must not be all zero, got (0.0, 0.0, 0.0)"),
        (lambda: Crop(trials=True), "trials must be a whole number, got True"),
        (lambda: Crop(keep_empty=1), "keep_empty must be true or false, got 1"),
        (lambda: Crop(sizes=(0.1, 1.0)), "unknown setting 'sizes'"),
        (lambda: Photometric(hue="red"), "hue must be a number, got 'red'"),
        (lambda: Photometric(contrast=(1.5, 0.5)), "contrast must be (lowest, highest), got (1.5, 0.5)"),
        (lambda: SSDAugmentation(8, crop=3), "crop must be Crop, or an object with its settings, got 3"),
        (lambda: SSDAugmentation(8, fill=(123.0, 117.0, 104.0)), "fill[0] must be at most 1, got 123.0"),
        (
            lambda: SSDAugmentation(8, zoom_out_largest=float("inf")),
            "zoom_out_largest must be finite, got inf",
        ),
        (
            lambda: SSDAugmentation(8, zoom_out_largest=float("nan")),
            "zoom_out_largest must be finite, got nan",
        ),
    ],
)
def test_numbers_out_of_range_are_named_with_their_place(build, says: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(says)}(; |$)"):
        build()


@pytest.mark.parametrize("options", [{"size": (0.5, 0.5)}, {"aspect_ratio": (1.0, 1.0)}])
def test_a_range_may_be_one_number(options: dict) -> None:
    assert Crop(**options)


def test_the_choices_are_listed() -> None:
    with pytest.raises(ValueError, match=r"^size_of must be one of area, side, got 'edge'$"):
        Crop(size_of="edge")


def test_the_limits_of_zooming_out_are_allowed_and_no_more() -> None:
    assert SSDAugmentation(8, zoom_out_largest=1.0, fill=(1.0, 0.0, 1.0))
    with pytest.raises(ValueError, match=r"^fill\[0\] must be at most 1, got 1.5$"):
        SSDAugmentation(8, fill=(1.5, 0.0, 0.0))


@pytest.mark.parametrize("settings", [Crop(), Photometric(), SSDAugmentation(8)])
def test_settings_cannot_be_changed(settings) -> None:
    for name in vars(settings):
        with pytest.raises(FrozenInstanceError):
            setattr(settings, name, getattr(settings, name))


def test_options_are_given_by_name() -> None:
    for options in (Crop, Photometric):
        with pytest.raises(TypeError, match="by position"):
            options(1.0)


@pytest.mark.parametrize("settings", [Crop(size=(0.2, 0.5)), Photometric(hue=18.0), SSDAugmentation(8)])
def test_settings_work_as_dataclasses_and_come_back_from_json(settings) -> None:
    kind = type(settings)
    assert kind(**json.loads(json.dumps(asdict(settings)))) == settings
    assert hash(replace(settings)) == hash(settings)
    assert len({settings, replace(settings)}) == 1


def test_whole_numbers_are_taken_as_numbers() -> None:
    options = Crop(weights=(1, 5, 1), size=(0.5, 1))
    assert options == Crop(weights=(1.0, 5.0, 1.0), size=(0.5, 1.0))
    assert all(isinstance(weight, float) for weight in options.weights)


def test_old_names_still_work_and_warn() -> None:
    augment, truths = SSDAugmentation(8), many(BOX, times=20)
    with pytest.warns(DeprecationWarning, match=r"SSDAugmentation\.numbers is now .*num_uniforms"):
        assert augment.numbers(3) == augment.num_uniforms(3)
    new = sample_patches(truths, generator=seeded(1), options=Crop(weights=ANY_PATCH))
    with pytest.warns(DeprecationWarning, match=r"sample_patches\(law=\) is now options="):
        old = sample_patches(truths, generator=seeded(1), law=Crop(weights=ANY_PATCH))
    assert old.tolist() == new.tolist()
