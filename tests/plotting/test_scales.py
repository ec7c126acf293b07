"""Pictures of default boxes: what they draw, and where."""

from collections.abc import Iterator
from dataclasses import replace

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.figure import Figure

from ssd_lite import plotting, scales
from ssd_lite.data import Scenes
from ssd_lite.plotting.scales import MOST_NAMED, ORANGE

matplotlib.use("Agg")
EXAMPLE = Scenes(count=1)[0]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def corners(patch) -> list[float]:
    return [
        patch.get_x(),
        patch.get_y(),
        patch.get_x() + patch.get_width(),
        patch.get_y() + patch.get_height(),
    ]


def smallest_type(figure: Figure) -> float:
    figure.canvas.draw()
    texts = figure.findobj(matplotlib.text.Text)
    return min(text.get_fontsize() for text in texts if text.get_text().strip())


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
            assert box.get_linestyle() == "solid"
            assert corners(box) == pytest.approx((128 * moved[number]).tolist(), abs=1e-3)
    assert smallest_type(figure) >= 9


def test_a_cell_has_its_boxes_around_it() -> None:
    layout = replace(scales.paper((4, 2)), aspect_ratios=((2.0,), (2.0, 3.0)))
    figure = plotting.boxes_of_cells(EXAMPLE.image, layout, [(1, 2), (0, 1)], ["fine", "coarse"])
    fine, coarse = figure.axes[:2]
    assert len(fine.patches) == 1 + 4
    assert len(coarse.patches) == 1 + 6
    assert corners(fine.patches[0]) == pytest.approx([64, 32, 96, 64])
    boxes = layout.cxcywh().double() * 128
    for patch, (cx, cy, w, h) in zip(fine.patches[1:], boxes[(1 * 4 + 2) * 4 :][:4].tolist(), strict=True):
        assert corners(patch) == pytest.approx([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], abs=1e-4)


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
    assert smallest_type(figure) >= 9


def test_boxes_beyond_the_image_are_drawn_whole() -> None:
    boxes = torch.tensor([[1.0, 1.0, 0.4, 0.2], [0.9, 0.9, 0.2, 0.2]])
    figure = plotting.boxes_beyond_image({"whole": boxes})
    frame, first, _ = figure.axes[0].patches
    assert corners(frame) == [0, 0, 1, 1]
    assert corners(first) == pytest.approx([0.8, 0.9, 1.2, 1.1])


@pytest.mark.parametrize("count", [1, MOST_NAMED, MOST_NAMED + 1])
def test_sure_detections_are_drawn_and_few_are_named(count: int) -> None:
    found = {
        "boxes": torch.tensor([[10.0, 20.0, 60.0, 90.0]]).expand(count + 1, 4),
        "labels": torch.full((count + 1,), 2),
        "scores": torch.tensor([0.9] * count + [0.3]),
    }
    figure = plotting.detections_side_by_side(EXAMPLE, {"found": found}, ["cat", "dog"])
    axes = figure.axes[0]
    assert len(axes.patches) == count
    assert corners(axes.patches[0]) == [10, 20, 60, 90]
    assert [text.get_text() for text in axes.texts] == ["dog"] * (count if count <= MOST_NAMED else 0)


def test_a_field_has_its_box_and_the_theory_around_its_centre() -> None:
    fields = {"fine": torch.rand(32, 32), "coarse": torch.rand(32, 32)}
    figure = plotting.receptive_fields(fields, [(16.0, 12.0), (8.0, 8.0)], [(4.0, 10.0), (8.0, 20.0)])
    box, theory = figure.axes[0].patches
    assert corners(box) == [14, 10, 18, 14]
    assert corners(theory) == [11, 7, 21, 17]
    assert theory.get_linestyle() == "--"
    assert figure.axes[0].images[0].get_array().shape == (8, 8)


def test_each_map_has_a_line_of_sizes_and_a_median() -> None:
    maps = {"16 × 16": torch.tensor([0.1, 0.2, 0.3]), "8 × 8": torch.tensor([])}
    figure = plotting.sizes_by_map({"matched": maps, "answered": maps})
    dots, median, empty = figure.axes[0].lines
    assert list(dots.get_xdata()) == pytest.approx([0.1, 0.2, 0.3])
    assert list(median.get_xdata()) == pytest.approx([0.2, 0.2])
    assert len(empty.get_xdata()) == 0
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == list(maps)
    assert smallest_type(figure) >= 9


def test_overlaps_lie_above_their_sizes() -> None:
    sizes, flat = torch.tensor([0.1, 0.2, 0.4]), torch.tensor([False, True, False])
    figure = plotting.overlap_by_size({"a": torch.tensor([0.3, 0.6, 0.9])}, sizes, flat)
    others, flats = figure.axes[0].collections
    assert others.get_offsets().ravel().tolist() == pytest.approx([0.1, 0.3, 0.4, 0.9])
    assert flats.get_offsets().ravel().tolist() == pytest.approx([0.2, 0.6])


def test_recall_stands_over_the_middle_of_its_class() -> None:
    classes = [{"from": 0.0, "to": 0.1, "recall": 0.2}, {"from": 0.1, "to": 0.4, "recall": 0.8}]
    figure = plotting.recall_by_size({"cells": {"formula": classes, "fitted": classes}})
    line = figure.axes[0].lines[0]
    assert list(line.get_xdata()) == pytest.approx([(0.05 * 0.1) ** 0.5, 0.2])
    assert list(line.get_ydata()) == [0.2, 0.8]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["formula", "fitted"]
    assert smallest_type(figure) >= 9
