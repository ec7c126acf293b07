"""The numbers of an analysis for a JSON file."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ssd_lite.analysis.analysis import Analysis
from ssd_lite.analysis.ranges import PartialAP


def to_dict(analysis: Analysis) -> dict[str, Any]:
    """All numbers of an analysis, with ``None`` for NaN and infinity, which JSON lacks.

    The curves have a point for each correct detection, where recall rises; from these alone follows the same
    average precision. Rows of the confusion matrix are true classes, columns detected ones.
    """
    numbers = {
        "classes": list(analysis.classes),
        "iou_threshold": analysis.iou_threshold,
        "background_threshold": analysis.background_threshold,
        "method": analysis.method,
        "score_threshold": analysis.score_threshold,
        **analysis.ap.to_dict(),
        "curves": {name: _curve(analysis, name) for name in analysis.classes},
        "by_iou": [_partial(part) | {"iou_threshold": at} for at, part in analysis.by_iou.items()],
        "by_size": [_by_size(part, "px²" if analysis.pixels else None) for part in analysis.by_size],
        "confusion": {
            "labels": ["background", *analysis.classes],
            "true_by_detected": analysis.confusion.tolist(),
        },
        "errors": asdict(analysis.errors),
        "best_threshold": None if analysis.best_threshold is None else asdict(analysis.best_threshold),
        "best_thresholds": {
            name: None if best is None else asdict(best) for name, best in analysis.best_thresholds.items()
        },
        "images": [asdict(result) | {"num_errors": result.num_errors} for result in analysis.images],
    }
    plain: dict[str, Any] = _finite(numbers)
    return plain


def _curve(analysis: Analysis, name: str) -> dict[str, list[float]]:
    recall, precision = analysis.ap.recall[name], analysis.ap.precision[name]
    rises = recall.diff(prepend=recall.new_zeros(1)) > 0
    columns = {"recall": recall, "precision": precision, "score": analysis.scores[name]}
    return {column: values[rises].tolist() for column, values in columns.items()}


def _partial(part: PartialAP) -> dict[str, Any]:
    return {"mean": part.mean, "per_class": part.per_class, "counts": part.counts}


def _by_size(part: PartialAP, unit: str | None) -> dict[str, Any]:
    bounds = {"name": part.name, "smallest_area": part.smallest, "largest_area": part.largest}
    return bounds | {"unit": unit} | _partial(part)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
