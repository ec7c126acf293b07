"""The figures of the start page draw what they are given, where it is."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from ssd_lite import plotting
from ssd_lite.data import scenes
from ssd_lite.scales import DefaultBoxes

SCENE = scenes.draw([("dog", (0.5, 0.5, 1.0, 0.75)), ("cat", (0.0, 0.25, 0.25, 0.5))])
LAYOUT = DefaultBoxes(
    grids=((4, 4), (2, 2), (1, 1)), scales=(0.2, 0.4, 0.8, 1.0), aspect_ratios=((2.0,),) * 3
)
FOUND = {
    "boxes": torch.tensor([[64.0, 64.0, 128.0, 96.0], [0.0, 32.0, 32.0, 64.0]]),
    "labels": torch.tensor([2, 1]),
    "scores": torch.tensor([0.9, 0.4]),
}


def _boxes(axes) -> list[tuple[float, ...]]:
    """Outlines as corners in pixels; a pixel's number is that of its centre."""
    outlines = [patch for patch in axes.patches if not patch.get_fill()]
    return [
        tuple(round(v + 0.5, 4) for v in (*p.get_xy(), p.get_x() + p.get_width(), p.get_y() + p.get_height()))
        for p in outlines
    ]


def _steps(scores: torch.Tensor, **options) -> Figure:
    moved = torch.zeros(len(LAYOUT), 4)
    moved[:] = torch.tensor([0.25, 0.5, 0.75, 1.0])
    return plotting.single_shot(
        SCENE.image, LAYOUT, scores, moved, FOUND, scenes.CLASSES, maps=(0, 1), cell=(1, 0), **options
    )


def test_truths_are_broken_and_detections_full_and_both_are_named() -> None:
    figure = plotting.truth_and_detections(SCENE, FOUND, scenes.CLASSES)
    left, right = figure.axes
    assert _boxes(left) == [(64, 64, 128, 96), (0, 32, 32, 64)]
    assert {patch.get_linestyle() for patch in left.patches} == {"--"}
    assert [text.get_text() for text in left.texts] == ["dog", "cat"]
    assert _boxes(right) == [(64, 64, 128, 96)]
    assert {patch.get_linestyle() for patch in right.patches} == {"-"}
    assert [text.get_text() for text in right.texts] == ["dog 0.90"]
    assert to_hex(right.patches[0].get_edgecolor()) == plotting.colour(2).lower()


def test_a_lower_threshold_shows_more() -> None:
    figure = plotting.truth_and_detections(SCENE, FOUND, scenes.CLASSES, threshold=0.3)
    assert [text.get_text() for text in figure.axes[1].texts] == ["dog 0.90", "cat 0.40"]


def test_the_default_boxes_are_those_of_the_cell() -> None:
    figure = _steps(torch.zeros(len(LAYOUT), 8))
    drawn = _boxes(figure.axes[1])
    assert len(drawn) == LAYOUT.per_location[1] == 4
    assert drawn[0] == pytest.approx(
        (32 - 25.6, 96 - 25.6, 32 + 25.6, 96 + 25.6)
    )  # scale 0.4, row 1, column 0
    for x0, y0, x1, y1 in drawn:
        assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((32, 96), abs=1e-3)


def test_a_cell_has_the_colour_of_its_best_class_as_strong_as_its_score() -> None:
    scores = torch.zeros(len(LAYOUT), 8)
    scores[16 * 4 + 3 * 4 + 2, 4] = 0.75  # second map, its last cell, third box: the fifth class
    scores[5 * 4 + 1, 0] = 0.25  # first map, row 1, column 1
    figure = _steps(scores)
    fine, coarse = figure.axes[2:4]
    assert len(fine.patches) == 16
    assert len(coarse.patches) == 4
    assert [patch.get_alpha() for patch in coarse.patches] == [0, 0, 0, 0.75]
    assert to_hex(coarse.patches[3].get_facecolor()) == plotting.colour(5).lower()
    assert coarse.patches[3].get_xy() == (63.5, 63.5)
    assert [number for number, patch in enumerate(fine.patches) if patch.get_alpha()] == [5]
    assert fine.patches[5].get_xy() == (31.5, 31.5)


def test_sure_default_boxes_are_drawn_with_where_they_move() -> None:
    scores = torch.zeros(len(LAYOUT), 8)
    scores[0, 3], scores[1, 3] = 0.97, 0.9
    figure = _steps(scores)
    default, moved = figure.axes[4].patches
    assert default.get_linestyle() == "--"
    assert _boxes(figure.axes[4])[0] == pytest.approx((3.2, 3.2, 28.8, 28.8))  # scale 0.2 around (16, 16)
    assert _boxes(figure.axes[4])[1] == (32, 64, 96, 128)
    assert to_hex(moved.get_edgecolor()) == plotting.colour(4).lower()


def test_detections_are_named_in_the_last_picture() -> None:
    figure = _steps(torch.zeros(len(LAYOUT), 8))
    assert [axes.get_title()[0] for axes in figure.axes] == list("123456")
    assert [text.get_text() for text in figure.axes[5].texts] == ["dog"]
    assert _boxes(figure.axes[5]) == [(64, 64, 128, 96)]


def test_the_logo_is_three_boxes_of_one_area_around_one_centre() -> None:
    figure = plotting.logo(side_px=64)
    *boxes, dot = figure.axes[0].patches
    corners = [patch.get_bbox() for patch in boxes]
    assert [box.width / box.height for box in corners] == pytest.approx([2, 0.5, 1])
    assert [box.width * box.height for box in corners] == pytest.approx([1.27**2] * 3)
    for box in corners:
        assert (box.x0 + box.x1, box.y0 + box.y1) == pytest.approx((0, 0))
    assert dot.center == (0, 0)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())
    assert pixels.shape == (64, 64, 4)
    assert pixels[0, 0, 3] == 0
