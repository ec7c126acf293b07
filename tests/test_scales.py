import json
import math
from dataclasses import FrozenInstanceError, asdict, replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList

from ssd_lite import scales
from ssd_lite.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from ssd_lite.scales import DefaultBoxes, fitting
from ssd_lite.truths import Truth, Truths
from tests.reference import boxes as reference_boxes
from tests.reference import scales as reference
from tests.strategies import lattice_boxes, random_boxes

GRIDS_300 = (38, 19, 10, 5, 3, 1)
RATIOS_300 = [[2], [2, 3], [2, 3], [2, 3], [2], [2]]
STEPS_300 = [8, 16, 32, 64, 100, 300]
GRIDS_512 = (64, 32, 16, 8, 4, 2, 1)
RATIOS_512 = [[2], [2, 3], [2, 3], [2, 3], [2, 3], [2], [2]]
STEPS_512 = [8, 16, 32, 64, 128, 256, 512]

# Sides in pixels of the released models' boxes, from their prototxt files.
RELEASED = {
    "ssd300_voc": (300, GRIDS_300, RATIOS_300, STEPS_300, [30, 60, 111, 162, 213, 264, 315]),
    "ssd300_coco": (300, GRIDS_300, RATIOS_300, STEPS_300, [21, 45, 99, 153, 207, 261, 315]),
    "ssd512_voc": (
        512,
        GRIDS_512,
        RATIOS_512,
        STEPS_512,
        [35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.6],
    ),
    "ssd512_coco": (
        512,
        GRIDS_512,
        RATIOS_512,
        STEPS_512,
        [20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72],
    ),
}


def small_layout(**changes) -> DefaultBoxes:
    options = {
        "grids": ((4, 4), (2, 2)),
        "scales": (0.2, 0.4, 0.8),
        "aspect_ratios": ((2.0,), (2.0, 3.0)),
    }
    return DefaultBoxes(**{**options, **changes})


def same_boxes(got, expected) -> None:
    torch.testing.assert_close(got, torch.tensor(expected, dtype=torch.float32), rtol=0, atol=2e-7)


# The formula


def test_golden_scales_of_six_maps():
    assert scales.linear_scales(6) == pytest.approx((0.2, 0.34, 0.48, 0.62, 0.76, 0.9))


@given(st.integers(2, 12), st.floats(0.01, 0.5), st.floats(0.5, 1.5))
def test_scales_equal_the_formula(num_maps, smallest, largest):
    got = scales.linear_scales(num_maps, smallest=smallest, largest=largest)
    assert got == pytest.approx(reference.linear_scales(num_maps, smallest, largest))


def test_a_single_map_has_the_smallest_scale():
    # The formula divides by m - 1 = 0 here, and says nothing.
    assert scales.linear_scales(1) == (0.2,)


@pytest.mark.parametrize(
    "options",
    [{"num_maps": 0}, {"num_maps": 3, "smallest": 0.0}, {"num_maps": 3, "smallest": 0.9, "largest": 0.2}],
)
def test_bad_scales_raise(options):
    with pytest.raises(ValueError, match=r"num_maps|smallest"):
        scales.linear_scales(**options)


# The text's layout


def test_paper_has_six_boxes_in_every_cell():
    layout = scales.paper((8, 4))
    assert layout.per_location == (6, 6)
    assert layout.cxcywh().shape == (8 * 8 * 6 + 4 * 4 * 6, 4)
    assert len(layout) == 480
    assert scales.paper(((4, 3), 2)).grids == ((4, 3), (2, 2))


def test_golden_cell_of_the_paper():
    # First cell of the 8 × 8 map: s = 0.2; s' = sqrt(0.2 · 0.9), for with two maps s_2 is 0.9.
    cell = scales.paper((8, 4)).cxcywh()[:6]
    between = math.sqrt(0.2 * 0.9)
    sizes = [
        (0.2, 0.2),
        (between, between),
        (0.2 * math.sqrt(2), 0.2 / math.sqrt(2)),
        (0.2 / math.sqrt(2), 0.2 * math.sqrt(2)),
        (0.2 * math.sqrt(3), 0.2 / math.sqrt(3)),
        (0.2 / math.sqrt(3), 0.2 * math.sqrt(3)),
    ]
    same_boxes(cell, [[1 / 16, 1 / 16, w, h] for w, h in sizes])


@pytest.mark.parametrize("grids", [(8, 4), (38, 19, 10, 5, 3, 1), (7,), (3, 3, 3)])
def test_paper_equals_the_loops(grids):
    layout = scales.paper(grids)
    formula = reference.linear_scales(len(grids), 0.2, 0.9) if len(grids) > 1 else [0.2]
    # The text leaves s_(m+1) open, so that one is taken from the layout.
    expected = reference.default_boxes(
        [(g, g) for g in grids], [*formula, layout.scales[-1]], [[2, 3]] * len(grids)
    )
    same_boxes(layout.cxcywh(), expected)


def test_the_text_s_open_scale_is_the_formula_s_next_value():
    assert scales.paper(GRIDS_300).scales == pytest.approx((0.2, 0.34, 0.48, 0.62, 0.76, 0.9, 1.04))


def test_every_shape_of_a_ratio_has_the_area_of_its_scale():
    layout = scales.paper((4, 2))
    sizes = layout.cxcywh()[:, 2:].reshape(-1, 6, 2)
    area = sizes.prod(dim=-1)
    torch.testing.assert_close(area[:, 2:], area[:, :1].expand(-1, 4))
    ratio = sizes[..., 0] / sizes[..., 1]
    torch.testing.assert_close(ratio, torch.tensor([1, 1, 2, 1 / 2, 3, 1 / 3]).expand_as(ratio))


def test_order_is_map_row_column_shape():
    boxes = scales.paper((3, 2)).cxcywh()
    first, second = boxes[: 9 * 6].reshape(3, 3, 6, 4), boxes[9 * 6 :].reshape(2, 2, 6, 4)
    for cells, size in ((first, 3), (second, 2)):
        for row in range(size):
            for column in range(size):
                centre = torch.tensor([(column + 0.5) / size, (row + 0.5) / size])
                torch.testing.assert_close(cells[row, column, :, :2], centre.expand(6, 2))


def test_a_grid_that_is_not_square_has_its_rows_first():
    # Two rows of five: cx has five values, cy two.
    layout = small_layout(grids=((2, 5), (1, 3)))
    expected = reference.default_boxes([(2, 5), (1, 3)], [0.2, 0.4, 0.8], [[2], [2, 3]])
    same_boxes(layout.cxcywh(), expected)
    assert len(layout) == len(layout.cxcywh()) == 10 * 4 + 3 * 6


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=3),
    st.booleans(),
    st.data(),
)
@settings(max_examples=60)
def test_any_layout_equals_the_loops(grids, with_steps, data):
    maps = len(grids)
    sides = data.draw(st.lists(st.floats(0.05, 1.2), min_size=maps + 1, max_size=maps + 1))
    ratios = data.draw(
        st.lists(st.lists(st.sampled_from([1.5, 2.0, 3.0, 0.4]), max_size=3), min_size=maps, max_size=maps)
    )
    steps = [8.0, 16.0, 100.0][:maps] if with_steps else None
    size = 96 if with_steps else None
    layout = DefaultBoxes(
        grids=tuple(grids),
        scales=tuple(sides),
        aspect_ratios=tuple(tuple(of_map) for of_map in ratios),
        steps=None if steps is None else tuple(steps),
        image_size=size,
    )
    same_boxes(layout.cxcywh(), reference.default_boxes(grids, sides, ratios, steps, size or 1))
    assert layout.per_location == tuple(2 + 2 * len(of_map) for of_map in ratios)
    assert len(layout) == len(layout.cxcywh())


# The released layouts


@pytest.mark.parametrize(("name", "count"), [("ssd300_voc", 8732), ("ssd512_voc", 24564)])
def test_golden_counts(name, count):
    for dataset in ("voc", "coco"):
        layout = getattr(scales, name.replace("voc", dataset))()
        assert len(layout) == len(layout.cxcywh()) == count


def test_golden_boxes_per_location():
    for layout in (scales.ssd300_voc(), scales.ssd300_coco()):
        assert list(layout.per_location) == [4, 6, 6, 6, 4, 4]
    for layout in (scales.ssd512_voc(), scales.ssd512_coco()):
        assert list(layout.per_location) == [4, 6, 6, 6, 6, 4, 4]


@pytest.mark.parametrize("name", RELEASED)
def test_released_layouts_equal_the_loops(name):
    size, grids, ratios, steps, sides_px = RELEASED[name]
    expected = reference.default_boxes(
        [(g, g) for g in grids], [side / size for side in sides_px], ratios, steps, size
    )
    same_boxes(getattr(scales, name)().cxcywh(), expected)


@pytest.mark.parametrize("name", RELEASED)
def test_released_layouts_equal_torchvision_s(name):
    # It clamps widths and heights to 1 by default, and its boxes come as corners in pixels.
    size, grids, ratios, steps, sides_px = RELEASED[name]
    theirs = DefaultBoxGenerator(ratios, scales=[side / size for side in sides_px], steps=steps, clip=False)
    image = ImageList(torch.zeros(1, 3, size, size), [(size, size)])
    (boxes_px,) = theirs(image, [torch.zeros(1, 1, g, g) for g in grids])
    ours = cxcywh_to_xyxy(getattr(scales, name)().cxcywh())
    torch.testing.assert_close(ours, boxes_px / size, rtol=0, atol=1e-6)


def test_torchvision_s_own_scales_are_those_for_coco():
    # Its ssd300_vgg16 names them as shares: 0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05.
    assert scales.ssd300_coco().scales == pytest.approx((0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05))


@pytest.mark.parametrize(
    ("name", "beyond"),
    [("ssd300_voc", 2869), ("ssd300_coco", 2223), ("ssd512_voc", 5486), ("ssd512_coco", 4118)],
)
def test_golden_number_of_boxes_beyond_the_image(name, beyond):
    # 2,869 of 8,732 is the figure one reads of; it is that of the layout for VOC.
    boxes = cxcywh_to_xyxy(getattr(scales, name)().cxcywh().double())
    # The slack of 1e-6 is for sides that end at the image's edge, but for float32.
    assert int(((boxes < -1e-6) | (boxes > 1 + 1e-6)).any(dim=1).sum()) == beyond


def test_clamping_centre_form_alters_other_boxes_than_clipping_does():
    centre_form = scales.ssd300_voc().cxcywh()
    altered = centre_form.clamp(0, 1) != centre_form
    assert int(altered[:, 2:].any(dim=1).sum()) == 20
    # The last row and column of the 10 × 10 map: 19 cells of 6 boxes.
    assert int(altered[:, :2].any(dim=1).sum()) == 114


def test_the_last_centre_of_the_10_by_10_map_lies_outside():
    boxes = scales.ssd300_voc().cxcywh()
    of_map = boxes[38 * 38 * 4 + 19 * 19 * 6 :][: 10 * 10 * 6]
    assert of_map[-1, 0].item() == pytest.approx(9.5 * 32 / 300)
    assert of_map[:, :2].max().item() == pytest.approx(1.013, abs=5e-4)
    # The text's centres stay inside.
    assert scales.paper((38, 19, 10, 5, 3, 1)).cxcywh()[:, :2].max() < 1


# Clipping, devices, errors


def test_clip_cuts_the_corners_to_the_image():
    layout = scales.ssd300_voc()
    assert not layout.clip
    loose = [reference_boxes.to_xyxy(box) for box in layout.cxcywh().double().tolist()]
    clipped = replace(layout, clip=True).cxcywh()
    same_boxes(clipped, [reference_boxes.to_cxcywh(reference_boxes.clip(box)) for box in loose])
    corners = cxcywh_to_xyxy(clipped)
    assert corners.min() > -1e-6
    assert corners.max() < 1 + 1e-6
    assert clipped[:, 2:].min() > 0


@pytest.mark.parametrize("name", ["ssd300_voc", "ssd300_coco"])
def test_clip_sides_shortens_sides_alone_as_torchvision_does(name):
    layout = replace(getattr(scales, name)(), clip_sides=True)
    theirs = DefaultBoxGenerator(
        [list(ratios) for ratios in layout.aspect_ratios],
        scales=list(layout.scales),
        steps=list(layout.steps),
        clip=True,
    )
    expected = theirs._grid_default_boxes([list(grid) for grid in layout.grids], [300, 300])
    torch.testing.assert_close(layout.cxcywh(), expected, rtol=1e-6, atol=1e-6)
    loose = getattr(scales, name)().cxcywh()
    assert torch.equal(layout.cxcywh(), torch.cat([loose[:, :2], loose[:, 2:].clamp(max=1)], dim=1))
    assert loose[:, 2:].max() > 1


def test_boxes_are_float32_and_go_where_they_are_wanted():
    layout = small_layout()
    assert layout.cxcywh().dtype == torch.float32
    assert layout.cxcywh(device="meta").device.type == "meta"


def test_a_layout_cannot_be_changed_and_equal_ones_are_equal():
    layout = small_layout()
    with pytest.raises(FrozenInstanceError):
        layout.scales = (1.0, 1.0, 1.0)
    assert layout == small_layout()
    assert hash(layout) == hash(small_layout())
    assert layout != small_layout(clip=True)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"scales": (0.2, 0.4)}, "scales"),
        ({"scales": (0.2, 0.4, 0.6, 0.8)}, "scales"),
        ({"scales": (0.2, 0.0, 0.6)}, "scales"),
        ({"scales": (0.2, -0.4, 0.6)}, "scales"),
        ({"scales": (0.2, math.nan, 0.6)}, "scales"),
        ({"scales": (0.2, math.inf, 0.6)}, "scales"),
        ({"aspect_ratios": ((2.0,),)}, "aspect_ratios"),
        ({"aspect_ratios": ((2.0,), (0.0,))}, "aspect_ratios"),
        ({"aspect_ratios": ((2.0,), (-2.0,))}, "aspect_ratios"),
        ({"aspect_ratios": ((math.nan,), (2.0,))}, "aspect_ratios"),
        ({"grids": ()}, "grids"),
        ({"grids": ((4, 4),)}, "scales"),
        ({"grids": ((4, 0), (2, 2))}, "grids"),
        ({"grids": ((4, 4), (-2, 2))}, "grids"),
        ({"steps": (8.0,), "image_size": 32}, "steps"),
        ({"steps": (8.0, 0.0), "image_size": 32}, "steps"),
        ({"steps": (8.0, -16.0), "image_size": 32}, "steps"),
        ({"steps": (8.0, 16.0), "image_size": 0}, "image_size"),
        ({"steps": (8.0, 16.0)}, "image_size"),
        ({"image_size": 32}, "steps and image_size"),
    ],
)
def test_bad_options_are_named(changes, name):
    with pytest.raises(ValueError, match=rf"^(steps and )?{name} "):
        small_layout(**changes)


# Coverage


def batch_of(boxes, present) -> Truths:
    """Truths of boxes (b, t, 4), with label 1 where an object is present."""
    return Truths(boxes, present.long(), torch.zeros_like(present))


@pytest.mark.parametrize("clip", [False, True])
def test_coverage_equals_brute_force(clip, generator):
    layout = small_layout(clip=clip)
    boxes = lattice_boxes(5, 4, generator=generator).float()
    present = torch.rand(5, 4, generator=generator) < 0.7
    got = scales.coverage(layout, batch_of(boxes, present))
    defaults = [reference_boxes.to_xyxy(box) for box in layout.cxcywh().double().tolist()]
    best = [
        [reference.best_overlap(box, defaults) if there else 0.0 for box, there in zip(*row, strict=True)]
        for row in zip(boxes.tolist(), present.tolist(), strict=True)
    ]
    torch.testing.assert_close(got.best, torch.tensor(best), rtol=1e-5, atol=1e-6)
    found = [
        overlap
        for row, there in zip(best, present.tolist(), strict=True)
        for overlap, here in zip(row, there, strict=True)
        if here
    ]
    assert got.mean == pytest.approx(sum(found) / len(found), rel=1e-5)
    assert got.recall == pytest.approx(sum(overlap > 0.5 for overlap in found) / len(found))


def test_coverage_takes_a_tensor_of_default_boxes(generator):
    truths = batch_of(random_boxes(2, 3, generator=generator).float(), torch.ones(2, 3, dtype=torch.bool))
    layout = small_layout()
    assert torch.equal(scales.coverage(layout.cxcywh(), truths).best, scales.coverage(layout, truths).best)


def test_an_object_that_is_a_default_box_is_covered_entirely():
    layout = scales.paper((4, 2))
    box = cxcywh_to_xyxy(layout.cxcywh()[30:31])
    got = scales.coverage(layout, Truths.from_list([Truth.of(box, [1]), Truth.of([], [])]))
    assert got.mean == pytest.approx(1)
    assert got.recall == 1


def test_recall_is_strict_at_its_threshold():
    default = torch.tensor([[0.25, 0.25, 0.5, 0.5]])
    # Overlaps 1/2, exactly, and 1/4.
    truths = Truths.from_list([Truth.of([[0.0, 0.0, 0.5, 0.25], [0.0, 0.0, 0.25, 0.25]], [1, 1])])
    assert scales.coverage(default, truths).recall == 0
    assert scales.coverage(default, truths, threshold=0.375).recall == 0.5
    assert scales.coverage(default, truths).best.tolist() == [[0.5, 0.25]]


def test_coverage_without_objects_is_not_a_number():
    got = scales.coverage(small_layout(), Truths.from_list([Truth.of([], []), Truth.of([], [])]))
    assert got.best.shape == (2, 0)
    assert math.isnan(got.mean)
    assert math.isnan(got.recall)


def test_padding_covers_nothing_and_counts_for_nothing(generator):
    boxes = random_boxes(1, 2, generator=generator).float()
    padded = torch.cat([torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]), boxes], dim=1)
    got = scales.coverage(small_layout(), batch_of(padded, torch.tensor([[False, True, True]])))
    alone = scales.coverage(small_layout(), batch_of(boxes, torch.tensor([[True, True]])))
    assert got.best[0, 0] == 0
    assert torch.equal(got.best[:, 1:], alone.best)
    assert got.mean == alone.mean
    assert got.recall == alone.recall


# Fitting. Short searches: what is promised holds for any number of rounds.


def dataset(kind, generator, images=20, objects=5) -> Truths:
    """Objects of one kind only, anywhere in the image."""
    wanted = {"tiny": (0.02, 0.02), "long": (0.6, 0.06), "tall": (0.06, 0.6), "large": (0.8, 0.8)}
    side = torch.tensor(wanted[kind])
    size = side * (0.9 + 0.2 * torch.rand(images, objects, 2, generator=generator))
    low = (1 - size) * torch.rand(images, objects, 2, generator=generator)
    return batch_of(torch.cat([low, low + size], dim=-1), torch.ones(images, objects, dtype=torch.bool))


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("kind", ["tiny", "long", "tall", "large"])
def test_fit_never_lowers_coverage(kind, clip, generator):
    truths = dataset(kind, generator)
    for like in (replace(scales.paper((8, 4)), clip=clip), small_layout(clip=clip)):
        before = scales.coverage(like, truths)
        for seed in range(2):
            after = scales.coverage(scales.fit(truths, like=like, rounds=10, seed=seed), truths)
            assert after.mean >= before.mean - 1e-6
            assert after.recall >= before.recall


def test_fit_never_lowers_coverage_of_clipped_boxes_at_the_border():
    # Objects that the clipped boxes in the image's corner cover entirely: measured by boxes that are
    # not clipped, other shapes would look better.
    like = replace(scales.ssd300_voc(), clip=True)
    loose = cxcywh_to_xyxy(scales.ssd300_voc().cxcywh())
    corner = (loose[:, 0] < 0) & (loose[:, 1] < 0)
    boxes = cxcywh_to_xyxy(like.cxcywh())[corner]
    truths = Truths.from_list([Truth.of(boxes, [1] * len(boxes))])
    before = scales.coverage(like, truths)
    after = scales.coverage(scales.fit(truths, like=like, rounds=40), truths)
    assert after.mean >= before.mean - 1e-6
    assert after.recall >= before.recall


@pytest.mark.parametrize(("kind", "gain"), [("tiny", 0.05), ("long", 0.15), ("tall", 0.15)])
def test_fit_raises_coverage_clearly_where_the_boxes_did_not_fit(kind, gain, generator):
    truths = dataset(kind, generator)
    like = scales.paper((16, 8))
    before, after = (
        scales.coverage(like, truths),
        scales.coverage(scales.fit(truths, like=like, rounds=60), truths),
    )
    assert after.mean > before.mean + gain


def test_fit_keeps_what_a_model_s_heads_depend_on(generator):
    truths = dataset("tiny", generator)
    for like in (scales.paper((8, 4)), small_layout(steps=(8.0, 16.0), image_size=32, clip=True)):
        fitted = scales.fit(truths, like=like, rounds=5)
        assert fitted.grids == like.grids
        assert fitted.per_location == like.per_location
        assert fitted.steps == like.steps
        assert fitted.image_size == like.image_size
        assert fitted.clip == like.clip
        if not like.clip:  # which moves centres too
            assert torch.equal(fitted.cxcywh()[:, :2], like.cxcywh()[:, :2])


def test_fit_starts_from_the_released_layout_for_voc(generator):
    fitted = scales.fit(dataset("tiny", generator, images=3), rounds=1)
    assert fitted.grids == scales.ssd300_voc().grids
    assert fitted.steps == scales.ssd300_voc().steps


def test_fit_repeats_under_its_seed_and_leaves_the_global_one_alone(generator):
    truths, like = dataset("long", generator), scales.paper((8, 4))
    before = torch.random.get_rng_state()
    fitted = scales.fit(truths, like=like, rounds=10, seed=3)
    torch.rand(1)
    assert scales.fit(truths, like=like, rounds=10, seed=3) == fitted
    assert scales.fit(truths, like=like, rounds=10, seed=4) != fitted
    torch.random.set_rng_state(before)
    scales.fit(truths, like=like, rounds=2)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_fit_looks_at_objects_alone_not_at_padding(generator):
    truths = dataset("long", generator)
    rows = torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]).expand(20, 3, 4)
    padded = Truths(
        torch.cat([truths.boxes_xyxy, rows], dim=1),
        torch.cat([truths.labels, torch.zeros(20, 3, dtype=torch.int64)], dim=1),
        torch.zeros(20, 8, dtype=torch.bool),
    )
    like = scales.paper((8, 4))
    assert scales.fit(padded, like=like, rounds=5) == scales.fit(truths, like=like, rounds=5)


def test_fit_needs_an_object():
    wanted = r"^truths must hold at least one object to fit default boxes to, got none$"
    with pytest.raises(ValueError, match=wanted):
        scales.fit(Truths.from_list([Truth.of([], [])]), like=small_layout())


def voc_truths(folder: Path, split: str, images: int) -> Truths:
    """The objects of some images of a VOC folder, without the boxes of zero area that bccd has."""
    truths = []
    for name in (folder / "ImageSets/Main" / f"{split}.txt").read_text().split()[:images]:
        root = ElementTree.parse(folder / "Annotations" / f"{name}.xml").getroot()
        width, height = (float(root.findtext(f"size/{side}")) for side in ("width", "height"))
        corners = [
            [float(found.findtext(tag)) for tag in ("xmin", "ymin", "xmax", "ymax")]
            for found in root.findall("object/bndbox")
        ]
        kept = [c for c in corners if c[0] < c[2] and c[1] < c[3]]
        boxes = torch.tensor(kept).reshape(-1, 4) / torch.tensor([width, height, width, height])
        truths.append(Truth.of(boxes, [1] * len(kept)))
    return Truths.from_list(truths)


# Red cells of one size and small platelets; debris from pebbles to hoses.
@pytest.mark.parametrize(("name", "split", "gain"), [("bccd", "trainval", 0.02), ("fod-a", "test", 0.01)])
def test_fit_raises_the_coverage_of_real_data(shared, name, split, gain):
    if not (shared / "data" / name).is_dir():
        pytest.skip(f"{name} is not in {shared}")
    truths = voc_truths(shared / "data" / name, split, images=30 if name == "bccd" else 300)
    like = scales.ssd300_voc()
    before = scales.coverage(like, truths)
    after = scales.coverage(scales.fit(truths, like=like, rounds=10), truths)
    assert after.recall >= before.recall
    assert after.mean > before.mean + gain


@pytest.mark.plain  # values of a wrong type would meet the run-time type checks first
@pytest.mark.parametrize(
    "change",
    [{"grids": [{}]}, {"grids": [[1]]}, {"grids": 3}, {"scales": [10**400]}, {"scales": [[]]}, {"new": 1}],
)
def test_a_layout_of_another_version_is_refused(change: dict) -> None:
    good = asdict(scales.paper((4, 2)))
    assert scales.DefaultBoxes.from_dict(good) == scales.paper((4, 2))
    with pytest.raises(ValueError, match=r"^default boxes must be of this version: \w+Error: "):
        scales.DefaultBoxes.from_dict(good | change)


@pytest.mark.parametrize("layout", [scales.ssd300_voc(), replace(scales.paper(((4, 3), 2)), clip=True)])
def test_a_layout_comes_back_from_json(layout):
    assert DefaultBoxes.from_dict(json.loads(json.dumps(asdict(layout)))) == layout


def test_coverage_looks_at_every_image_of_many(generator):
    """More than fit into two of the portions in which it goes through them, in the precision of the boxes."""
    boxes = random_boxes(40, 2, generator=generator, least=0.1).double()
    truths = Truths(boxes, torch.ones(40, 2, dtype=torch.int64), torch.zeros(40, 2, dtype=torch.bool))
    together = scales.coverage(scales.paper((4, 2)), truths).best
    assert together.dtype == torch.float64
    for image in range(40):
        alone = Truths(*(part[image : image + 1] for part in (boxes, truths.labels, truths.difficult)))
        assert torch.equal(together[image], scales.coverage(scales.paper((4, 2)), alone).best[0])


def test_a_move_of_the_search_is_as_small_as_its_spread(generator):
    layout = scales.ssd300_voc()
    moved = fitting._perturbed(layout, 0.01, generator)
    before = [*layout.scales, *(r for ratios in layout.aspect_ratios for r in ratios)]
    after = [*moved.scales, *(r for ratios in moved.aspect_ratios for r in ratios)]
    changes = [abs(math.log(b / a)) for a, b in zip(before, after, strict=True)]
    assert 0.002 < max(changes) < 0.05
    assert sum(change > 0.001 for change in changes) < len(changes) * 0.7  # about a third are moved


@pytest.mark.plain  # values of other types than the run-time checks let pass
def test_numbers_and_lists_will_do_for_pairs_and_tuples():
    given = DefaultBoxes(
        grids=[4, [3, 2]], scales=[1, 2, 3], aspect_ratios=[[2], []], steps=[8, 16], image_size=32
    )
    assert given == DefaultBoxes(
        grids=((4, 4), (3, 2)),
        scales=(1.0, 2.0, 3.0),
        aspect_ratios=((2.0,), ()),
        steps=(8.0, 16.0),
        image_size=32,
    )
    assert hash(given)
    assert all(isinstance(value, float) for value in (*given.scales, *given.aspect_ratios[0], *given.steps))


def test_how_many_are_missing_is_told():
    with pytest.raises(ValueError, match=r"^aspect_ratios must be as many as the 2 grids, got 1$"):
        small_layout(aspect_ratios=((2.0,),))


def test_the_text_s_layout_of_one_map_goes_up_to_the_largest_scale():
    assert scales.paper((4,)).scales == pytest.approx((0.2, 0.9))


@pytest.mark.parametrize(
    "layout",
    [
        scales.paper((8, 4, 1)),
        scales.ssd300_voc(),
        small_layout(),
        small_layout(steps=(6.0, 12.0), image_size=32),  # centres end before the image does
    ],
)
def test_the_search_reaches_what_coverage_measures(layout, generator):
    """With centres at the borders, and in the corners, of the image among them."""
    boxes = random_boxes(30, 3, generator=generator, least=0.05).double()
    boxes[:4, 0] = torch.tensor(
        [[0.0, 0.0, 0.1, 0.1], [0.9, 0.9, 1.0, 1.0], [0.0, 0.95, 0.1, 1.0], [0.9, 0.0, 1.0, 0.02]]
    )
    truths = Truths(boxes, torch.ones(30, 3, dtype=torch.int64), torch.zeros(30, 3, dtype=torch.bool))
    flat = xyxy_to_cxcywh(boxes.flatten(0, 1))
    mean, recall = fitting._coverage(layout, flat[:, None, 2:], fitting._centre_distances(layout, flat), 0.5)
    covered = scales.coverage(layout, truths)
    assert (mean, recall) == pytest.approx((covered.mean, covered.recall), abs=1e-6)


@pytest.mark.plain  # values of other types than the run-time checks let pass
def test_recall_of_the_search_is_strict_at_its_threshold():
    layout = DefaultBoxes(grids=(1,), scales=(1.0, 1.0), aspect_ratios=((),))
    half = torch.tensor([[0.5, 0.5, 1.0, 0.5]], dtype=torch.float64)
    reach = fitting._coverage(layout, half[:, None, 2:], fitting._centre_distances(layout, half), 0.5)
    assert reach == (0.5, 0.0)


def test_fit_repeats_itself_on_every_machine(generator):
    """Moves, and what is kept of them: the numbers of one run, which no change may alter unseen."""
    truths = dataset("long", generator, images=10, objects=3)
    fitted = scales.fit(truths, like=scales.paper((4, 2)))
    assert fitted.scales == (0.2411, 0.2843, 0.6758)
    assert fitted.aspect_ratios == ((2.4622, 6.0), (2.892, 5.9675))


def test_a_layout_that_clips_is_fitted_too(generator):
    like = replace(scales.paper((8, 4)), clip=True)
    truths = batch_of(
        torch.tensor([[[0.3, 0.45, 0.7, 0.52], [0.25, 0.5, 0.7, 0.56]]]), torch.ones(1, 2, dtype=torch.bool)
    )
    fitted = scales.fit(truths, like=like)
    assert fitted.clip
    assert scales.coverage(fitted, truths).mean > scales.coverage(like, truths).mean + 0.03


def test_distances_of_the_search_are_as_exact_as_its_boxes():
    layout = DefaultBoxes(grids=((3, 7),), scales=(0.5, 1.0), aspect_ratios=((),))
    centre = torch.tensor([[0.5, 0.5, 0.1, 0.1]], dtype=torch.float64)  # of the middle cell, too
    assert fitting._centre_distances(layout, centre).max() < 1e-15


def test_fit_leaves_alone_what_could_not_be_better():
    """Moves that change nothing for the objects are not taken."""
    like = scales.paper((8, 4))
    box = cxcywh_to_xyxy(torch.tensor([[1 / 16, 1 / 16, 0.2, 0.2]]))
    assert scales.fit(Truths.from_list([Truth.of(box, [1])]), like=like, rounds=20) == like


def test_fit_looks_at_2000_objects_of_more(generator, monkeypatch):
    looked_at = []
    distances = fitting._centre_distances

    def spied(layout, boxes):
        looked_at.append(len(boxes))
        return distances(layout, boxes)

    monkeypatch.setattr(fitting, "_centre_distances", spied)
    for images in (19, 21):
        scales.fit(dataset("long", generator, images=images, objects=100), like=small_layout(), rounds=1)
    assert looked_at == [1900, 2000]


def test_the_search_bounds_scales_and_ratios(generator):
    layout = small_layout(aspect_ratios=((0.2, 1.0), (1.0, 5.0)))
    moved = [fitting._perturbed(layout, 4.0, generator) for _ in range(50)]
    ratios = [ratio for one in moved for of_map in one.aspect_ratios for ratio in of_map]
    sides = [scale for one in moved for scale in one.scales]
    assert (min(ratios), max(ratios)) == (0.1667, 6.0)
    assert (min(sides), max(sides)) == (0.01, 1.4)
