"""Default boxes on an image: where they are drawn."""

from dataclasses import replace

import matplotlib
import pytest
import torch

from ssd_lite import boxes as boxes_module
from ssd_lite import plotting, scales
from ssd_lite.data import Scenes
from ssd_lite.data.scenes import draw
from ssd_lite.plotting.default_boxes import ORANGE

EXAMPLE = Scenes(count=1)[0]


def corners(patch) -> list[float]:
    return patch.get_bbox().extents.tolist()


def test_each_object_has_its_best_box_and_their_overlap() -> None:
    count = len(EXAMPLE.truth)
    overlaps = torch.linspace(0.2, 0.9, count)
    moved = EXAMPLE.truth.boxes_xyxy + 0.1
    figure = plotting.best_default_boxes(EXAMPLE, {"one": (moved, overlaps), "two": (moved, overlaps)})
    assert [axes.get_title() for axes in figure.axes] == ["one", "two"]
    for axes in figure.axes:
        assert [text.get_text() for text in axes.texts] == [f"{v:.2f}" for v in overlaps.tolist()]
        assert len(axes.patches) == 2 * count
        for number in range(count):
            truth, box = axes.patches[2 * number : 2 * number + 2]
            assert truth.get_linestyle() == "--"
            assert box.get_linestyle() == "-"
            assert corners(box) == pytest.approx((128 * moved[number] - 0.5).tolist(), abs=1e-3)


def test_a_cell_has_its_boxes_around_it() -> None:
    layout = replace(scales.paper((4, 2)), aspect_ratios=((2.0,), (2.0, 3.0)))
    figure = plotting.boxes_of_cells(EXAMPLE.image, layout, {0: (1, 2), 1: (0, 1)})
    fine, coarse = figure.axes[:2]
    assert [axes.get_title() for axes in (fine, coarse)] == ["4 × 4,  s = 0.20", "2 × 2,  s = 0.90"]
    assert len(fine.patches) == 2 + 4  # the faded image, the cell, its boxes
    assert len(coarse.patches) == 2 + 6
    assert corners(fine.patches[1]) == pytest.approx([63.5, 31.5, 95.5, 63.5])
    boxes = boxes_module.cxcywh_to_xyxy(layout.cxcywh()) * 128 - 0.5
    for patch, box in zip(fine.patches[2:], boxes[(1 * 4 + 2) * 4 :][:4].tolist(), strict=True):
        assert corners(patch) == pytest.approx(box, abs=1e-4)


def test_a_map_can_be_left_out() -> None:
    layout = scales.paper((8, 4, 2))
    figure = plotting.boxes_of_cells(EXAMPLE.image, layout, {2: (0, 0)})
    assert [axes.get_title() for axes in figure.axes] == ["2 × 2,  s = 0.90"]


def test_a_low_object_is_not_hidden_by_its_overlap() -> None:
    scene = draw([("fish", (0.3, 0.5, 0.4, 0.55))], size=(200, 200), seed=0)
    box = torch.tensor([[0.1, 0.3, 0.4, 0.6]])
    figure = plotting.best_default_boxes(scene, {"one": (box, torch.tensor([0.1]))})
    assert figure.axes[0].texts[0].xy == pytest.approx((19.5, 59.5))


def test_centres_outside_the_image_are_orange() -> None:
    centres = torch.tensor([[0.25, 0.5], [0.75, 0.5], [1.1, 0.5]])
    figure = plotting.centres_of_maps(EXAMPLE.image, {"a map": centres})
    inside, outside = figure.axes[0].collections
    assert inside.get_offsets().tolist() == [[31.5, 63.5], [95.5, 63.5]]
    assert len(outside.get_offsets()) == 1
    assert matplotlib.colors.to_hex(outside.get_facecolor()[0]) == ORANGE.lower()


def test_a_ladder_has_a_dot_a_map_and_a_ring_between() -> None:
    figure = plotting.scale_ladder({"first": (0.1, 0.4, 0.9), "second": (0.2, 0.8)})
    axes = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["first", "second"]
    _, dots, rings, cross = axes.lines[:4]
    assert list(dots.get_xdata()) == [0.1, 0.4]
    assert list(rings.get_xdata()) == pytest.approx([0.2, 0.6])
    assert list(cross.get_xdata()) == [0.9]


def test_boxes_beyond_the_image_are_drawn_whole() -> None:
    boxes = torch.tensor([[1.0, 1.0, 0.4, 0.2], [0.9, 0.9, 0.2, 0.2]])
    figure = plotting.boxes_beyond_image({"whole": boxes})
    frame, first, _ = figure.axes[0].patches
    assert corners(frame) == [0, 0, 1, 1]
    assert corners(first) == pytest.approx([0.8, 0.9, 1.2, 1.1])


def test_a_field_has_its_box_and_the_theory_around_its_centre() -> None:
    fields = {"fine": torch.rand(32, 32), "coarse": torch.rand(32, 32)}
    figure = plotting.receptive_fields(fields, [(16.0, 12.0), (8.0, 8.0)], [(4.0, 10.0), (8.0, 20.0)])
    box, theory = figure.axes[0].patches
    assert corners(box) == [14, 10, 18, 14]
    assert corners(theory) == [11, 7, 21, 17]
    assert theory.get_linestyle() == "--"
    assert figure.axes[0].images[0].get_array().shape == (8, 8)
