"""Figures of matching show the boxes, owners and numbers that they are given."""

import pytest
import torch
from matplotlib.colors import to_hex

from ssd_lite import boxes, matching, plotting, scales
from ssd_lite.data import scenes

SCENE = scenes.draw([("cat", (0.1, 0.5, 0.3, 0.8)), ("dog", (0.4, 0.2, 0.9, 0.5))], size=(64, 64))
BOXES = torch.tensor([[0.1, 0.5, 0.3, 0.8], [0.4, 0.2, 0.9, 0.5], [0.0, 0.0, 0.5, 0.5]])


def _edges(axes) -> list[str]:
    return [to_hex(patch.get_edgecolor()).upper() for patch in axes.patches if not patch.get_fill()]


def test_the_question_shows_objects_and_outputs() -> None:
    left, right = plotting.unassigned(SCENE, BOXES, scenes.CLASSES).axes
    assert [text.get_text() for text in left.texts] == ["cat", "dog"]
    assert len(_edges(right)) == 3
    assert right.patches[-1].get_bbox().extents.tolist() == pytest.approx([-0.5, -0.5, 31.5, 31.5])


def test_assignments_draw_owners_in_their_colour_and_leave_negatives_out() -> None:
    owners = torch.tensor([1, matching.UNMATCHED, plotting.IGNORED])
    figure = plotting.assignments(SCENE, {"one": (BOXES, owners), "two": (BOXES, owners)}, scenes.CLASSES)
    assert [axes.get_title() for axes in figure.axes] == ["one", "two"]
    for axes in figure.axes:
        full, dotted = (
            [p for p in axes.patches if not p.get_fill() and p.get_linestyle() == s] for s in ("-", ":")
        )
        assert [to_hex(patch.get_edgecolor()).upper() for patch in full] == [plotting.colour(2)]
        assert len(dotted) == 1


def test_two_maps_draw_the_matched_boxes_of_the_cells() -> None:
    layout = scales.DefaultBoxes(grids=((2, 2), (1, 1)), scales=(0.3, 0.6, 0.9), aspect_ratios=((), ()))
    matches = torch.full((len(layout),), matching.UNMATCHED)
    matches[2] = 1  # of the cell in row 0, column 1
    cells = [[(0, 1)], [(0, 0)]]
    _, fine, coarse = plotting.two_maps(SCENE, layout, matches, scenes.CLASSES, cells=cells).axes
    assert _edges(fine).count(plotting.colour(2)) == 1
    box = boxes.cxcywh_to_xyxy(layout.cxcywh())[2] * 64 - 0.5
    assert fine.patches[-1].get_bbox().extents.tolist() == pytest.approx(box.tolist())
    assert (len(fine.patches), len(coarse.patches)) == (2, 2)
    assert coarse.get_title() == "1 × 1 map"


def test_lines_hold_what_they_are_given() -> None:
    axes = plotting.lost_objects([1, 2], {"a": [0.0, 0.5], "b": [0.0, 0.1]}).axes[0]
    assert [list(line.get_ydata()) for line in axes.lines] == [[0.0, 0.5], [0.0, 0.1]]
    figure = plotting.threshold_tradeoff([0.3, 0.5], {"small": [9.0, 3.0]}, {"small": [0.4, 0.6]})
    assert [list(axes.lines[0].get_ydata()) for axes in figure.axes] == [[9.0, 3.0], [0.4, 0.6]]


def test_scores_have_a_mean_in_each_tenth_that_holds_any() -> None:
    overlaps, scores = torch.tensor([0.15, 0.18, 0.95]), torch.tensor([0.2, 0.4, 1.0])
    axes = plotting.scores_by_overlap({"net": (overlaps, scores)}).axes[0]
    dots, *means = axes.lines
    assert len(dots.get_xdata()) == 3
    assert [float(line.get_ydata()[0]) for line in means] == pytest.approx([0.3, 1.0])
