"""Figures of an analysis: what they draw of it."""

import random

import pytest
import torch
from matplotlib.colors import to_hex

from ssd_lite import plotting
from ssd_lite.analysis import KINDS, analyse
from ssd_lite.data import Scenes
from ssd_lite.plotting.analysis import LONGEST_NAME, MOST_NUMBERS
from tests.analysis.cases import CLASSES, analysed, random_images

ANALYSIS = analysed([image for seed in range(6) for image in random_images(random.Random(seed))])
EMPTY = analyse([], [], CLASSES)


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_a_panel_for_each_class_with_objects() -> None:
    figure = plotting.precision_recall_grid(ANALYSIS)
    shown = [axes for axes in figure.axes if axes.lines]
    assert [axes.get_title() for axes in shown] == [
        f"{name} {ANALYSIS.ap.per_class[name]:.2f}" for name in CLASSES if ANALYSIS.ap.counts[name]
    ]
    for axes, name in zip(shown, CLASSES, strict=False):
        best = ANALYSIS.best_thresholds[name]
        assert best is not None
        assert (axes.lines[1].get_xdata()[0], axes.lines[1].get_ydata()[0]) == (best.recall, best.precision)


def test_curves_end_where_recall_ends() -> None:
    axes = plotting.precision_recall_grid(ANALYSIS).axes[0]
    assert max(axes.lines[0].get_xdata()) == ANALYSIS.ap.recall["cat"][-1]


def test_overlaps_and_their_mean() -> None:
    axes = plotting.ap_by_overlap(ANALYSIS).axes[0]
    mean = next(line for line in axes.lines if line.get_marker() == "o")
    assert list(mean.get_ydata()) == [part.mean for part in ANALYSIS.by_iou.values()]
    assert [entry.get_text() for entry in axes.get_legend().get_texts()] == list(CLASSES)


def test_sizes_have_bars_and_numbers_of_objects() -> None:
    axes = plotting.ap_by_size(ANALYSIS).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [part.mean for part in ANALYSIS.by_size]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [f"{part.name} ({sum(part.counts.values())})" for part in ANALYSIS.by_size]
    assert texts(plotting.ap_by_size(EMPTY).axes[0]) == ["no objects"] * 3


def test_the_confusion_matrix_has_background_last() -> None:
    axes = plotting.confusion_matrix(ANALYSIS).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [*CLASSES, "background"]
    matrix = ANALYSIS.confusion
    shares = axes.images[0].get_array()
    assert shares[0, 1] == pytest.approx(matrix[1, 2] / matrix[1].sum())
    assert shares[4, 0] == pytest.approx(matrix[0, 1] / matrix[0].sum())
    assert len(axes.texts) == int((matrix > 0).sum())


def test_many_classes_have_no_numbers_in_cells() -> None:
    names = [f"a class called {label}" for label in range(MOST_NUMBERS + 1)]
    found = {"boxes": torch.tensor([[0.0, 0, 1, 1]]), "labels": torch.tensor([1])}
    analysis = analyse([found | {"scores": torch.tensor([0.9])}], [found], names)
    assert not plotting.confusion_matrix(analysis).axes[0].texts
    assert plotting.f1_by_threshold(analysis).axes[0].get_legend() is None


def test_gains_are_those_of_the_errors() -> None:
    axes = plotting.error_gains(ANALYSIS).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [ANALYSIS.errors.delta_ap[kind] for kind in KINDS]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(KINDS)


def test_the_best_threshold_is_on_its_curve() -> None:
    axes = plotting.f1_by_threshold(ANALYSIS).axes[0]
    dots = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o"]
    best = [found for found in ANALYSIS.best_thresholds.values() if found is not None]
    assert dots == [(found.score, found.f1) for found in best]


@pytest.mark.parametrize(
    "draw",
    [
        plotting.precision_recall_grid,
        plotting.ap_by_overlap,
        plotting.ap_by_size,
        plotting.confusion_matrix,
        plotting.error_gains,
        plotting.f1_by_threshold,
    ],
)
def test_nothing_measured_can_be_drawn(draw) -> None:
    draw(EMPTY).canvas.draw()


def test_odd_names_are_drawn_as_they_are_and_long_ones_cut() -> None:
    names = ["$5$", "_x", "[/x]", "a" * 40]
    found = {"boxes": torch.tensor([[0.0, 0, 1, 1]]), "labels": torch.tensor([4])}
    analysis = analyse([found | {"scores": torch.tensor([0.9])}], [found], names)
    figure = plotting.ap_by_overlap(analysis)
    figure.canvas.draw()
    drawn = [entry.get_text() for entry in figure.axes[0].get_legend().get_texts()]
    assert drawn == [*names[:3], "a" * (LONGEST_NAME - 1) + "…"]


@pytest.mark.parametrize("size", [(64, 64), (200, 64), (64, 300)])
def test_an_image_beside_its_truth(size: tuple[int, int]) -> None:
    example = Scenes(count=1, size=size)[0]
    scale = torch.tensor([size[1], size[0], size[1], size[0]])
    boxes = example.truth.boxes_xyxy * scale
    found = {"boxes": boxes, "labels": example.truth.labels, "scores": torch.linspace(0.4, 0.9, len(boxes))}
    figure = plotting.truth_beside_detections(example, found, Scenes(count=1).classes, threshold=0.5)
    left, right = figure.axes
    assert len(left.patches) == len(boxes)
    assert len(right.patches) == int((found["scores"] >= 0.5).sum())
    assert to_hex(left.patches[0].get_edgecolor()).upper() == plotting.colour(int(example.truth.labels[0]))
