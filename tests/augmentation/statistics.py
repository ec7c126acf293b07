"""Whether random results follow a distribution, with fixed seeds."""

import math
from collections import Counter

import torch

# Seeds are fixed, so a bound is met or missed for good. 4.5 standard deviations would go wrong once
# in 150,000 seeds, and at 20,000 draws they are about 1.5 % of a share.
DEVIATIONS = 4.5


def assert_share(happened: torch.Tensor, chance: float) -> None:
    n = happened.numel()
    off = abs(int(happened.sum()) - n * chance)
    assert off <= DEVIATIONS * math.sqrt(n * chance * (1 - chance)), (happened.double().mean(), chance)


def assert_uniform(values: torch.Tensor) -> None:
    """Kolmogorov and Smirnov: 2.3 / √n is exceeded once in 20,000 seeds."""
    ordered = values.double().sort().values
    n = len(ordered)
    distance = (ordered - torch.arange(n) / n).abs().maximum((ordered - torch.arange(1, n + 1) / n).abs())
    assert distance.max() < 2.3 / math.sqrt(n)


def assert_independent(one: torch.Tensor, other: torch.Tensor) -> None:
    correlation = torch.corrcoef(torch.stack([one, other]))[0, 1]
    assert abs(correlation) < DEVIATIONS / math.sqrt(len(one))


def chi_square(one: Counter, other: Counter) -> tuple[float, int]:
    """Two samples of equal size: the statistic, and its degrees of freedom. Rare classes are left out."""
    both = [key for key in one | other if one[key] + other[key] >= 20]
    return sum((one[key] - other[key]) ** 2 / (one[key] + other[key]) for key in both), len(both) - 1


def assert_same_distribution(one: Counter, other: Counter) -> None:
    statistic, freedom = chi_square(one, other)
    assert freedom >= 4
    assert statistic < freedom + DEVIATIONS * math.sqrt(2 * freedom)
