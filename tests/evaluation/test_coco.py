"""The COCO evaluator: known values, difficult objects, merging."""

import json
import math
from typing import Any

import pytest

from ssd_lite.evaluation import COCO_METRICS, COCOEvaluator
from tests.evaluation.samples import coco, found, some_images, there


def test_coco_known_values(capfd: pytest.CaptureFixture[str]) -> None:
    # An overlap of 0.62 passes 0.50, 0.55 and 0.60 of the ten thresholds; 100 × 100 px is large.
    detections = [found(([0, 0, 100, 62], 0.9, 1))]
    result = coco(detections, [there(([0, 0, 100, 100], 1, False))], classes="ab")
    assert tuple(result.metrics) == COCO_METRICS
    expected = {
        "AP": 0.3,
        "AP50": 1.0,
        "AP75": 0.0,
        "AP_large": 0.3,
        "AR_1": 0.3,
        "AR_10": 0.3,
        "AR_100": 0.3,
    }
    assert {name: result.metrics[name] for name in expected} == pytest.approx(expected)
    assert result.metrics["AR_large"] == pytest.approx(0.3)
    for name in ("AP_small", "AP_medium", "AR_small", "AR_medium"):
        assert math.isnan(result.metrics[name])
    assert result.mean == result.metrics["AP"]
    assert result.per_class["a"] == pytest.approx(0.3)
    assert math.isnan(result.per_class["b"])
    assert result.counts == {"a": 1, "b": 0}
    json.dumps(result.to_dict(), allow_nan=False)
    assert capfd.readouterr() == ("", "")


def test_coco_perfect_detections() -> None:
    boxes = [[0, 0, 20, 20], [30, 30, 90, 90], [100, 100, 300, 300]]  # small, medium, large
    result = coco(
        [found(*((box, 0.9, 1) for box in boxes))],
        [there(*((box, 1, False) for box in boxes))],
    )
    perfect = dict.fromkeys(COCO_METRICS, 1.0) | {"AR_1": 1 / 3}  # one detection an image, three objects
    assert result.metrics == pytest.approx(perfect)
    assert result.per_class["a"] == pytest.approx(1.0)


def test_coco_difficult_objects_are_crowds() -> None:
    # Two detections inside a difficult object are ignored, though they claim it twice.
    crowd, one = [0, 0, 200, 200], [300, 300, 400, 400]
    detections = [found(([0, 0, 50, 50], 0.9, 1), ([100, 100, 150, 150], 0.8, 1), (one, 0.7, 1))]
    result = coco(detections, [there((crowd, 1, True), (one, 1, False))])
    assert result.mean == pytest.approx(1.0)
    assert result.counts == {"a": 1}


@pytest.mark.parametrize(
    ("detections", "truths"),
    [([], []), ([found()], [there()]), ([found(([0, 0, 9, 9], 0.5, 1))], [there()])],
)
def test_coco_without_objects(detections: Any, truths: Any) -> None:
    result = coco(detections, truths)
    assert math.isnan(result.mean)
    assert math.isnan(result.per_class["a"])


def test_coco_without_detections() -> None:
    result = coco([found()], [there(([0, 0, 9, 9], 1, False))])
    assert result.mean == 0.0
    assert result.per_class == {"a": 0.0}


def test_coco_merged_equals_one() -> None:
    detections, truths, _ = some_images(1)
    detections, truths = (
        [{**item, "boxes": item["boxes"] * 400} for item in items] for items in (detections, truths)
    )
    evaluators = [COCOEvaluator("abc"), COCOEvaluator("abc")]
    for place, (item, truth) in enumerate(zip(detections, truths, strict=True)):
        evaluators[place % 2].update([item], [truth], image_ids=[place])
    evaluators[1].merge(evaluators)
    assert evaluators[1].compute().to_dict() == coco(detections, truths, classes="abc").to_dict()


def test_coco_counts_the_best_hundred_of_an_image() -> None:
    """Eleven objects, all found: with the best ten alone, the last could not be."""
    rows = [[100.0 * i, 0.0, 100.0 * i + 50, 50.0] for i in range(11)]
    detections = found(*((box, 0.9 - 0.01 * i, 1) for i, box in enumerate(rows)))
    assert coco([detections], [there(*((box, 1, False) for box in rows))]).mean == pytest.approx(1.0)


def test_boxes_a_little_over_a_pixel_are_taken_for_pixels() -> None:
    small = [0.0, 0.0, 1.5, 1.5]
    assert coco([found((small, 0.9, 1))], [there((small, 1, False))]).mean == pytest.approx(1.0)


def test_coco_result_describes_itself() -> None:
    result = coco([found(([0, 0, 9, 9], 0.9, 1))], [there(([0, 0, 9, 9], 1, False))])
    assert repr(result) == "mAP 1.000 over 1 class (COCO, IoU 0.50 to 0.95)"
