"""Invalid detections, objects and options are named."""

import math
import sys
from typing import Any

import pytest
import torch

from ssd_lite.evaluation import COCOEvaluator, VOCEvaluator
from tests.evaluation.samples import UNIT, evaluate, found, there

BAD = {
    r"detections, truths and image_ids must have the same length, got \(1, 2, 2\)": (
        [found()],
        [there(), there()],
        None,
    ),
    r"detections, truths and image_ids must have the same length, got \(1, 1, 2\)": (
        [found()],
        [there()],
        [0, 1],
    ),
    r"image_ids must be new and distinct, got \[3, 3\]": ([found()] * 2, [there()] * 2, [3, 3]),
    r"image_ids must be new and distinct, got \[9\]": ([found()], [there()], [9]),
    r"detections\[1\]: scores must not be NaN, got .*nan.* in row 0": (
        [found(), found((UNIT, math.nan, 1))],
        [there(), there()],
        None,
    ),
    r"detections\[0\]: labels must lie in 1 … 2, got .*3\.0\] in row 1": (
        [found((UNIT, 0.5, 2), (UNIT, 0.5, 3))],
        [there()],
        None,
    ),
    r"detections\[0\]: labels must lie in 1 … 2, got .*0\.0\]": ([found((UNIT, 0.5, 0))], [there()], None),
    r"truths\[0\]: labels must lie in 1 … 2, got": ([found()], [there((UNIT, 3, False))], None),
    r"detections\[0\]: boxes must be finite, got .*inf": (
        [found(([0, 0, math.inf, 1], 0.5, 1))],
        [there()],
        None,
    ),
    r"truths\[0\]: boxes must be finite, got .*nan": (
        [found()],
        [there(([0, 0, math.nan, 1], 1, False))],
        None,
    ),
    r"detections\[0\]: boxes, scores and labels must have the same length, got \(1, 2, 1\)": (
        [{**found((UNIT, 0.5, 1)), "scores": torch.ones(2)}],
        [there()],
        None,
    ),
    r"truths\[0\]: boxes, difficult and labels must have the same length, got \(1, 0, 1\)": (
        [found()],
        [{**there((UNIT, 1, False)), "difficult": torch.zeros(0, dtype=torch.bool)}],
        None,
    ),
}


@pytest.mark.parametrize("kind", [VOCEvaluator, COCOEvaluator])
@pytest.mark.parametrize("message", BAD)
def test_bad_updates_name_what_is_wrong_and_add_nothing(kind: Any, message: str) -> None:
    detections, truths, image_ids = BAD[message]
    evaluator = kind("ab")
    evaluator.update([found((UNIT, 0.5, 1))], [there(([0, 0, 9, 9], 1, False))], image_ids=[9])
    before = evaluator.compute().to_dict()
    with pytest.raises(ValueError, match=message):
        evaluator.update(detections, truths, image_ids=image_ids)
    assert evaluator.compute().to_dict() == before


def test_bad_options() -> None:
    with pytest.raises(ValueError, match="method must be one of area, 11-point, got 'mean'"):
        VOCEvaluator("a", method="mean")
    for threshold in (0.0, 1.5, math.nan):
        with pytest.raises(ValueError, match=r"iou_threshold must lie in \(0, 1\], got"):
            VOCEvaluator("a", iou_threshold=threshold)
    for kind in (VOCEvaluator, COCOEvaluator):
        with pytest.raises(ValueError, match=r"classes must be distinct, got \['a', 'a'\]"):
            kind("aa")


def test_relative_boxes_are_refused_where_pixels_are_needed() -> None:
    for kind, options in ((VOCEvaluator, {"pixel_inclusive": True}), (COCOEvaluator, {})):
        evaluator = kind("a", **options)
        evaluator.update([found()], [there((UNIT, 1, False))])
        with pytest.raises(ValueError, match=r"truths must be in pixels, got no coordinate above 1\.0"):
            evaluator.compute()
        half = kind("a", **options)  # a flag is no corner
        half.update([found()], [there(((0.0, 0.0, 0.5, 0.5), 1, True))])
        with pytest.raises(ValueError, match=r"truths must be in pixels, got no coordinate above 0\.5"):
            half.compute()


def test_coco_names_the_extra_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    with pytest.raises(ImportError, match=r"^COCOEvaluator needs pycocotools: pip install ssd-lite\[coco\]$"):
        COCOEvaluator("a")


def test_detections_without_scores_are_an_error() -> None:
    unsure = found((UNIT, 0.9, 1))
    del unsure["scores"]
    with pytest.raises(KeyError, match="scores"):
        evaluate([unsure], [there((UNIT, 1, False))])


def test_the_row_of_a_box_that_is_not_finite_is_named() -> None:
    rows = found((UNIT, 0.9, 1), ([0.0, 0.0, math.inf, 1.0], 0.8, 1))
    with pytest.raises(ValueError, match=r"^detections\[0\]: boxes must be finite, got .* in row 1$"):
        evaluate([rows], [there()])
