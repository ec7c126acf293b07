"""Detections beside and over the ground truth."""

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_hex

from ssd_lite import Truth, plotting
from ssd_lite.data.scenes import draw

CLASSES = ("cat", "dog")
IMAGE = torch.zeros(3, 100, 200, dtype=torch.uint8)
TRUTH = Truth.of([[0.1, 0.2, 0.5, 0.6], [0.5, 0.5, 1.0, 1.0]], [1, 2])
FOUND = {
    "boxes": torch.tensor([[0.1, 0.2, 0.5, 0.7], [0.0, 0.0, 0.5, 0.5]]),
    "scores": torch.tensor([0.9, 0.3]),
    "labels": torch.tensor([2, 1]),
}
SCENE = draw([("cat", (0.1, 0.4, 0.4, 0.9)), ("dog", (0.6, 0.1, 0.9, 0.3))], size=(200, 100), classes=CLASSES)


def _rectangle(patch) -> list[float]:
    """Corner and size in pixels; the centre of the first pixel is at 0."""
    return [patch.get_x() + 0.5, patch.get_y() + 0.5, patch.get_width(), patch.get_height()]


def _boxes(axes: plt.Axes, line: str) -> list[list[float]]:
    return [[*p.get_xy(), p.get_width(), p.get_height()] for p in axes.patches if p.get_linestyle() == line]


def test_detections_are_drawn_over_the_objects() -> None:
    axes = plotting.detections_over_truth([IMAGE], [TRUTH], [FOUND], CLASSES).axes[0]
    assert [patch.get_linestyle() for patch in axes.patches] == ["--", "--", "-"]
    assert _rectangle(axes.patches[0]) == pytest.approx([20, 20, 80, 40])
    assert _rectangle(axes.patches[2]) == pytest.approx([20, 20, 80, 50])
    assert to_hex(axes.patches[2].get_edgecolor()).upper() == plotting.colour(2)
    assert [text.get_text() for text in axes.texts] == ["dog 0.90"]


def test_objects_have_names_on_request() -> None:
    axes = plotting.detections_over_truth(
        [IMAGE], [TRUTH], [FOUND], CLASSES, threshold=0.95, named=True
    ).axes[0]
    assert [text.get_text() for text in axes.texts] == ["cat", "dog"]


def test_suppression_shows_both_sets_of_boxes() -> None:
    before = FOUND["boxes"].repeat(3, 1)
    left, right = plotting.suppression(IMAGE, before, FOUND["labels"].repeat(3), FOUND, CLASSES).axes
    assert (len(left.patches), len(right.patches)) == (6, 2)
    assert (left.get_title(), right.get_title()) == ("before: 6 boxes", "after: 2")
    assert [text.get_text() for text in right.texts] == ["dog 0.90", "cat 0.30"]


def test_a_failure_shows_the_object_and_the_wrong_detection() -> None:
    wanted = [(TRUTH.boxes_xyxy[0], 1), None, (TRUTH.boxes_xyxy[1], 2)]
    given = [(FOUND["boxes"][0], 2, 0.9), (FOUND["boxes"][1], 1, 0.3), None]
    figure = plotting.failures([IMAGE] * 3, wanted, given, ["wrong class", "background", "missed"], CLASSES)
    styles = [[patch.get_linestyle() for patch in axes.patches] for axes in figure.axes]
    assert styles == [["--", "-"], ["-"], ["--"]]
    assert [axes.get_title() for axes in figure.axes] == ["wrong class", "background", "missed"]
    assert [text.get_text() for text in figure.axes[0].texts] == ["dog 0.90"]
    assert not figure.axes[2].texts


def test_a_label_stays_inside_its_picture() -> None:
    corner = (torch.tensor([0.9, 0.97, 1.0, 1.0]), 1, 0.5)
    (label,) = plotting.failures([IMAGE], [None], [corner], ["background"], CLASSES).axes[0].texts
    x, y = label.xy
    assert (x, label.get_ha()) == (199.5, "right")
    assert y <= 0.95 * 100


@pytest.mark.parametrize("count", [0, 2])
def test_compared_detections_stand_beside_the_truth(count: int) -> None:
    corners = SCENE.truth.boxes_xyxy * torch.tensor([100, 200, 100, 200])
    found = {"boxes": corners, "labels": SCENE.truth.labels, "scores": torch.tensor([0.9, 0.02])}
    found = {key: value[:count] for key, value in found.items()}
    figure = plotting.detections_compared(SCENE.image, SCENE.truth, {"a": found, "b": found}, CLASSES)
    assert [axes.get_title() for axes in figure.axes] == ["ground truth", "a", "b"]
    assert [len(axes.patches) for axes in figure.axes] == [2, count, count]


def test_without_a_panel_of_its_own_the_truth_is_in_every_panel() -> None:
    found = {
        "boxes": torch.zeros(0, 4),
        "labels": torch.zeros(0, dtype=torch.int64),
        "scores": torch.zeros(0),
    }
    figure = plotting.detections_compared(SCENE.image, SCENE.truth, {"a": found}, CLASSES, truth_beside=False)
    assert len(_boxes(figure.axes[0], "--")) == len(SCENE.truth)
