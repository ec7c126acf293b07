"""The learning rate of every step, and the weights that decay."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from torch import nn


def learning_rate(step: int, *, base: float, warmup: int, milestones: tuple[int, ...]) -> float:
    """The learning rate of a step, counted from 0: linear warm-up, then multiplied by 0.1 at each milestone.

    Source: the paper's schedule; the warm-up became common practice later.
    """
    rising = min(1.0, (step + 1) / warmup) if warmup else 1.0
    return base * rising * 0.1 ** sum(step >= milestone for milestone in milestones)


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """The trained parameters in two groups: weights with decay, biases and norms without.

    The released code also doubles the learning rate of biases; this one does not.
    """

    def trained() -> Iterator[nn.Parameter]:
        return (p for p in model.parameters() if p.requires_grad)

    weights = [p for p in trained() if p.ndim > 1]
    others = [p for p in trained() if p.ndim <= 1]  # biases, norms, L2Norm's scale
    groups = [{"params": weights, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return [group for group in groups if list(chain(group["params"]))]  # type: ignore[arg-type]
