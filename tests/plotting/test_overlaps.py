"""Overlaps of boxes, drawn and in tables."""

import torch
from matplotlib.colors import to_hex

from ssd_lite import plotting
from ssd_lite.data import scenes

SCENE = scenes.draw([("cat", (0.1, 0.5, 0.3, 0.8)), ("dog", (0.4, 0.2, 0.9, 0.5))], size=(64, 64))
BOXES = torch.tensor([[0.1, 0.5, 0.3, 0.8], [0.4, 0.2, 0.9, 0.5], [0.0, 0.0, 0.5, 0.5]])


def test_intersection_and_union_fill_what_they_say() -> None:
    figure = plotting.intersection_and_union(torch.tensor([1, 1, 5, 4]), torch.tensor([3, 2, 7, 5]))
    shared, union = ([patch for patch in axes.patches if patch.get_fill()] for axes in figure.axes)
    assert [patch.get_bbox().extents.tolist() for patch in shared] == [[3, 2, 5, 4]]
    assert [patch.get_bbox().extents.tolist() for patch in union] == [[1, 1, 5, 4], [3, 2, 7, 5]]


def test_examples_have_their_overlaps_as_titles() -> None:
    square = torch.tensor([0.0, 0.0, 1.0, 1.0])
    figure = plotting.overlap_examples(square, {"moved": square.expand(2, 4)}, [0.9, 0.1])
    assert [axes.get_title() for axes in figure.axes] == ["0.9", "0.1"]
    assert figure.axes[0].texts[0].get_text() == "moved"


def test_an_overlap_map_writes_and_frames_the_good_cells() -> None:
    best = torch.tensor([[0.0, 0.26], [0.61, 0.5]])
    left, right = plotting.overlap_map(SCENE, BOXES[:1], best, scenes.CLASSES).axes
    assert [text.get_text() for text in right.texts] == [".3", ".6", ".5"]
    assert [patch.get_xy() for patch in right.patches] == [(-0.5, 0.5)]
    assert plotting.COLOURS[6] in [to_hex(patch.get_edgecolor()) for patch in left.patches]


def test_an_overlap_table_frames_the_first_step_and_tints_both() -> None:
    overlaps = torch.tensor([[0.9, 0.6, 0.1], [0.8, 0.2, 0.3]])
    axes = plotting.overlap_table(
        overlaps, torch.tensor([0, -1, 1]), torch.tensor([0, 0, 1]), ["A", "B"]
    ).axes[0]
    assert [text.get_text() for text in axes.texts] == ["0.90", "0.60", "0.10", "0.80", "0.20", "0.30"]
    assert [patch.get_xy() for patch in axes.patches if patch.get_fill()] == [(0, 0), (1, 0), (2, 1)]
    assert [patch.get_xy() for patch in axes.patches[-2:]] == [(0.05, 0.07), (2.05, 1.07)]
