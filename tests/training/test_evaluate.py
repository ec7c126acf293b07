"""Average precision on held-out images."""

from pathlib import Path

import pytest
import torch

from ssd_lite import models, training
from ssd_lite.data import Scenes
from ssd_lite.evaluation import COCOEvaluator
from ssd_lite.training.evaluate import in_pixels
from ssd_lite.truths import Truth, Truths
from tests.training.small_runs import SMALL


def test_evaluating_with_other_classes_is_refused(data) -> None:
    with pytest.raises(ValueError, match="the model's classes are"):
        training.evaluate(models.ssd_tiny(["zebra"]), data[1])


def test_cocos_numbers_are_those_of_its_evaluator_in_pixels(data) -> None:
    model = models.load(Path(__file__).parents[2] / "book/models/scenes.safetensors")
    found = training.evaluate(model, data[1], metric="coco", batch=4)
    evaluator = COCOEvaluator(model.classes)
    images = Scenes(count=6, size=(128, 128), seed=2 * SMALL.seed + 1)
    for example in (images[index] for index in range(6)):
        truth = {"boxes": example.truth.boxes_xyxy * 128, "labels": example.truth.labels}
        evaluator.update(model.predict([example.image]), [truth])
    expected = evaluator.compute()
    assert expected.metrics["AP50"] > 0.5
    assert found.metrics == pytest.approx(expected.metrics, nan_ok=True)
    assert found.per_class == pytest.approx(expected.per_class, nan_ok=True)
    assert found.counts == expected.counts
    with pytest.raises(ValueError, match="metric must be one of voc, coco, got 'pascal'"):
        training.evaluate(model, data[1], metric="pascal")


def test_truths_in_pixels_count_by_the_width_and_height_of_their_image() -> None:
    truths = Truths.from_list([Truth.of([[0.1, 0.2, 0.5, 1.0]], [1]), Truth.of([[0.0, 0.5, 1.0, 1.0]], [2])])
    moved = in_pixels(truths, torch.tensor([[100, 200], [30, 40]]))
    assert moved.boxes_xyxy.tolist() == [
        [pytest.approx([20, 20, 100, 100])],
        [pytest.approx([0, 15, 40, 30])],
    ]
    assert torch.equal(moved.labels, truths.labels)
