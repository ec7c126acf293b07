"""What repairing each kind of error would bring, as TIDE measures it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int64
from torch import Tensor
from torch.nn.functional import pad

from ssd_lite.analysis.errors import KINDS, MISSED, NO_ERROR, ErrorKinds
from ssd_lite.analysis.outcomes import Outcomes, count_objects, mean, precisions
from ssd_lite.analysis.pairs import NO_OBJECT, Pairs

FALSE_POSITIVES, FALSE_NEGATIVES = "false positives", "false negatives"
REPAIRS = (*KINDS, FALSE_POSITIVES, FALSE_NEGATIVES)
"""What can be repaired: a kind of error, or every false positive, or every object that was not found."""


@dataclass(frozen=True)
class Errors:
    """The number of errors of each kind, and how much AP repairing them would bring.

    ``counts`` is about all detections; ``counts_above`` about those that reach the score threshold, and
    about the objects that these leave unfound. ``delta_ap`` is the gain of the mean AP for each of
    ``REPAIRS``; ``delta_ap_per_class`` the gain of each class, NaN for one without objects. The gains do not
    add up to what is missing from 1: one error can hide another.
    """

    counts: dict[str, int]
    counts_above: dict[str, int]
    delta_ap: dict[str, float]
    delta_ap_per_class: dict[str, dict[str, float]]


def analyse_errors(
    pairs: Pairs,
    outcomes: Outcomes,
    errors: ErrorKinds,
    classes: Sequence[str],
    *,
    method: str,
    score_threshold: float,
) -> Errors:
    """The counts of all kinds of errors, and the gain from repairing each of them alone.

    Detections with an error of localization or classification become correct, with the class of their
    target, or are removed if they have no target; other false positives are removed. Objects that are
    missed, or all that were not found, are no longer counted; a class of which none remains has an AP of 1.
    """
    now = _ap_after(pairs, outcomes, errors, classes, repair=None, method=method)
    delta, per_class = {}, {}
    for repair in REPAIRS:
        after = _ap_after(pairs, outcomes, errors, classes, repair=repair, method=method)
        delta[repair] = mean(after) - mean(now)
        gains = (value - before for value, before in zip(after, now, strict=True))
        per_class[repair] = dict(zip(classes, gains, strict=True))
    above = int((pairs.score >= score_threshold).sum())
    missed, unfound = int(errors.missed.sum()), int(_unfound(pairs, outcomes, above).sum())
    return Errors(_count(errors.kind, missed), _count(errors.kind[:above], unfound), delta, per_class)


def _count(kind: Int64[Tensor, " n"], missed: int) -> dict[str, int]:
    counts = kind[kind != NO_ERROR].bincount(minlength=len(KINDS)).tolist()
    return {**dict(zip(KINDS, counts, strict=True)), KINDS[MISSED]: missed}


def _unfound(pairs: Pairs, outcomes: Outcomes, detections: int) -> Bool[Tensor, " m"]:
    """The objects that none of the first ``detections`` found, without difficult ones."""
    return (outcomes.claimed_by >= detections) & ~pairs.objects.difficult


def _ap_after(
    pairs: Pairs,
    outcomes: Outcomes,
    errors: ErrorKinds,
    classes: Sequence[str],
    *,
    repair: str | None,
    method: str,
) -> list[float]:
    """The average precision of each class after one of ``REPAIRS``."""
    repaired = outcomes.wrong if repair == FALSE_POSITIVES else torch.zeros_like(outcomes.correct)
    if repair in KINDS:
        repaired = errors.kind == KINDS.index(repair)
    given = repaired & (errors.target != NO_OBJECT) & (repair != FALSE_POSITIVES)
    kept = ~outcomes.ignored & (~repaired | given)
    label = torch.where(given, pad(pairs.objects.label, (0, 1))[errors.target], pairs.label)
    asked = torch.ones_like(errors.missed)
    if repair in (KINDS[MISSED], FALSE_NEGATIVES):
        everything = len(pairs.score)
        asked = ~(errors.missed if repair != FALSE_NEGATIVES else _unfound(pairs, outcomes, everything))
    before, counts = count_objects(pairs, len(classes)), count_objects(pairs, len(classes), asked)
    values = precisions(label[kept], (outcomes.correct | given)[kept], counts, method=method)
    return [
        1.0 if had and not left else value for value, had, left in zip(values, before, counts, strict=True)
    ]
