import dataclasses
import json
import math
import pickle
import random
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ssd_lite.evaluation import (
    COCO_METRICS,
    AveragePrecision,
    COCOEvaluator,
    VOCEvaluator,
    average_precision,
)
from ssd_lite.truths import Truth, Truths
from tests.reference import evaluation as reference

CASES = 3000
UNIT = [0.0, 0.0, 1.0, 1.0]
FAR = [4.0, 4.0, 5.0, 5.0]
HALF = [0.0, 0.0, 1.0, 0.5]  # overlaps UNIT by exactly 1/2


def found(*rows: tuple[list[float], float, int]) -> dict[str, Tensor]:
    """The detections of one image, from (box, score, label)."""
    return {
        "boxes": torch.tensor([row[0] for row in rows], dtype=torch.float32).reshape(-1, 4),
        "scores": torch.tensor([row[1] for row in rows], dtype=torch.float32),
        "labels": torch.tensor([row[2] for row in rows], dtype=torch.int64),
    }


def there(*rows: tuple[list[float], int, bool]) -> dict[str, Tensor]:
    """The objects of one image, from (box, label, difficult)."""
    return {
        "boxes": torch.tensor([row[0] for row in rows], dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor([row[1] for row in rows], dtype=torch.int64),
        "difficult": torch.tensor([row[2] for row in rows], dtype=torch.bool),
    }


def evaluate(detections: list[Any], truths: Any, *, classes: str = "a", **options: Any) -> AveragePrecision:
    evaluator = VOCEvaluator(list(classes), **options)
    evaluator.update(detections, truths)
    return evaluator.compute()


def random_box(dice: random.Random) -> list[float]:
    """On a lattice of 1/16, in steps of 1/8: overlaps of exactly 1/2 and equal overlaps are common."""
    x0, x1 = sorted(dice.sample(range(0, 9, 2), 2))
    y0, y1 = sorted(dice.sample(range(0, 9, 2), 2))
    return [x0 / 16, y0 / 16, x1 / 16, y1 / 16]


def random_images(dice: random.Random, *, unit: float = 1.0) -> list[reference.Image]:
    images = []
    for _ in range(dice.randrange(4)):
        objects = [
            ([unit * v for v in random_box(dice)], dice.choice([1, 1, 2]), dice.random() < 0.3)
            for _ in range(dice.randrange(5))
        ]
        detections = [
            # Half of the detections stand on an object exactly, so that objects are found twice.
            (
                dice.choice(objects)[0]
                if objects and dice.random() < 0.5
                else [unit * v for v in random_box(dice)],
                dice.choice([0.25, 0.5, 0.75]),
                dice.choice([1, 1, 2, 3]),
            )
            for _ in range(dice.randrange(7))
        ]
        images.append((detections, objects))
    return images


# --- average_precision -------------------------------------------------------------------------


# Three objects; the detections are right, wrong, right, wrong:
# recall 1/3 1/3 2/3 2/3, precision 1 1/2 2/3 1/2, envelope 1 2/3 2/3 1/2.
RECALL, PRECISION = [1 / 3, 1 / 3, 2 / 3, 2 / 3], [1.0, 1 / 2, 2 / 3, 1 / 2]
# Area: 1/3 · 1 + 1/3 · 2/3 = 5/9.  Eleven points: 1 at 0 … 0.3, 2/3 at 0.4 … 0.6, 0 beyond: (4 + 2)/11.
GOLDEN = {"area": 5 / 9, "11-point": 6 / 11}


@pytest.mark.parametrize("method", GOLDEN)
@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor, lambda v: torch.tensor(v).double()])
def test_golden_curve(method: str, kind: Any) -> None:
    value = average_precision(kind(RECALL), kind(PRECISION), method=method)
    assert isinstance(value, float)
    assert value == pytest.approx(GOLDEN[method], abs=1e-7)


def test_precision_that_rises_with_recall_is_lifted_to_the_envelope() -> None:
    # Wrong, wrong, right, right of 2 objects: precision 0 0 1/3 1/2; the envelope is 1/2 throughout.
    recall, precision = [0, 0, 0.5, 1.0], [0, 0, 1 / 3, 0.5]
    assert average_precision(recall, precision) == pytest.approx(0.5)
    assert average_precision(recall, precision, method="11-point") == pytest.approx(0.5)


def test_perfect_and_empty_curves() -> None:
    for method in GOLDEN:
        assert average_precision([1.0], [1.0], method=method) == 1.0
        assert average_precision([1], [1], method=method) == 1.0  # integers
        assert average_precision([], [], method=method) == 0.0
        assert average_precision(torch.zeros(0), torch.zeros(0), method=method) == 0.0
        assert average_precision([0.0, 0.0], [0.0, 0.0], method=method) == 0.0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_recall_of_exactly_a_tenth_counts_in_every_type(dtype: torch.dtype) -> None:
    for k in range(11):
        for m in (1, 3, 7, 12):  # k/10 as 3/10, 9/30, 21/70 …
            recall = torch.tensor([k * m], dtype=dtype) / torch.tensor([10 * m], dtype=dtype)
            ones = torch.ones(1, dtype=dtype)
            assert average_precision(recall, ones, method="11-point") == pytest.approx((k + 1) / 11)


def test_a_recall_just_below_a_threshold_does_not_count() -> None:
    below = [math.nextafter(0.3, 0)]
    assert average_precision(below, [1.0], method="11-point") == pytest.approx(3 / 11)


def test_inputs_unchanged_and_read_only_arrays_taken() -> None:
    recall, precision = np.array(RECALL)[::-1][::-1], np.array(PRECISION)
    recall.flags.writeable = False
    assert average_precision(recall, precision) == pytest.approx(5 / 9)
    assert precision.tolist() == PRECISION


@pytest.mark.parametrize(
    ("recall", "precision", "method", "message"),
    [
        ([0.5], [1.0], "12-point", "method must be one of area, 11-point, got '12-point'"),
        ([0.5, 1.0], [1.0], "area", r"of the same length, got \(2,\) and \(1,\)"),
        ([[0.5]], [[1.0]], "area", "one-dimensional"),
        ([1.5], [1.0], "area", "lie in"),
        ([math.nan], [1.0], "area", "lie in"),
        ([0.5, 0.25], [1.0, 1.0], "area", "never decrease"),
    ],
)
def test_bad_curves(recall: Any, precision: Any, method: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        average_precision(torch.tensor(recall), torch.tensor(precision), method=method)


# --- VOCEvaluator: each rule of the devkit -----------------------------------------------------


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


@pytest.mark.parametrize("method", ["area", "11-point"])
@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("extra", [0, 1])
def test_agrees_with_the_slow_version(method: str, inclusive: bool, extra: int) -> None:
    dice = random.Random(f"{method} {inclusive} {extra}")
    in_words = {"area": reference.area, "11-point": reference.eleven_points}[method]
    seen = 0
    for _ in range(CASES // 8):
        images = random_images(dice, unit=64.0 if extra else 1.0)
        evaluator = VOCEvaluator("abc", method=method, inclusive=inclusive, pixel_inclusive=bool(extra))
        evaluator.update([found(*image[0]) for image in images], [there(*image[1]) for image in images])
        result = evaluator.compute()
        for label, name in enumerate("abc", start=1):
            right, total = reference.outcomes(images, label, threshold=0.5, inclusive=inclusive, extra=extra)
            assert result.counts[name] == total
            if total == 0:
                assert math.isnan(result.per_class[name])
                continue
            points = reference.curve(right, total)
            assert result.recall[name].tolist() == [float(recall) for recall, _ in points]
            assert result.precision[name].tolist() == [float(precision) for _, precision in points]
            assert result.per_class[name] == pytest.approx(in_words(points), abs=1e-12)
            seen += 1
    assert seen > CASES // 16


def larger_images(dice: random.Random) -> list[reference.Image]:
    """A dataset in whole pixels: crowded images, tied scores, detections near objects and on them."""
    images = []
    for _ in range(dice.randrange(1, 9)):
        width, height = dice.choice([(500, 375), (64, 48), (9, 9)])

        def box(width: int = width, height: int = height) -> list[float]:
            x0, x1 = sorted(dice.sample(range(width + 1), 2))
            y0, y1 = sorted(dice.sample(range(height + 1), 2))
            return [float(x0), float(y0), float(x1), float(y1)]

        hard = dice.choice([0.0, 0.2, 1.0])
        objects = [(box(), dice.randint(1, 4), dice.random() < hard) for _ in range(dice.randrange(13))]
        objects += [(copy, dice.randint(1, 4), False) for copy, _, _ in objects[:2]]  # tied overlaps
        detections = []
        for _ in range(dice.randrange(31)):
            place, label, _ = dice.choice(objects) if objects and dice.random() < 0.8 else (box(), 1, False)
            shift = dice.choice([0, 0, 1, 5])
            moved = [v + dice.randint(-shift, shift) for v in place]
            moved = [*moved[:2], max(moved[2], moved[0] + 1), max(moved[3], moved[1] + 1)]
            label = label if dice.random() < 0.9 else dice.randint(1, 5)
            detections.append((moved, dice.randint(0, 99) / 100, label))
        images.append((detections, objects))
    return images


@pytest.mark.parametrize(("threshold", "inclusive"), [(0.25, True), (0.5, True), (0.5, False), (0.7, False)])
def test_agrees_with_the_slow_version_on_crowded_images(threshold: float, inclusive: bool) -> None:
    """Five classes, of which one has no object; the mean over classes, too; every curve from both methods."""
    dice = random.Random(f"{threshold} {inclusive}")
    compared = 0
    for case in range(CASES // 25):
        images, extra = larger_images(dice), case % 2
        options = {"iou_threshold": threshold, "inclusive": inclusive, "pixel_inclusive": bool(extra)}
        results = {method: evaluator_of(images, method=method, **options) for method in GOLDEN}
        values: dict[str, list[float]] = {method: [] for method in GOLDEN}
        for label, name in enumerate("abcde", start=1):
            right, total = reference.outcomes(
                images, label, threshold=threshold, inclusive=inclusive, extra=extra
            )
            assert results["area"].counts[name] == total
            if total == 0:
                continue
            points = reference.curve(right, total)
            assert results["area"].recall[name].tolist() == [float(recall) for recall, _ in points]
            assert results["area"].precision[name].tolist() == [float(precision) for _, precision in points]
            values["area"].append(reference.area(points))
            values["11-point"].append(reference.eleven_points(points))
            compared += len(points)
        for method, expected in values.items():
            got = [value for value in results[method].per_class.values() if not math.isnan(value)]
            assert got == pytest.approx(expected, abs=1e-12)
            mean = sum(expected) / len(expected) if expected else math.nan
            assert results[method].mean == pytest.approx(mean, abs=1e-12, nan_ok=True)
    assert compared > 20 * CASES // 25


def evaluator_of(images: list[reference.Image], **options: Any) -> AveragePrecision:
    detections, truths = [found(*image[0]) for image in images], [there(*image[1]) for image in images]
    return evaluate(detections, truths, classes="abcde", **options)


# --- VOCEvaluator: how data comes in -----------------------------------------------------------


def some_images(seed: int = 0, count: int = 7) -> tuple[list[Any], list[Any], AveragePrecision]:
    dice = random.Random(seed)
    images: list[reference.Image] = []
    while len(images) < count:
        images += random_images(dice)
    detections = [found(*image[0]) for image in images[:count]]
    truths = [there(*image[1]) for image in images[:count]]
    return detections, truths, evaluate(detections, truths, classes="abc")


def assert_same(a: AveragePrecision, b: AveragePrecision) -> None:
    assert a.to_dict() == b.to_dict()
    for name in a.recall:
        assert torch.equal(a.recall[name], b.recall[name])
        assert torch.equal(a.precision[name], b.precision[name])


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


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_merged_processes_equal_one(ranks: int) -> None:
    for seed in range(8):
        detections, truths, expected = some_images(seed)
        places = list(range(len(detections)))
        places += places[: -len(places) % ranks]  # a distributed sampler repeats the first images
        evaluators = []
        for rank in range(ranks):
            evaluator = VOCEvaluator("abc")
            for place in places[rank::ranks]:
                evaluator.update([detections[place]], [truths[place]], image_ids=[place])
            evaluators.append(pickle.loads(pickle.dumps(evaluator)))  # as gathering objects sends them
        for order in (evaluators, evaluators[::-1]):
            merged = VOCEvaluator("abc")
            merged.merge(order)
            assert_same(merged.compute(), expected)
        evaluators[0].merge(evaluators)  # its own images, gathered with the others', count once
        assert_same(evaluators[0].compute(), expected)


def test_image_ids_decide_ties_not_the_order_of_updates() -> None:
    detections, truths, expected = some_images()
    evaluator = VOCEvaluator("abc")
    backwards = torch.arange(len(detections)).flip(0)
    evaluator.update(detections[::-1], truths[::-1], image_ids=backwards)
    assert_same(evaluator.compute(), expected)


def test_merge_refuses_what_it_cannot_order() -> None:
    detections, truths, _ = some_images()
    numbered, counted = VOCEvaluator("abc"), VOCEvaluator("abc")
    numbered.update(detections, truths, image_ids=range(7))
    counted.update(detections, truths)
    for one, other in ((numbered, counted), (counted, numbered)):
        with pytest.raises(
            ValueError, match=r"^merge needs image_ids in every update: places in the dataset decide ties$"
        ):
            one.merge([other])
    with pytest.raises(ValueError, match=r"classes \['a', 'b', 'c'\], got \['a', 'b'\]"):
        numbered.merge([VOCEvaluator("ab")])
    counted.merge([])


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
        with pytest.raises(ValueError, match=r"truths must be in pixels, got no corner beyond 1\.0"):
            evaluator.compute()
        half = kind("a", **options)  # a flag is no corner
        half.update([found()], [there(((0.0, 0.0, 0.5, 0.5), 1, True))])
        with pytest.raises(ValueError, match=r"truths must be in pixels, got no corner beyond 0\.5"):
            half.compute()


# --- COCOEvaluator -----------------------------------------------------------------------------


def coco(detections: list[Any], truths: Any, classes: str = "a") -> AveragePrecision:
    evaluator = COCOEvaluator(classes)
    evaluator.update(detections, truths)
    return evaluator.compute()


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


def direct(
    detections: list[Any], truths: list[Any], num_classes: int, *, only: int | None = None
) -> np.ndarray:
    """The twelve numbers, of all classes or of one, by pycocotools' own reading of its JSON forms."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def corner_and_size(box: list[float]) -> list[float]:
        return [box[0], box[1], box[2] - box[0], box[3] - box[1]]

    annotations, results = [], []
    for image, (said, item) in enumerate(zip(detections, truths, strict=True), start=1):
        for box, label, hard in zip(
            *(item[key].tolist() for key in ("boxes", "labels", "difficult")), strict=True
        ):
            x, y, w, h = corner_and_size(box)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": label, "bbox": [x, y, w, h]}
                | {"area": w * h, "iscrowd": int(hard)}
            )
        for box, score, label in zip(
            *(said[key].tolist() for key in ("boxes", "scores", "labels")), strict=True
        ):
            results.append(
                {"image_id": image, "category_id": label, "bbox": corner_and_size(box), "score": score}
            )
    dataset = COCO()
    dataset.dataset = {
        "images": [{"id": image} for image in range(1, len(truths) + 1)],
        "categories": [{"id": label} for label in range(1, num_classes + 1)],
        "annotations": annotations,
        "info": {},
    }
    dataset.createIndex()
    run = COCOeval(dataset, dataset.loadRes(results), "bbox")
    if only is not None:
        run.params.catIds = [only]
    run.evaluate()
    run.accumulate()
    run.summarize()
    return run.stats


def test_coco_agrees_with_pycocotools_called_directly() -> None:
    for seed in range(5):
        detections, truths, _ = some_images(seed, count=12)
        # 40 to 240 px a side: all three sizes occur
        pixels = [
            [{**item, "boxes": item["boxes"] * 400} for item in items] for items in (detections, truths)
        ]
        ours = np.array(list(coco(*pixels, classes="abc").metrics.values()))
        theirs = direct(*pixels, 3)
        np.testing.assert_array_equal(np.nan_to_num(ours, nan=-1), theirs)
        assert theirs[0] > 0


def test_coco_agrees_with_pycocotools_on_crowded_images_and_class_by_class() -> None:
    dice = random.Random(0)
    for _ in range(6):
        images = [image for image in larger_images(dice) if image[1]]
        # one image with more detections than count
        many = [([0.0, 0.0, 20.0 + i % 9, 20.0], (i % 50) / 50, 1 + i % 2) for i in range(260)]
        images.append((many, [([0.0, 0.0, 20.0, 20.0], 1, False), ([0.0, 0.0, 26.0, 20.0], 2, False)]))
        images.append(([], [([3.0, 3.0, 6.0, 8.0], 3, False)]))
        detections = [found(*image[0]) for image in images]
        truths = [there(*image[1]) for image in images]
        result = coco(detections, truths, classes="abcde")
        theirs = direct(detections, truths, 5)
        np.testing.assert_array_equal(np.nan_to_num([*result.metrics.values()], nan=-1), theirs)
        for label, value in enumerate(result.per_class.values(), start=1):
            alone = direct(detections, truths, 5, only=label)[0]
            assert value == pytest.approx(alone) or (math.isnan(value) and alone == -1)
        assert theirs[0] > 0


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


def test_coco_names_the_extra_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools.coco", None)
    with pytest.raises(ImportError, match=r"^COCOEvaluator needs pycocotools: pip install ssd-lite\[coco\]$"):
        COCOEvaluator("a")


def test_coco_counts_the_best_hundred_of_an_image() -> None:
    """Eleven objects, all found: with the best ten alone, the last could not be."""
    rows = [[100.0 * i, 0.0, 100.0 * i + 50, 50.0] for i in range(11)]
    detections = found(*((box, 0.9 - 0.01 * i, 1) for i, box in enumerate(rows)))
    assert coco([detections], [there(*((box, 1, False) for box in rows))]).mean == pytest.approx(1.0)


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


def test_boxes_a_little_over_a_pixel_are_taken_for_pixels() -> None:
    small = [0.0, 0.0, 1.5, 1.5]
    assert coco([found((small, 0.9, 1))], [there((small, 1, False))]).mean == pytest.approx(1.0)


def test_detections_without_scores_are_an_error() -> None:
    unsure = found((UNIT, 0.9, 1))
    del unsure["scores"]
    with pytest.raises(KeyError, match="scores"):
        evaluate([unsure], [there((UNIT, 1, False))])


def test_the_row_of_a_box_that_is_not_finite_is_named() -> None:
    rows = found((UNIT, 0.9, 1), ([0.0, 0.0, math.inf, 1.0], 0.8, 1))
    with pytest.raises(ValueError, match=r"^detections\[0\]: boxes must be finite, got .* in row 1$"):
        evaluate([rows], [there()])


def test_whole_numbers_will_do_for_a_curve() -> None:
    eleven = average_precision(np.array([0, 1]), [1.0, 0.5], method="11-point")
    assert eleven == pytest.approx((1 + 10 * 0.5) / 11)
    assert average_precision([0, 1], [1, 1], method="11-point") == 1
