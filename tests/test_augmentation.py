import colorsys
import itertools
import math
import random
from collections import Counter
from dataclasses import FrozenInstanceError

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssd_lite.augmentation import (
    Crop,
    Photometric,
    SSDAugmentation,
    crop_truths,
    flip_truths,
    sample_patches,
    shift_colours,
)
from ssd_lite.augmentation.crop import _candidates, _choose
from ssd_lite.random import PredrawnUniforms
from ssd_lite.truths import Truth, Truths
from tests.reference import augmentation as reference
from tests.strategies import box_lists, boxes_xyxy, tensor_of

WHOLE = [0.0, 0.0, 1.0, 1.0]
BOX = [0.2, 0.2, 0.7, 0.7]
ANY_PATCH, BY_OVERLAP = (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)
MANY = 20_000

# Seeds are fixed, so a bound is met or missed for good. 4.5 standard deviations would go wrong once
# in 150,000 seeds, and at 20,000 draws they are about 1.5 % of a share.
DEVIATIONS = 4.5


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def many(*boxes: list[float], times: int = MANY) -> Truths:
    one = Truths.from_list([Truth.of(list(boxes), [1] * len(boxes))])
    return Truths(*(value.repeat(times, *[1] * (value.ndim - 1)) for value in fields(one)))


def fields(truths: Truths) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return truths.boxes_xyxy, truths.labels, truths.difficult


def equal(one: Truths, other: Truths) -> bool:
    return all(torch.equal(a, b) for a, b in zip(fields(one), fields(other), strict=True))


def is_whole(patches: torch.Tensor) -> torch.Tensor:
    return (patches == torch.tensor(WHOLE)).all(dim=-1)


def assert_share(happened: torch.Tensor, chance: float) -> None:
    n = happened.numel()
    off = abs(int(happened.sum()) - n * chance)
    assert off <= DEVIATIONS * math.sqrt(n * chance * (1 - chance)), (happened.double().mean(), chance)


def assert_uniform(values: torch.Tensor) -> None:
    """Kolmogorov and Smirnov: 2.3 / √n is exceeded once in 20,000 seeds."""
    ordered = values.double().sort().values
    n = len(ordered)
    distance = (ordered - torch.arange(n) / n).abs().maximum((ordered - torch.arange(1, n + 1) / n).abs())
    assert distance.max() < 2.3 / math.sqrt(n)


def assert_independent(one: torch.Tensor, other: torch.Tensor) -> None:
    correlation = torch.corrcoef(torch.stack([one, other]))[0, 1]
    assert abs(correlation) < DEVIATIONS / math.sqrt(len(one))


def chi_square(one: Counter, other: Counter) -> tuple[float, int]:
    """Two samples of equal size: the statistic, and its degrees of freedom. Rare classes are left out."""
    both = [key for key in one | other if one[key] + other[key] >= 20]
    return sum((one[key] - other[key]) ** 2 / (one[key] + other[key]) for key in both), len(both) - 1


def assert_same_law(one: Counter, other: Counter) -> None:
    statistic, freedom = chi_square(one, other)
    assert freedom >= 4
    assert statistic < freedom + DEVIATIONS * math.sqrt(2 * freedom)


# Bad options ------------------------------------------------------------------------------------


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
    with pytest.raises(ValueError, match=rf"^{option} must "):
        kind(**{**needed, option: value})


# Patches: what may come out -----------------------------------------------------------------------


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


def patch_sides(patches: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return (patches[:, 2:] - patches[:, :2]).double().unbind(-1)


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
    assert_same_law(by_sides(patches.tolist()), by_sides(expected))


def by_sides(patches: list[list[float]]) -> Counter:
    return Counter((int((x1 - x0) * 8), int((y1 - y0) * 8)) for x0, y0, x1, y1 in patches)


# Patches: the options' shares ---------------------------------------------------------------------


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


def test_the_defaults_are_the_texts():
    options = Crop()
    assert options.weights[0] == options.weights[1] == options.weights[2]
    assert options.min_overlaps == (0.1, 0.3, 0.5, 0.7, 0.9)
    assert options.size == (0.1, 1.0)
    assert options.aspect_ratio == (0.5, 2.0)
    assert options.keep_empty
    assert SSDAugmentation(300).flip == 0.5


def test_one_third_each_with_the_default_law():
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


# Patches: their rule ------------------------------------------------------------------------------

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


# Patches: draw, then choose -----------------------------------------------------------------------


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


def test_the_law_of_a_small_example_is_the_simulated_one():
    orders = ("choose-then-draw", "draw-then-choose")
    found = {order: sampled(order) for order in orders}
    expected = {order: simulated(order) for order in orders}
    for order in orders:
        assert_same_law(found[order], expected[order])
    # The two orders are different laws here, or the comparison would say nothing.
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


# Patches: as a function ---------------------------------------------------------------------------


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


def test_the_global_generator_is_left_alone():
    before = torch.random.get_rng_state()
    images = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    SSDAugmentation(8, zoom_out=0.5)(images, many(BOX, times=4), generator=seeded(23))
    assert torch.equal(before, torch.random.get_rng_state())


def test_patches_of_no_images():
    assert sample_patches(Truths.from_list([]), generator=seeded(24)).shape == (0, 4)


# Truths in a patch --------------------------------------------------------------------------------


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


# Flips --------------------------------------------------------------------------------------------


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


# Truths and pixels --------------------------------------------------------------------------------

EVEN = [(96, 80), (56, 96), (32, 48), (96, 104), (72, 32), (40, 40)]
ODD = [(95, 80), (61, 97), (33, 45), (99, 109), (70, 31), (45, 45)]


def bright_rectangles(
    sizes_px: list[tuple[int, int]], generator: torch.Generator
) -> tuple[torch.Tensor, Truths, torch.Tensor]:
    """Black images with one red box each, on a canvas whose unused part is blue and red noise."""
    images = torch.randint(0, 2, (len(sizes_px), 3, 100, 110), generator=generator, dtype=torch.uint8) * 255
    images[:, 2] = 255
    truths = []
    for image, (height, width) in zip(images, sizes_px, strict=True):
        image[:, :height, :width] = 0
        spans = []
        for side in (width, height):
            long = int(torch.randint(int(0.4 * side), int(0.8 * side), (), generator=generator))
            low = int(torch.randint(0, side - long + 1, (), generator=generator))
            spans.append((low, low + long))
        (x0, x1), (y0, y1) = spans
        image[0, y0:y1, x0:x1] = 255
        truths.append(Truth.of([[x0 / width, y0 / height, x1 / width, y1 / height]], [1]))
    return images, Truths.from_list(truths), torch.tensor(sizes_px)


def extent(mask: torch.Tensor) -> list[float]:
    """The bounding box of the marked pixels, in pixels."""
    columns, rows = mask.any(dim=0).nonzero(), mask.any(dim=1).nonzero()
    return [columns.min().item(), rows.min().item(), columns.max().item() + 1, rows.max().item() + 1]


# A result pixel is bright or not as one, which is half a pixel; a shrunken image's pixel, up to two
# result pixels long in a narrow image, is another half of that. Where the sides are odd, a shrunken
# image lacks its last row or column, up to 1.6 result pixels long, and repeats the one before.
@pytest.mark.parametrize(("sizes_px", "pixels"), [(EVEN, 1.5), (ODD, 2.1)], ids=["even", "odd"])
@pytest.mark.parametrize("size", [40, 120])
@pytest.mark.parametrize("zoom_out", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    "crop",
    [None, Crop(weights=ANY_PATCH), Crop(), Crop(weights=BY_OVERLAP, size_of="side", keep_empty=False)],
    ids=["uncropped", "any", "text", "side"],
)
def test_truths_fit_what_is_seen(crop, zoom_out, size, sizes_px, pixels):
    augment = SSDAugmentation(size, crop=crop, photometric=None, zoom_out=zoom_out, fill=(0.0, 1.0, 0.0))
    images, truths, sizes = bright_rectangles(sizes_px * 15, seeded(26))
    seen, found = augment(images, truths, generator=seeded(27), sizes_px=sizes)
    assert seen[:, 2].max() < 1e-3  # no blue: the unused canvas never shows
    kept = found.present[:, 0]
    assert kept.double().mean() > 0.4
    # Half red, as at the edge in a shrunken image, is not red, however it was rounded.
    drawn = torch.tensor([extent(image[0] > 0.501) for image in seen[kept]])
    off = found.boxes_xyxy[kept, 0] * size - drawn
    assert off.abs().max() < pixels
    assert off.abs().quantile(0.9) < 0.75
    # Half a pixel of shift would hide in such a bound, but not in the mean of many.
    assert off.mean(dim=0).abs().max() < pixels / 7


# Zooming out --------------------------------------------------------------------------------------


def zoomed(times: int, **options) -> torch.Tensor:
    """Where the image lies on its canvas: boxes (b, 4)."""
    images = torch.zeros(times, 3, 1, 1, dtype=torch.uint8)
    augment = SSDAugmentation(1, crop=None, photometric=None, flip=0.0, **options)
    return augment(images, many(WHOLE, times=times), generator=seeded(28))[1].boxes_xyxy[:, 0].double()


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_zooming_out_happens_with_its_probability(chance):
    assert_share(~is_whole(zoomed(MANY, zoom_out=chance).float()), chance)


def test_zooming_out_shrinks_evenly_up_to_its_largest_and_puts_the_image_anywhere():
    boxes = zoomed(MANY, zoom_out=1.0, zoom_out_largest=3.0)
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    torch.testing.assert_close(width, height, atol=1e-6, rtol=0)  # it keeps its shape
    assert_uniform((1 / width - 1) / 2)
    clear = width < 0.99
    across, down = (boxes[:, 0] / (1 - width))[clear], (boxes[:, 1] / (1 - height))[clear]
    assert_uniform(across)
    assert_uniform(down)
    assert_independent(across, down)
    assert boxes.min() > -1e-6
    assert boxes.max() < 1 + 1e-6


@pytest.mark.parametrize("photometric", [None, Photometric(probability=1.0, shuffle=1.0)])
def test_the_canvas_has_exactly_the_fill_colour(photometric):
    augment = SSDAugmentation(30, crop=None, photometric=photometric, zoom_out=1.0, fill=(0.1, 0.7, 0.3))
    images = torch.full((50, 3, 20, 20), 255, dtype=torch.uint8)
    seen, truths = augment(images, many(WHOLE, times=50), generator=seeded(29))
    fill = torch.tensor([0.1, 0.7, 0.3]).view(3, 1, 1)
    centres = (torch.arange(30) + 0.5) / 30
    filled = 0
    for image, (x0, y0, x1, y1) in zip(seen, truths.boxes_xyxy[:, 0].tolist(), strict=True):
        inside = ((centres > y0) & (centres < y1)).view(-1, 1) & (centres > x0) & (centres < x1)
        assert (image == fill).all(dim=0)[~inside].all()
        # White may have become grey, but not the fill.
        assert (image[:, inside].amax(dim=0) - image[:, inside].amin(dim=0) < 1e-5).all()
        filled += int((~inside).sum())
    assert filled > 0.3 * 50 * 900


# Colours ------------------------------------------------------------------------------------------

NOTHING = {"brightness": 0.0, "contrast": (1.0, 1.0), "saturation": (1.0, 1.0), "hue": 0.0}


def only(**options) -> Photometric:
    """One distortion, always, and the others off."""
    return Photometric(**{**NOTHING, "probability": 1.0, **options})


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


@pytest.mark.parametrize(
    ("options", "each"),
    [
        ({}, 5 + 4 * 6 * 50 + 1 + 10),
        ({"crop": None, "photometric": None}, 5),
        ({"crop": None, "photometric": Photometric(shuffle=0.5)}, 5 + 14),
    ],
)
def test_as_many_random_numbers_are_foretold(options, each) -> None:
    assert SSDAugmentation(32, **options).numbers(3) == 3 * each


def random_pixels(images: int, pixels: int) -> torch.Tensor:
    """Colours (b, 3, 1, n), with corners of the cube and greys among them."""
    colours = torch.rand(images, 3, 1, pixels, generator=seeded(30))
    cube = torch.tensor(list(itertools.product([0.0, 1.0], repeat=3)))  # (8, 3)
    colours[..., :8] = cube.T.unsqueeze(1)
    colours[..., 8:11] = torch.tensor([0.2, 0.5, 0.9])
    colours[..., 11] = torch.tensor([0.7, 0.7, 0.2]).view(3, 1)
    return colours


def pixels_of(image: torch.Tensor) -> list[tuple[float, float, float]]:
    return [tuple(colour) for colour in image.flatten(1).T.tolist()]


def assert_colours(image: torch.Tensor, expected: list[tuple[float, float, float]]) -> None:
    torch.testing.assert_close(image.flatten(1).T, torch.tensor(expected), atol=1e-5, rtol=0)


def plain(times: int, colour: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(colour).view(1, 3, 1, 1).repeat(times, 1, 1, 1)


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


# The whole ----------------------------------------------------------------------------------------


def street(generator: torch.Generator) -> tuple[torch.Tensor, Truths, torch.Tensor]:
    """Noise on a canvas that is no square, with many objects, one, or none, and one difficult."""
    images = torch.randint(0, 256, (40, 3, 50, 70), dtype=torch.uint8, generator=generator)
    kinds = [
        Truth.of([BOX, [0.0, 0.0, 0.25, 0.5], [0.5, 0.75, 1.0, 1.0]], [1, 2, 3], [False, True, False]),
        Truth.of([], []),
        Truth.of([WHOLE], [4]),
        Truth.of([[0.9, 0.9, 0.95, 0.95]], [5]),
    ]
    sizes = torch.tensor([[50, 70], [33, 21], [1, 1], [7, 70]])
    return images, Truths.from_list(kinds * 10), sizes.repeat(10, 1)


WHOLES = [
    SSDAugmentation(32),
    SSDAugmentation(17, crop=None, photometric=None, flip=1.0),
    SSDAugmentation(90, zoom_out=0.5),
    SSDAugmentation(32, crop=None, zoom_out=1.0, zoom_out_largest=8.0),
    SSDAugmentation(
        8,
        crop=Crop(
            weights=(1.0, 5.0, 1.0),
            order="draw-then-choose",
            overlap_with="all",
            size_of="side",
            size=(0.3, 1.0),
        ),
        photometric=Photometric(shuffle=0.5, brightness_by="product"),
        zoom_out=0.5,
    ),
]


@pytest.mark.parametrize("augment", WHOLES, ids=range(len(WHOLES)))
def test_what_comes_out_can_be_trained_on(augment, generator):
    images, truths, sizes = street(generator)
    copy, copies_of = images.clone(), [value.clone() for value in (*fields(truths), sizes)]
    for seed in range(5):
        seen, found = augment(images, truths, generator=seeded(seed), sizes_px=sizes)
        assert seen.shape == (40, 3, augment.size, augment.size)
        assert seen.dtype == torch.float32
        assert 0 <= seen.min() < seen.max() <= 1  # and so no NaN
        boxes = found.boxes_xyxy[found.present]
        assert boxes.isfinite().all()
        assert boxes.min() >= 0
        assert boxes.max() <= 1
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        # Objects may go, none may come or change their label; what is gone is padding.
        assert ((found.labels == truths.labels) | (found.labels == 0)).all()
        assert torch.equal(found.difficult, truths.difficult & found.present)
        assert found.present.any()
    assert torch.equal(images, copy)
    assert all(torch.equal(a, b) for a, b in zip((*fields(truths), sizes), copies_of, strict=True))


@pytest.mark.parametrize("augment", WHOLES, ids=range(len(WHOLES)))
def test_the_generator_decides_everything(augment, generator):
    images, truths, sizes = street(generator)
    first, found = augment(images, truths, generator=seeded(1), sizes_px=sizes)
    again, found_again = augment(images, truths, generator=seeded(1), sizes_px=sizes)
    assert torch.equal(first, again)
    assert equal(found, found_again)
    if augment is not WHOLES[1]:  # it draws nothing: mirroring is certain
        other, _ = augment(images, truths, generator=seeded(2), sizes_px=sizes)
        assert not torch.equal(first, other)


def test_without_any_option_it_only_resizes(generator):
    images = torch.randint(0, 256, (2, 3, 30, 30), dtype=torch.uint8, generator=generator)
    augment = SSDAugmentation(30, crop=None, photometric=None, flip=0.0)
    seen, truths = augment(images, many(BOX, times=2), generator=generator)
    torch.testing.assert_close(seen, images / 255, atol=1e-3, rtol=0)
    assert equal(truths, many(BOX, times=2))


def test_without_sizes_the_whole_canvas_is_the_image(generator):
    images, truths, _ = street(generator)
    sizes = torch.tensor([[50, 70]] * 40)
    implied = SSDAugmentation(32)(images, truths, generator=seeded(3))
    stated = SSDAugmentation(32)(images, truths, generator=seeded(3), sizes_px=sizes)
    assert torch.equal(implied[0], stated[0])
    assert equal(implied[1], stated[1])


@pytest.mark.parametrize("slots", [0, 3])
@pytest.mark.parametrize("images", [0, 1, 2])
def test_a_batch_without_any_object(images, slots):
    empty = Truths.from_list([Truth.of([], [])] * images, slots=slots)
    augment = SSDAugmentation(16, zoom_out=0.5)
    pixels = torch.zeros(images, 3, 20, 31, dtype=torch.uint8)
    seen, truths = augment(pixels, empty, generator=seeded(4))
    assert seen.shape == (images, 3, 16, 16)
    assert truths.labels.shape == (images, slots)
    assert not truths.present.any()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("augment", WHOLES, ids=range(len(WHOLES)))
def test_a_gpu_gives_the_same(augment, generator):
    images, truths, sizes = street(generator)
    here, found = augment(images, truths, generator=seeded(5), sizes_px=sizes)
    there, found_there = augment(images.cuda(), truths.to("cuda"), generator=seeded(5), sizes_px=sizes.cuda())
    assert there.device.type == "cuda"
    torch.testing.assert_close(there.cpu(), here, atol=1e-2, rtol=0)
    assert torch.equal(found_there.labels.cpu(), found.labels)
    torch.testing.assert_close(found_there.boxes_xyxy.cpu(), found.boxes_xyxy, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Crop(weights=(float("nan"), 1.0, 1.0)), "weights must be three finite"),
        (lambda: Crop(weights=(float("inf"), 1.0, 1.0)), "weights must be three finite"),
        (lambda: SSDAugmentation(8, fill=(123.0, 117.0, 104.0)), r"fill must lie in \[0, 1\]"),
        (lambda: SSDAugmentation(8, zoom_out_largest=float("inf")), "zoom_out_largest must be finite"),
        (lambda: SSDAugmentation(8, zoom_out_largest=float("nan")), "zoom_out_largest must be finite"),
    ],
)
def test_numbers_that_are_none_are_refused(build, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build()


def test_padding_stays_zero_when_the_image_is_zoomed_out(generator: torch.Generator) -> None:
    truths = Truths.from_list([Truth.of([[0.2, 0.2, 0.6, 0.6]], [1]), Truth.of([], [])])
    zoom = SSDAugmentation(16, crop=None, photometric=None, flip=1.0, zoom_out=1.0)
    images = torch.zeros(2, 3, 20, 20, dtype=torch.uint8)
    assert zoom(images, truths, generator=generator)[1].boxes_xyxy[1].abs().sum() == 0


# Limits of the numbers drawn, each at its edge


def test_sides_are_drawn_apart_and_ratios_at_the_limits_fit() -> None:
    options = Crop(size_of="side", size=(0.25, 0.5), aspect_ratio=(0.5, 2.0))
    numbers = torch.tensor([[[0.0, 1.0, 0.0, 0.5], [1.0, 0.0, 1.0, 0.0], [1.0, 1.0, 0.5, 0.5]]])
    patches, fits = _candidates(numbers, options)
    expected = [[0.0, 0.25, 0.25, 0.75], [0.5, 0.0, 1.0, 0.25], [0.25, 0.25, 0.75, 0.75]]
    assert patches[0].tolist() == expected
    assert fits.all()
    _, narrow = _candidates(numbers, Crop(size_of="side", size=(0.25, 0.5), aspect_ratio=(0.6, 1.5)))
    assert narrow.tolist() == [[False, False, True]]


def test_an_image_without_objects_is_whole_beside_one_with_them() -> None:
    two = Truths.from_list([Truth.of([WHOLE], [1]), Truth.of([], [])])
    options = Crop(weights=(0.0, 1.0, 0.0), overlap_with="all", min_overlaps=(0.1,))
    patches = sample_patches(two, generator=seeded(1), options=options)
    assert patches[0].tolist() != WHOLE
    assert patches[1].tolist() == WHOLE


def test_an_option_without_weight_is_never_taken() -> None:
    options = Crop(weights=(0.0, 1.0, 0.0), min_overlaps=(0.1,))
    assert _choose(torch.ones(1, 2, dtype=torch.bool), torch.tensor([0.0]), options).tolist() == [1]


def test_a_chance_is_not_reached_by_a_number_that_equals_it() -> None:
    augmentation = SSDAugmentation(8, crop=None, photometric=None, flip=0.5, zoom_out=0.5)
    image = torch.arange(8, dtype=torch.uint8).expand(1, 3, 8, 8).contiguous()
    truths = Truths.from_list([Truth.of([BOX], [1])])
    seen, kept = augmentation(
        image, truths, generator=PredrawnUniforms(torch.tensor([0.5, 0.9, 0.5, 0.5, 0.5]), images=1)
    )
    torch.testing.assert_close(seen * 255, image.float())
    assert equal(kept, truths)


@pytest.mark.parametrize("options", [{"size": (0.5, 0.5)}, {"aspect_ratio": (1.0, 1.0)}])
def test_a_range_may_be_one_number(options: dict) -> None:
    assert Crop(**options)


def test_the_known_ways_are_listed() -> None:
    with pytest.raises(ValueError, match="size_of must be one of area, side, got 'edge'"):
        Crop(size_of="edge")


def test_the_limits_of_zooming_out_are_allowed_and_no_more() -> None:
    assert SSDAugmentation(8, zoom_out_largest=1.0, fill=(1.0, 0.0, 1.0))
    with pytest.raises(ValueError, match="fill must lie in"):
        SSDAugmentation(8, fill=(1.5, 0.0, 0.0))


def test_an_option_without_weight_is_not_taken_in_place_of_one_that_failed() -> None:
    options = Crop(weights=(0.0, 0.0, 1.0), min_overlaps=(0.1,), order="draw-then-choose")
    possible = torch.tensor([[True, False], [True, True]])  # by overlap; any patch
    assert _choose(possible, torch.tensor([0.5, 0.5]), options).tolist() == [0, 2]


@pytest.mark.parametrize("size_of", ["area", "side"])
def test_no_patch_leaves_the_image_by_rounding(size_of: str) -> None:
    """With the largest numbers that can be drawn, on which all of a side or a place may depend."""
    draws = torch.rand(1, 20_000, 4, generator=seeded(3))
    draws[:, ::2, 1] = 1 - 2**-24
    draws[:, ::3, 2:] = 1 - 2**-24
    patches, _ = _candidates(draws, Crop(size_of=size_of))
    assert patches.min() >= 0
    assert patches.max() <= 1


@pytest.mark.parametrize("augment", WHOLES, ids=range(len(WHOLES)))
def test_everything_is_made_on_the_device_of_the_images(augment, generator) -> None:
    images, truths, sizes = street(generator)
    seen, found = augment(images, truths, generator=seeded(5), sizes_px=sizes)
    with torch.device("meta"):  # where whatever names no device would land
        again, found_again = augment(images, truths, generator=seeded(5), sizes_px=sizes)
    assert torch.equal(again, seen)
    assert equal(found_again, found)


def test_the_law_of_patches_that_is_given_is_the_one_used() -> None:
    truths = Truths.from_list([Truth.of([BOX], [1])] * 50)
    images = torch.zeros(50, 3, 8, 8, dtype=torch.uint8)
    whole = SSDAugmentation(8, crop=Crop(weights=(1.0, 0.0, 0.0)), photometric=None, flip=0.0)
    assert equal(whole(images, truths, generator=seeded(1))[1], truths)
    cropped = SSDAugmentation(8, crop=Crop(weights=ANY_PATCH), photometric=None, flip=0.0)
    assert not (cropped(images, truths, generator=seeded(1))[1].boxes_xyxy == truths.boxes_xyxy).any()


def test_an_image_far_away_is_averaged_not_sampled() -> None:
    """Zoomed out to a sixteenth, a pixel of the result stands for 16 × 16 of the image."""
    noise = torch.randint(0, 2, (1, 1, 64, 64), generator=seeded(2)).expand(1, 3, 64, 64) * 255
    options = {"zoom_out": 1.0, "zoom_out_largest": 16.0}
    augment = SSDAugmentation(64, crop=None, photometric=None, flip=0.0, **options)
    numbers = PredrawnUniforms(torch.tensor([0.0, 1 - 2**-24, 0.5, 0.5, 0.5]), images=1)
    seen, _ = augment(noise.to(torch.uint8), Truths.from_list([Truth.of([], [])]), generator=numbers)
    assert (seen[:, :, 30:34, 30:34] - 0.5).abs().max() < 0.15  # of single pixels: up to 0.5
    assert (seen[0, :, 0, 0] - torch.tensor(augment.fill)).abs().max() < 1e-6


@pytest.mark.parametrize("settings", [Crop(), Photometric(), SSDAugmentation(8)])
def test_settings_cannot_be_changed(settings) -> None:
    for name in vars(settings):
        with pytest.raises(FrozenInstanceError):
            setattr(settings, name, getattr(settings, name))


def test_laws_are_given_by_name() -> None:
    for options in (Crop, Photometric):
        with pytest.raises(TypeError, match="positional"):
            options(1.0)
