"""Means of paired differences, their intervals, and what these say about a claim."""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

SHOWN, REFUTED, NOT_TOLD_APART = "shown", "refuted", "not told apart"


def interval(values: Sequence[float], *, level: float = 0.95) -> tuple[float, float]:
    """The two-sided t interval of the mean; infinite for fewer than two values.

    It holds for independent values that are about normally distributed, as differences of mAP between runs
    with the same seed are.
    """
    if len(values) < 2:
        return -math.inf, math.inf
    middle = fmean(values)
    half = t_quantile((1 + level) / 2, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return middle - half, middle + half


def verdict(low: float, high: float, *, margin: float = 0.0) -> str:
    """What an interval says about the claim that a difference is greater than ``-margin``.

    ``"shown"`` if the whole interval lies above ``-margin``, ``"refuted"`` if the whole interval lies below
    it, and ``"not told apart"`` if it contains it.
    """
    if low > -margin:
        return SHOWN
    return REFUTED if high < -margin else NOT_TOLD_APART


def t_quantile(probability: float, freedom: int) -> float:
    """The quantile of Student's t distribution for a probability in [0.5, 1), by bisection."""
    low, high = 0.0, 1.0
    while _t_distribution(high, freedom) < probability:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_distribution(middle, freedom) < probability else (low, middle)
    return (low + high) / 2


def _t_distribution(t: float, freedom: int) -> float:
    """The probability of a value of at most ``t``, for ``t >= 0``.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    term, total = (cosine, 0.0) if odd else (1.0, 0.0)
    for k in range(1 + odd, freedom, 2):
        total += term
        term *= cosine**2 * k / (k + 1)
    inside = 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
    return 0.5 + inside / 2
