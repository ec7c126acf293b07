"""Every number of an analysis, compared with plain loops on small random datasets."""

import math
import random

import pytest

from ssd_lite.analysis import KINDS, REPAIRS
from ssd_lite.evaluation import VOCEvaluator
from tests.analysis.cases import CLASSES, analysed, random_images, tensors
from tests.reference import analysis as reference

CASES = 150


def some_images(seed: int, **options):
    """Random images of which at least one object counts."""
    dice = random.Random(seed)
    while True:
        images = random_images(dice, **options)
        if any(not difficult for _, objects in images for _, _, difficult in objects):
            return images


def known(value: float) -> float | None:
    return None if math.isnan(value) else value


def test_kinds_of_errors_and_missed_objects() -> None:
    seen: set[str] = set()
    for seed in range(CASES):
        images = some_images(seed)
        kinds, _, missed = reference.errors(images)
        expected = {kind: sum(other == kind for other in kinds.values()) for kind in KINDS}
        counts = analysed(images).errors.counts
        assert counts == {**expected, "missed": len(missed)}, seed
        seen |= {kind for kind, count in counts.items() if count}
    assert seen == set(KINDS)


def test_what_each_repair_brings() -> None:
    gains: dict[str, list[float]] = {repair: [] for repair in REPAIRS}
    for seed in range(CASES):
        images = some_images(seed)
        delta = analysed(images).errors.delta_ap
        for repair in REPAIRS:
            assert delta[repair] == pytest.approx(reference.gain(images, repair), abs=1e-9), (seed, repair)
            gains[repair].append(delta[repair])
    assert min(map(min, gains.values())) > -1e-9
    assert min(map(max, gains.values())) > 0.05


def test_the_gains_of_the_classes_make_that_of_the_mean() -> None:
    errors = analysed(some_images(3)).errors
    for repair, gains in errors.delta_ap_per_class.items():
        values = [gain for gain in gains.values() if not math.isnan(gain)]
        assert errors.delta_ap[repair] == pytest.approx(sum(values) / len(values))


def test_confusion_matrix() -> None:
    for seed in range(CASES):
        images, score = some_images(seed), random.Random(seed).choice([0.3, 0.5, 0.7])
        matrix = analysed(images, score_threshold=score).confusion
        assert matrix.tolist() == reference.confusion(images, len(CLASSES), score), seed


def test_best_thresholds() -> None:
    for seed in range(CASES):
        images = some_images(seed)
        analysis = analysed(images)
        found = [analysis.best_threshold, *analysis.best_thresholds.values()]
        for label, threshold in zip((None, 1, 2, 3, 4), found, strict=True):
            expected = reference.best_f1(images, label)
            assert (threshold is None) == (expected is None)
            if threshold is not None and expected is not None:
                assert (threshold.f1, threshold.score) == pytest.approx((float(expected[0]), expected[1]))
                p, r = threshold.precision, threshold.recall
                assert threshold.f1 == pytest.approx(2 * p * r / (p + r))


@pytest.mark.parametrize("unit", [1.0, 150.0])
def test_ap_by_size(unit: float) -> None:
    values = []
    for seed in range(CASES):
        images = some_images(seed, unit=unit)
        analysis = analysed(images)
        assert analysis.pixels == any(max(b) > 1 for _, objects in images for b, _, _ in objects)
        for part in analysis.by_size:
            for label, name in enumerate(CLASSES, start=1):
                expected = reference.of_size(images, label, part.smallest, part.largest)
                assert known(part.per_class[name]) == pytest.approx(expected), (seed, part.name)
                values.append(expected)
    assert sum(value is not None and 0 < value < 1 for value in values) > 50


def test_ap_and_ap_by_overlap_are_the_evaluators() -> None:
    for seed in range(CASES // 5):
        detections, truths = tensors(some_images(seed))
        analysis = analysed(some_images(seed))
        for threshold, part in analysis.by_iou.items():
            evaluator = VOCEvaluator(CLASSES, iou_threshold=threshold)
            evaluator.update(detections, truths)
            expected = evaluator.compute()
            assert part.counts == expected.counts
            assert {c: known(v) for c, v in part.per_class.items()} == pytest.approx(
                {c: known(v) for c, v in expected.per_class.items()}
            )
            assert known(part.mean) == pytest.approx(known(expected.mean))
        assert known(analysis.by_iou[0.5].mean) == pytest.approx(known(analysis.ap.mean))


def test_images() -> None:
    for seed in range(CASES):
        images = some_images(seed)
        analysis = analysed(images)
        verdicts, _ = reference.judged(images)
        kinds, _, _ = reference.errors(images)
        for i, result in enumerate(analysis.images):
            above = [k for k, d in enumerate(images[i][0]) if d[1] >= analysis.score_threshold]
            hits = sum(verdicts[i, k] == "hit" for k in above)
            objects = sum(not difficult for _, _, difficult in images[i][1])
            assert (result.objects, result.found) == (objects, hits)
            expected = {kind: sum(kinds.get((i, k)) == kind for k in above) for kind in KINDS}
            assert result.errors == {**expected, "missed": objects - hits}
        totals = {kind: sum(image.errors[kind] for image in analysis.images) for kind in KINDS}
        assert totals == analysis.errors.counts_above
