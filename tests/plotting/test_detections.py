"""Figures: drawn without a screen, written whole, closed afterwards."""

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch

from ssd_lite import plotting
from ssd_lite.data import Scenes
from ssd_lite.evaluation import VOCEvaluator

matplotlib.use("Agg")
SCENES = Scenes(count=5)


def _perfect(index: int) -> dict[str, torch.Tensor]:
    truth = SCENES[index].truth
    return {"boxes": truth.boxes_xyxy * 128, "labels": truth.labels, "scores": torch.full((len(truth),), 0.9)}


def test_detections_stand_beside_the_truth(tmp_path) -> None:
    examples = [SCENES[i] for i in range(5)]
    figure = plotting.detections_beside_truth(examples, [_perfect(i) for i in range(5)], SCENES.classes)
    drawn = [axes for axes in figure.axes if axes.images]
    assert len(drawn) == 10
    for left, right in zip(drawn[::2], drawn[1::2], strict=True):
        assert len(left.patches) == len(right.patches) > 0
    assert plotting.save(figure, tmp_path / "new" / "figure.png").stat().st_size > 1000
    assert not plt.get_fignums()


def test_detections_below_the_threshold_are_not_drawn() -> None:
    figure = plotting.detected(SCENES[0].image, _perfect(0), SCENES.classes, threshold=0.95)
    assert not figure.axes[0].patches
    plt.close(figure)


def test_a_picture_of_detections_has_the_images_size() -> None:
    figure = plotting.detected(SCENES[0].image, _perfect(0), SCENES.classes, threshold=0.5)
    assert (figure.get_size_inches() * figure.dpi).tolist() == [128, 128]
    plt.close(figure)


def test_a_difficult_object_has_a_question_mark() -> None:
    from dataclasses import replace

    example = SCENES[0]
    truth = replace(example.truth, difficult=torch.ones(len(example.truth), dtype=torch.bool))
    figure = plotting.contact_sheet([example._replace(truth=truth)], SCENES.classes)
    assert all(text.get_text().endswith("?") for text in figure.axes[0].texts)
    plt.close(figure)


def test_loss_curves_show_what_the_log_says() -> None:
    log = [
        {"step": s, "loss": 3.0 / s, "confidence": 2.0 / s, "localization": 1.0 / s, "learning_rate": 0.1}
        for s in (10, 20, 30)
    ]
    figure = plotting.loss_curves(log)
    total = figure.axes[0].lines[0]
    assert total.get_xdata().tolist() == [10, 20, 30]
    assert total.get_ydata().tolist() == [entry["loss"] for entry in log]
    plt.close(figure)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_contact_sheet_of_any_number_of_images(count: int) -> None:
    figure = plotting.contact_sheet([SCENES[i] for i in range(count)], SCENES.classes)
    assert sum(bool(axes.images) for axes in figure.axes) == count
    plt.close(figure)


def test_precision_over_recall_of_the_classes_with_objects() -> None:
    evaluator = VOCEvaluator(SCENES.classes)
    truths = [SCENES[i].truth for i in range(3)]
    found = [{**_perfect(i), "boxes": SCENES[i].truth.boxes_xyxy} for i in range(3)]
    evaluator.update(found, truths)
    metrics = evaluator.compute()
    figure = plotting.precision_recall(metrics)
    assert len(figure.axes[0].lines) == sum(count > 0 for count in metrics.counts.values())
    plt.close(figure)
