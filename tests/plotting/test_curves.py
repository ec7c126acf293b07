"""Losses, learning rates, precision and the results of studies."""

import pytest
import torch

from ssd_lite import plotting
from ssd_lite.data import Scenes
from ssd_lite.evaluation import VOCEvaluator

SCENES = Scenes(count=3)


def test_loss_curves_show_what_the_log_says() -> None:
    log = [
        {"step": s, "loss": 3.0 / s, "confidence": 2.0 / s, "localization": 1.0 / s, "learning_rate": 0.1}
        for s in (10, 20, 30)
    ]
    figure = plotting.loss_curves(log)
    total = figure.axes[0].lines[0]
    assert total.get_xdata().tolist() == [10, 20, 30]
    assert total.get_ydata().tolist() == [entry["loss"] for entry in log]


def test_runs_of_different_lengths_share_an_axis() -> None:
    logs = {
        name: [{"step": s, "confidence": 4.0 / s, "localization": 1.0 / s} for s in range(1, steps + 1)]
        for name, steps in (("short", 2), ("long", 4))
    }
    confidence, localization = plotting.loss_of_runs(logs).axes
    assert [line.get_xdata()[-1] for line in confidence.lines] == [1.0, 1.0]
    assert [line.get_ydata()[0] for line in localization.lines] == [1.0, 1.0]
    assert [line.get_label() for line in localization.lines] == ["short", "long"]


def test_losses_by_rate_have_a_line_and_a_name_each() -> None:
    axes = plotting.losses_by_rate({"low": [9.0, 8.0], "high": [9.0, 1e9]}, highest=100.0).axes[0]
    assert [line.get_label() for line in axes.lines] == ["low", "high"]
    assert axes.lines[0].get_xdata().tolist() == [1, 2]
    assert axes.get_ylim()[1] == 100


def test_the_schedule_and_its_dots() -> None:
    axes = plotting.schedule([0, 1, 2], [0.1, 0.2, 0.02], marked={1: 0.2}).axes[0]
    line, dots = axes.lines
    assert line.get_ydata().tolist() == [0.1, 0.2, 0.02]
    assert (dots.get_xdata().tolist(), dots.get_ydata().tolist()) == ([1], [0.2])
    assert axes.get_yscale() == "log"
    assert len(plotting.schedule([0, 1], [0.1, 0.2]).axes[0].lines) == 1


def test_precision_over_recall_of_the_classes_with_objects() -> None:
    evaluator = VOCEvaluator(SCENES.classes)
    truths = [SCENES[i].truth for i in range(3)]
    found = [
        {"boxes": t.boxes_xyxy, "labels": t.labels, "scores": torch.full((len(t),), 0.9)} for t in truths
    ]
    evaluator.update(found, truths)
    metrics = evaluator.compute()
    figure = plotting.precision_recall(metrics)
    assert len(figure.axes[0].lines) == sum(count > 0 for count in metrics.counts.values())


def test_the_envelope_lies_over_the_curve() -> None:
    recall, precision, envelope = [0.5, 0.5, 1.0], [1.0, 0.5, 2 / 3], [1.0, 2 / 3, 2 / 3]
    figure = plotting.precision_envelope(recall, precision, envelope, [1.0] * 6 + [2 / 3] * 5)
    stairs, curve, crosses = figure.axes[0].lines
    assert list(stairs.get_ydata()) == [1.0, *envelope, 0.0]
    assert list(stairs.get_xdata()) == [0.0, *recall, 1.0]
    assert list(curve.get_ydata()) == precision
    assert len(crosses.get_xdata()) == 11
    assert figure.axes[0].get_ylim()[0] == 0


def test_map_over_steps_is_the_mean_of_the_seeds() -> None:
    whole, diverged = {"map": [[100, 0.2], [200, 0.4]]}, {"map": [[100, 0.4]], "diverged": 150}
    found = plotting.map_over_steps({"runs": {"a": [whole, diverged], "b": [whole]}})
    assert found["a"] == [(100, pytest.approx(0.3)), (200, pytest.approx(0.2))]
    assert found["b"] == [(100, 0.2), (200, 0.4)]
