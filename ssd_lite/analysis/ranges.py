"""Average precision by overlap and by size of the objects."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ssd_lite.analysis.outcomes import count_objects, judge, mean, precisions
from ssd_lite.analysis.pairs import Pairs

IOU_THRESHOLDS = tuple(percent / 100 for percent in range(50, 100, 5))
"""COCO's overlaps: 0.50, 0.55, … 0.95."""

SMALL_PX, LARGE_PX = 32, 96
"""An object is small below an area of 32², and large from 96² square pixels, as in COCO."""


@dataclass(frozen=True)
class PartialAP:
    """Average precision under one condition, such as a size; NaN for a class without such objects.

    ``smallest`` and ``largest`` bound the area, the upper bound excluded; in square pixels, or in the
    square of the boxes' unit.
    """

    name: str
    mean: float
    per_class: dict[str, float]
    counts: dict[str, int]
    smallest: float = 0.0
    largest: float = math.inf


def ap_by_iou(
    pairs: Pairs, classes: Sequence[str], *, method: str, thresholds: Sequence[float] = IOU_THRESHOLDS
) -> dict[float, PartialAP]:
    """Average precision at each overlap that a detection must reach."""
    counts = count_objects(pairs, len(classes))
    numbers = dict(zip(classes, counts, strict=True))
    found = {}
    for threshold in thresholds:
        outcomes = judge(pairs, threshold)
        kept = ~outcomes.ignored
        values = precisions(pairs.label[kept], outcomes.correct[kept], counts, method=method)
        per_class = dict(zip(classes, values, strict=True))
        found[threshold] = PartialAP(f"{threshold:.2f}", mean(values), per_class, numbers)
    return found


def size_ranges(areas: Float[Tensor, " m"], *, pixels: bool) -> dict[str, tuple[float, float]]:
    """The lower and upper bounds of area of each size, by its name.

    In pixels these are COCO's small, medium and large. Otherwise they are thirds of the objects, by area;
    equal areas stay together, so with many of them a third may be empty.
    """
    if pixels:
        low, high = float(SMALL_PX**2), float(LARGE_PX**2)
        names = ("small", "medium", "large")
    else:
        thirds = torch.tensor([1 / 3, 2 / 3], dtype=torch.float64, device="cpu")
        values = areas.quantile(thirds) if len(areas) else torch.zeros_like(thirds)
        low, high = values.tolist()
        names = ("smallest third", "middle third", "largest third")
    return dict(zip(names, ((0.0, low), (low, high), (high, math.inf)), strict=True))


def ap_by_size(
    pairs: Pairs, classes: Sequence[str], *, pixels: bool, iou_threshold: float, method: str
) -> list[PartialAP]:
    """Average precision for objects of each size, as COCO defines it.

    Objects of other sizes neither help nor hurt, as difficult ones. A false positive counts if its own area
    lies in the range. Unlike in COCO a size ends just below its upper bound.
    """
    objects = pairs.objects
    ranges = size_ranges(objects.area[~objects.difficult], pixels=pixels)
    return [
        _ap_of_size(pairs, classes, name, bounds, iou_threshold=iou_threshold, method=method)
        for name, bounds in ranges.items()
    ]


def _ap_of_size(
    pairs: Pairs,
    classes: Sequence[str],
    name: str,
    bounds: tuple[float, float],
    *,
    iou_threshold: float,
    method: str,
) -> PartialAP:
    smallest, largest = bounds
    chosen = (pairs.objects.area >= smallest) & (pairs.objects.area < largest)
    outcomes = judge(pairs, iou_threshold, difficult=pairs.objects.difficult | ~chosen)
    inside = (pairs.area >= smallest) & (pairs.area < largest)
    kept = outcomes.correct | (outcomes.wrong & inside)
    counts = count_objects(pairs, len(classes), chosen)
    values = precisions(pairs.label[kept], outcomes.correct[kept], counts, method=method)
    per_class, numbers = dict(zip(classes, values, strict=True)), dict(zip(classes, counts, strict=True))
    return PartialAP(name, mean(values), per_class, numbers, smallest, largest)
