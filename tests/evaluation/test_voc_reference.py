"""The VOC evaluator agrees with a slow version on random datasets."""

import math
import random
from typing import Any

import pytest

from ssd_lite.evaluation import AveragePrecision, VOCEvaluator
from tests.evaluation.samples import CASES, GOLDEN, evaluate, found, larger_images, random_images, there
from tests.reference import evaluation as reference


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
