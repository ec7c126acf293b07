"""Figures about training as a whole: what was drawn, where, and with which words."""

from collections.abc import Iterator

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch

from ssd_lite import Truth, plotting
from ssd_lite.plotting.training import FLOWS, STATIONS

matplotlib.use("Agg")
CLASSES = ("cat", "dog")
IMAGE = torch.zeros(3, 100, 200, dtype=torch.uint8)
TRUTH = Truth.of([[0.1, 0.2, 0.5, 0.6], [0.5, 0.5, 1.0, 1.0]], [1, 2])
FOUND = {
    "boxes": torch.tensor([[0.1, 0.2, 0.5, 0.7], [0.0, 0.0, 0.5, 0.5]]),
    "scores": torch.tensor([0.9, 0.3]),
    "labels": torch.tensor([2, 1]),
}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def _rectangle(patch) -> list[float]:
    return [patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()]


def test_the_diagram_has_a_box_for_each_station_and_an_arrow_for_each_flow() -> None:
    axes = plotting.pipeline().axes[0]
    assert sum(isinstance(patch, FancyBboxPatch) for patch in axes.patches) == len(STATIONS)
    arrows = [text.arrow_patch for text in axes.texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == len(FLOWS)
    written = {text.get_text().replace("\n", " ") for text in axes.texts}
    assert {*STATIONS} <= written
    assert {carried for _, _, carried, _ in FLOWS if carried} <= written
    assert min(text.get_fontsize() for text in axes.texts) >= 9


def test_flows_join_stations_that_are_neighbours() -> None:
    for start, end, _, _ in FLOWS:
        (x0, y0, _), (x1, y1, _) = STATIONS[start], STATIONS[end]
        assert max(abs(x0 - x1), abs(y0 - y1)) == 1


def test_the_schedule_and_its_dots() -> None:
    axes = plotting.schedule([0, 1, 2], [0.1, 0.2, 0.02], marked={1: 0.2}).axes[0]
    line, dots = axes.lines
    assert line.get_ydata().tolist() == [0.1, 0.2, 0.02]
    assert (dots.get_xdata().tolist(), dots.get_ydata().tolist()) == ([1], [0.2])
    assert axes.get_yscale() == "log"
    assert len(plotting.schedule([0, 1], [0.1, 0.2]).axes[0].lines) == 1


def test_losses_by_rate_have_a_line_and_a_name_each() -> None:
    axes = plotting.losses_by_rate({"low": [9.0, 8.0], "high": [9.0, 1e9]}, highest=100.0).axes[0]
    assert [line.get_label() for line in axes.lines] == ["low", "high"]
    assert axes.lines[0].get_xdata().tolist() == [1, 2]
    assert axes.get_ylim()[1] == 100


def test_what_was_found_is_drawn_over_what_is_there() -> None:
    axes = plotting.found([IMAGE], [TRUTH], [FOUND], CLASSES).axes[0]
    assert [patch.get_linestyle() for patch in axes.patches] == ["--", "--", "-"]
    assert _rectangle(axes.patches[0]) == pytest.approx([20, 20, 80, 40])
    assert _rectangle(axes.patches[2]) == pytest.approx([20, 20, 80, 50])
    assert to_hex(axes.patches[2].get_edgecolor()).upper() == plotting.colour(2)
    assert [text.get_text() for text in axes.texts] == ["dog 0.90"]


def test_truths_have_names_where_they_are_wanted() -> None:
    axes = plotting.found([IMAGE], [TRUTH], [FOUND], CLASSES, threshold=0.95, named=True).axes[0]
    assert [text.get_text() for text in axes.texts] == ["cat", "dog"]


def test_suppression_shows_both_sets_of_boxes() -> None:
    before = FOUND["boxes"].repeat(3, 1)
    left, right = plotting.suppression(IMAGE, before, FOUND["labels"].repeat(3), FOUND, CLASSES).axes
    assert (len(left.patches), len(right.patches)) == (6, 2)
    assert (left.get_title(), right.get_title()) == ("before: 6 boxes", "after: 2")
    assert [text.get_text() for text in right.texts] == ["dog 0.90", "cat 0.30"]


def test_the_envelope_lies_over_the_curve() -> None:
    recall, precision, envelope = [0.5, 0.5, 1.0], [1.0, 0.5, 2 / 3], [1.0, 2 / 3, 2 / 3]
    figure = plotting.precision_envelope(recall, precision, envelope, [1.0] * 6 + [2 / 3] * 5, lowest=0.4)
    stairs, curve, crosses = figure.axes[0].lines
    assert list(stairs.get_ydata()) == [1.0, *envelope, 0.0]
    assert list(stairs.get_xdata()) == [0.0, *recall, 1.0]
    assert list(curve.get_ydata()) == precision
    assert len(crosses.get_xdata()) == 11
    assert figure.axes[0].get_ylim()[0] == 0.4


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
    x, y = label.get_position()
    assert (x, label.get_ha()) == (200, "right")
    assert y <= 0.95 * 100


def test_runs_of_different_lengths_share_an_axis() -> None:
    logs = {
        name: [{"step": s, "confidence": 4.0 / s, "localization": 1.0 / s} for s in range(1, steps + 1)]
        for name, steps in (("short", 2), ("long", 4))
    }
    confidence, localization = plotting.loss_of_runs(logs).axes
    assert [line.get_xdata()[-1] for line in confidence.lines] == [1.0, 1.0]
    assert [line.get_ydata()[0] for line in localization.lines] == [1.0, 1.0]
    assert [line.get_label() for line in localization.lines] == ["short", "long"]
