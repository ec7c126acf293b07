"""Each rule of VOC's devkit."""

import math
from typing import Any

import pytest
import torch

from ssd_lite.evaluation import VOCEvaluator
from tests.evaluation.samples import FAR, HALF, PRECISION, RECALL, UNIT, evaluate, found, there


def test_golden_dataset() -> None:
    # Class a has 3 objects and is found right, wrong, right, wrong as in the curve above; class b has
    # an object nobody found; class c has no object.
    detections = [
        found((UNIT, 0.9, 1), (FAR, 0.8, 1), (FAR, 0.99, 3)),
        found((UNIT, 0.7, 1), (UNIT, 0.6, 1)),
    ]
    truths = [there((UNIT, 1, False), (UNIT, 2, False)), there((UNIT, 1, False), (FAR, 1, False))]
    result = evaluate(detections, truths, classes="abc")
    assert result.counts == {"a": 3, "b": 1, "c": 0}
    assert result.per_class["a"] == pytest.approx(5 / 9)
    assert result.per_class["b"] == 0.0
    assert math.isnan(result.per_class["c"])
    assert result.mean == pytest.approx((5 / 9 + 0) / 2)
    assert result.recall["a"].tolist() == pytest.approx(RECALL)
    assert result.precision["a"].tolist() == pytest.approx(PRECISION)
    assert [len(result.recall[name]) for name in "bc"] == [0, 0]
    assert evaluate(detections, truths, classes="abc", method="11-point").per_class["a"] == pytest.approx(
        6 / 11
    )


def test_repeated_claim_is_a_false_positive() -> None:
    result = evaluate([found((UNIT, 0.9, 1), (UNIT, 0.8, 1))], [there((UNIT, 1, False))])
    assert result.precision["a"].tolist() == [1.0, 0.5]


def test_a_detection_never_settles_for_its_second_best_object() -> None:
    # Both detections overlap UNIT most; the second also overlaps the other object by 0.6, in vain.
    near = [0.0, 0.0, 1.0, 0.6]
    result = evaluate([found((UNIT, 0.9, 1), (UNIT, 0.8, 1))], [there((UNIT, 1, False), (near, 1, False))])
    assert result.recall["a"].tolist() == [0.5, 0.5]


def test_equal_overlaps_go_to_the_lower_object() -> None:
    # Two equal objects, the first difficult: both detections are ignored. The other way round, the
    # first is right and the second repeats it.
    detections = [found((UNIT, 0.9, 1), (UNIT, 0.8, 1))]
    first = evaluate(detections, [there((UNIT, 1, True), (UNIT, 1, False))])
    second = evaluate(detections, [there((UNIT, 1, False), (UNIT, 1, True))])
    assert first.precision["a"].tolist() == []
    assert second.precision["a"].tolist() == [1.0, 0.5]


def test_difficult_objects_neither_help_nor_hurt() -> None:
    # The best detection is ignored: precision starts with 1, not with 0/0.
    detections = [found((FAR, 0.9, 1), (FAR, 0.8, 1), (UNIT, 0.7, 1))]
    result = evaluate(detections, [there((UNIT, 1, False), (FAR, 1, True))])
    assert result.counts == {"a": 1}
    assert result.precision["a"].tolist() == [1.0]
    assert result.mean == 1.0


def test_a_class_of_difficult_objects_alone_has_no_value() -> None:
    result = evaluate([found((UNIT, 0.9, 1))], [there((UNIT, 1, True))])
    assert math.isnan(result.mean)
    assert result.counts == {"a": 0}


def test_objects_of_other_classes_and_images_do_not_count() -> None:
    result = evaluate(
        [found((UNIT, 0.9, 1)), found()], [there((UNIT, 2, False)), there((UNIT, 1, False))], classes="ab"
    )
    assert result.precision["a"].tolist() == [0.0]


def test_an_object_of_another_class_is_no_rival() -> None:
    # HALF overlaps the class-2 object fully and its own by 1/2: its own is what counts.
    result = evaluate([found((HALF, 0.9, 1))], [there((HALF, 2, False), (UNIT, 1, False))], classes="ab")
    assert result.precision["a"].tolist() == [1.0]


@pytest.mark.parametrize(("inclusive", "expected"), [(True, 1.0), (False, 0.0)])
def test_overlap_of_exactly_the_threshold(inclusive: bool, expected: float) -> None:
    assert evaluate([found((HALF, 0.9, 1))], [there((UNIT, 1, False))], inclusive=inclusive).mean == expected
    assert (
        evaluate([found((HALF, 0.9, 1))], [there((UNIT, 1, False))]).mean == 1.0
    )  # the devkit's is the default


def test_threshold_decides() -> None:
    for threshold, expected in ((0.25, 1.0), (0.5, 1.0), (0.51, 0.0)):
        assert (
            evaluate([found((HALF, 0.9, 1))], [there((UNIT, 1, False))], iou_threshold=threshold).mean
            == expected
        )


def test_the_extra_pixel() -> None:
    # 3 × 1 in 6 × 1: 1/2. With one pixel more each way, 4 × 2 in 7 × 2: 4/7.
    detections, truths = [found(([0, 0, 3, 1], 0.9, 1))], [there(([0, 0, 6, 1], 1, False))]
    for pixel_inclusive, expected in ((False, 0.0), (True, 1.0)):
        options = {"iou_threshold": 0.55, "pixel_inclusive": pixel_inclusive}
        assert evaluate(detections, truths, **options).mean == expected
    # A box of one pixel, whose corners coincide, has an area.
    one = [7.0, 7.0, 7.0, 7.0]
    assert evaluate([found((one, 0.9, 1))], [there((one, 1, False))], pixel_inclusive=True).mean == 1.0
    assert evaluate([found((one, 0.9, 1))], [there((one, 1, False))]).mean == 0.0


def test_equal_scores_go_by_image_then_by_place() -> None:
    right, wrong = (UNIT, 0.5, 1), (FAR, 0.5, 1)
    empty, one = there(), there((UNIT, 1, False))
    assert evaluate([found(right, wrong)], [one]).precision["a"].tolist() == [1.0, 0.5]
    assert evaluate([found(wrong, right)], [one]).precision["a"].tolist() == [0.0, 0.5]
    assert evaluate([found(right), found(wrong)], [one, empty]).precision["a"].tolist() == [1.0, 0.5]
    assert evaluate([found(wrong), found(right)], [empty, one]).precision["a"].tolist() == [0.0, 0.5]


def test_scores_and_boxes_keep_every_digit() -> None:
    # Two scores that differ in the fifteenth digit, and an overlap that misses 1/2 in the twelfth.
    detections = found((FAR, 0.5, 1), (UNIT, 0.5, 1))
    detections["scores"] = torch.tensor([0.5, 0.5 + 1e-15], dtype=torch.float64)
    assert evaluate([detections], [there((UNIT, 1, False))]).precision["a"][0] == 1.0
    short = {**found((HALF, 0.5, 1)), "boxes": torch.tensor([[0, 0, 1, 0.5 - 1e-12]], dtype=torch.float64)}
    assert evaluate([short], [there((UNIT, 1, False))]).mean == 0.0


def test_recall_is_exact_at_the_eleven_points() -> None:
    # 3 of 10 objects found, no error: 0, 0.1, 0.2 and 0.3 are reached.
    boxes = [[float(i), 0.0, i + 1.0, 1.0] for i in range(10)]
    detections = [found(*((box, 0.9, 1) for box in boxes[:3]))]
    result = evaluate(detections, [there(*((box, 1, False) for box in boxes))], method="11-point")
    assert result.mean == pytest.approx(4 / 11)


@pytest.mark.parametrize(
    ("detections", "truths"),
    [
        ([], []),
        ([found()], [there()]),
        ([found(), found()], [there(), there()]),
        ([found((UNIT, 0.5, 1))], [there()]),
    ],
)
def test_without_objects_there_is_no_value(detections: Any, truths: Any) -> None:
    result = evaluate(detections, truths, classes="ab")
    assert math.isnan(result.mean)
    assert all(math.isnan(value) for value in result.per_class.values())
    assert math.isnan(VOCEvaluator([]).compute().mean)


def test_without_detections_everything_is_missed() -> None:
    result = evaluate([found(), found()], [there((UNIT, 1, False)), there((UNIT, 2, False))], classes="ab")
    assert result.per_class == {"a": 0.0, "b": 0.0}
    assert result.mean == 0.0


def test_the_mean_is_as_exact_as_its_parts() -> None:
    boxes = [UNIT, FAR]
    parts = [found((UNIT, 0.9, 1), (FAR, 0.8, 1), ([9.0, 9.0, 10.0, 10.0], 0.95, 1), (UNIT, 0.9, 2))]
    truths = [there(*((box, label, False) for box in boxes for label in (1, 2, 3)))]
    result = evaluate(parts, truths, classes="abc")
    assert result.mean == pytest.approx(sum(result.per_class.values()) / 3, rel=1e-14)


def test_an_overlap_of_1_may_be_asked_for() -> None:
    exact, shifted = [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.99]
    for box, expected in ((exact, 1.0), (shifted, 0.0)):
        assert evaluate([found((box, 0.9, 1))], [there((UNIT, 1, False))], iou_threshold=1.0).mean == expected
