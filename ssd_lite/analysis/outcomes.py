"""Which detections are correct at an overlap, and the average precision that follows."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.functional import pad

from ssd_lite.analysis.pairs import Pairs
from ssd_lite.evaluation import average_precision


class Outcomes(NamedTuple):
    """What became of each detection and of each object.

    ``correct`` are the true positives; ``ignored`` detections are on difficult objects and count as
    nothing; all others are false positives. ``claimed_by`` is the number of the detection that found an
    object, or the number of detections where none did.
    """

    correct: Bool[Tensor, " n"]
    ignored: Bool[Tensor, " n"]
    claimed_by: Int64[Tensor, " m"]

    @property
    def wrong(self) -> Bool[Tensor, " n"]:
        """The false positives."""
        return ~self.correct & ~self.ignored

    @property
    def claimed(self) -> Bool[Tensor, " m"]:
        """The objects that were found."""
        return self.claimed_by < len(self.correct)


def judge(pairs: Pairs, iou_threshold: float, *, difficult: Bool[Tensor, " m"] | None = None) -> Outcomes:
    """The outcomes at an overlap of at least ``iou_threshold``, by the rules of ``VOCEvaluator``.

    ``difficult`` marks the objects that neither help nor hurt, by default those that are difficult.
    """
    passed_over = pairs.objects.difficult if difficult is None else difficult
    reached = pairs.nearest.overlap >= iou_threshold
    ignored = reached & pad(passed_over, (0, 1))[pairs.nearest.object]  # the last row is NO_OBJECT's
    claims = (reached & ~ignored).nonzero().squeeze(1)
    owners = pairs.nearest.object[claims]
    nobody = torch.full_like(pairs.objects.label, len(reached))
    claimed_by = nobody.scatter_reduce(0, owners, claims, "amin")  # the highest score comes first
    correct = torch.zeros_like(reached)
    correct[claims[claimed_by[owners] == claims]] = True
    return Outcomes(correct, ignored, claimed_by)


def count_objects(pairs: Pairs, classes: int, chosen: Bool[Tensor, " m"] | None = None) -> list[int]:
    """The number of objects of each class that are not difficult, of the ``chosen`` ones if given."""
    counted = ~pairs.objects.difficult if chosen is None else chosen & ~pairs.objects.difficult
    counts: list[int] = pairs.objects.label[counted].bincount(minlength=classes + 1)[1:].tolist()
    return counts


def precisions(
    label: Int64[Tensor, " n"], correct: Bool[Tensor, " n"], counts: Sequence[int], *, method: str
) -> list[float]:
    """Average precision of each class, from detections in falling order of their scores.

    ``counts`` are the numbers of objects; NaN for a class without any.
    """
    sizes = label.bincount(minlength=len(counts) + 1).tolist()
    by_class = torch.split(correct[label.argsort(stable=True)], sizes)[1:]  # labels count from 1
    values = []
    for found, count in zip(by_class, counts, strict=True):
        hits = found.cumsum(0).double()
        precision = hits / torch.ones_like(hits).cumsum(0)
        values.append(average_precision(hits / count, precision, method=method) if count else math.nan)
    return values


def mean(values: Sequence[float] | Float[Tensor, " c"]) -> float:
    """The mean of the values that are not NaN; NaN if there are none."""
    known = [value for value in (float(value) for value in values) if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
