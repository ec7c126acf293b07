"""The VOC evaluator: forms of input, batches, dtypes, devices, and the result as JSON."""

import dataclasses
import json

import pytest
import torch

from ssd_lite.evaluation import AveragePrecision, VOCEvaluator
from ssd_lite.truths import Truth, Truths
from tests.evaluation.samples import UNIT, assert_same, evaluate, found, some_images, there


def test_every_form_of_truths_gives_the_same() -> None:
    detections, truths, expected = some_images()
    listed = [Truth(item["boxes"], item["labels"], item["difficult"]) for item in truths]
    padded = Truths.from_list(listed, slots=9)
    order = torch.tensor([0, 7, 1, 8, 2, 3, 4, 5, 6])  # padding may stand anywhere among the objects
    mixed = Truths(padded.boxes_xyxy[:, order], padded.labels[:, order], padded.difficult[:, order])
    for form in (listed, padded, mixed):
        assert_same(evaluate(detections, form, classes="abc"), expected)
    easy = [{"boxes": item["boxes"], "labels": item["labels"]} for item in truths]
    marked = [{**item, "difficult": torch.zeros_like(item["difficult"])} for item in truths]
    assert_same(evaluate(detections, easy, classes="abc"), evaluate(detections, marked, classes="abc"))


def test_batches_do_not_matter() -> None:
    detections, truths, expected = some_images()
    for size in (1, 2, 3):
        evaluator = VOCEvaluator("abc")
        for first in range(0, len(detections), size):
            evaluator.update(detections[first : first + size], truths[first : first + size])
        assert_same(evaluator.compute(), expected)


def test_compute_can_be_called_between_updates() -> None:
    detections, truths, expected = some_images()
    evaluator = VOCEvaluator("abc")
    evaluator.update(detections[:3], truths[:3])
    evaluator.compute()
    evaluator.update([], [])
    evaluator.update(detections[3:], truths[3:])
    assert_same(evaluator.compute(), expected)
    assert_same(evaluator.compute(), expected)


def test_inputs_stay_as_they_were_and_so_does_the_state() -> None:
    detections, truths, expected = some_images()
    before = [{key: value.clone() for key, value in item.items()} for item in (*detections, *truths)]
    evaluator = VOCEvaluator("abc")
    evaluator.update(detections, truths)
    for item, old in zip((*detections, *truths), before, strict=True):
        assert all(torch.equal(item[key], old[key]) for key in old)
        for value in item.values():
            value.zero_()  # the caller's buffers may be used again
    assert_same(evaluator.compute(), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_and_gradients(dtype: torch.dtype) -> None:
    detections, truths, expected = some_images()  # eighths and quarters are exact in all of them
    changed = [
        {
            key: value.to(dtype).requires_grad_() if value.is_floating_point() else value
            for key, value in item.items()
        }
        for item in detections
    ]
    assert_same(evaluate(changed, truths, classes="abc"), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_tensors_on_a_gpu() -> None:
    detections, truths, expected = some_images()
    moved = [{key: value.cuda() for key, value in item.items()} for item in detections]
    listed = [Truth(item["boxes"], item["labels"], item["difficult"]) for item in truths]
    assert_same(evaluate(moved, Truths.from_list(listed).to("cuda"), classes="abc"), expected)


def test_units_do_not_matter_without_the_extra_pixel() -> None:
    detections, truths, expected = some_images()
    scaled = [[{**item, "boxes": item["boxes"] * 512} for item in items] for items in (detections, truths)]
    assert_same(evaluate(*scaled, classes="abc"), expected)


def test_result_is_frozen_and_goes_into_json() -> None:
    result = evaluate([found((UNIT, 0.9, 1))], [there((UNIT, 1, False))], classes="ab")
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.mean = 0.0
    text = json.dumps(result.to_dict(), allow_nan=False)
    expected = {"mean": 1.0, "per_class": {"a": 1.0, "b": None}, "counts": {"a": 1, "b": 0}, "metrics": {}}
    assert json.loads(text) == expected
    assert evaluate([], []).to_dict()["mean"] is None
    named = VOCEvaluator(["mean", "b"])  # a class may have any name
    named.update([found()], [there((UNIT, 1, False), (UNIT, 2, False))])
    assert named.compute().to_dict()["per_class"] == {"mean": 0.0, "b": 0.0}


def test_a_result_describes_itself() -> None:
    detections, truths = [found((UNIT, 0.9, 1))], [there((UNIT, 1, False), (UNIT, 2, False))]
    assert (
        repr(evaluate(detections, truths, classes="abc")) == "mAP 0.500 over 2 classes (VOC, IoU 0.5, area)"
    )
    eleven = evaluate(detections, truths, classes="a b", iou_threshold=0.75, method="11-point")
    assert repr(eleven) == "mAP 0.500 over 2 classes (VOC, IoU 0.75, 11-point)"
    assert repr(AveragePrecision(1.0, {"a": 1.0}, {"a": 1})) == "mAP 1.000 over 1 class"
