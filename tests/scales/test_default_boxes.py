"""Default boxes: any layout, clipping, JSON, and messages for invalid ones."""

import json
import math
from dataclasses import FrozenInstanceError, asdict, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator

from ssd_lite import scales
from ssd_lite.boxes import cxcywh_to_xyxy
from ssd_lite.scales import DefaultBoxes
from tests.reference import boxes as reference_boxes
from tests.reference import scales as reference
from tests.scales.layouts import same_boxes, small_layout


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
    with pytest.raises(ValueError, match=rf"^(steps and )?{name}(\[\d\])* "):
        small_layout(**changes)


@pytest.mark.plain  # values of a wrong type would meet the run-time type checks first
@pytest.mark.parametrize(
    "change",
    [
        {"grids": [{}]},
        {"grids": [[1]]},
        {"grids": 3},
        {"scales": [10**400]},
        {"scales": [[]]},
        {"new": 1},
        {"clip": 1},
    ],
)
def test_an_invalid_layout_from_json_is_named(change: dict) -> None:
    good = asdict(scales.paper((4, 2)))
    assert scales.DefaultBoxes.from_dict(good) == scales.paper((4, 2))
    with pytest.raises(ValueError, match=r"^default boxes: .*(grids|scales|new|clip)"):
        scales.DefaultBoxes.from_dict(good | change)


@pytest.mark.parametrize("layout", [scales.ssd300_voc(), replace(scales.paper(((4, 3), 2)), clip=True)])
def test_a_layout_comes_back_from_json(layout):
    assert DefaultBoxes.from_dict(json.loads(json.dumps(asdict(layout)))) == layout


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


def test_the_number_of_values_needed_is_named():
    with pytest.raises(ValueError, match=r"^aspect_ratios must have 2 values for 2 grids, got 1$"):
        small_layout(aspect_ratios=((2.0,),))


@pytest.mark.plain  # values of other types than the run-time checks let pass
def test_default_boxes_that_are_no_object_are_refused():
    with pytest.raises(ValueError, match=r"^default boxes must be a JSON object, got 3$"):
        DefaultBoxes.from_dict(3)


def test_a_layout_describes_itself():
    assert repr(scales.ssd300_coco()) == "8732 default boxes on 6 maps (38x38 ... 1x1), scales 0.07 ... 1.05"
    assert repr(scales.paper(((4, 3),))) == "72 default boxes on 1 map (4x3), scales 0.20 ... 0.90"
