"""Intervals and verdicts: against published quantiles, and against simulation."""

import math

import pytest
import torch

from benchmarks.ablations.statistics import interval, t_quantile, verdict


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (10, 2.228), (30, 2.042), (120, 1.980)],
)
def test_quantiles_are_those_of_the_tables(freedom: int, quantile: float) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(quantile, abs=6e-4)


def test_an_interval_is_centred_on_the_mean_and_scales_with_the_spread() -> None:
    low, high = interval([1.0, 2.0, 3.0])
    assert (low + high) / 2 == pytest.approx(2)
    assert (high - low) / 2 == pytest.approx(4.3027 / math.sqrt(3), abs=1e-3)
    assert interval([0.5] * 4) == (0.5, 0.5)
    assert interval([1.0]) == interval([]) == (-math.inf, math.inf)


def test_an_interval_of_95_percent_holds_the_truth_19_times_in_20() -> None:
    draws = 0.3 + 2 * torch.randn(2000, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    held = sum(low <= 0.3 <= high for low, high in map(interval, draws.tolist()))
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    ("low", "high", "margin", "expected"),
    [
        (0.01, 0.05, 0.0, "shown"),
        (-0.05, -0.01, 0.0, "refuted"),
        (-0.01, 0.05, 0.0, "not told apart"),
        (0.0, 0.05, 0.0, "not told apart"),  # exactly at the bound is not beyond it
        (-0.05, 0.0, 0.0, "not told apart"),
        (-0.01, 0.05, 0.02, "shown"),  # loses less than the margin
        (-0.05, -0.03, 0.02, "refuted"),
        (-0.05, 0.01, 0.02, "not told apart"),
        (-math.inf, math.inf, 0.0, "not told apart"),
    ],
)
def test_a_verdict_is_as_the_interval_lies(low: float, high: float, margin: float, expected: str) -> None:
    assert verdict(low, high, margin=margin) == expected
