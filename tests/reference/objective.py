"""Section 2.2, training objective, one number at a time."""

import math

from tests.reference.boxes import Box


def encode(truth: Box, default: Box, variances: tuple[float, float] = (1.0, 1.0)) -> Box:
    """The paper's g-hat of one pair of boxes in centre form."""
    return [
        (truth[0] - default[0]) / default[2] / variances[0],
        (truth[1] - default[1]) / default[3] / variances[0],
        math.log(truth[2] / default[2]) / variances[1],
        math.log(truth[3] / default[3]) / variances[1],
    ]


def smooth_l1(x: float) -> float:
    return 0.5 * x * x if abs(x) < 1 else abs(x) - 0.5


def softmax_loss(logits: list[float], label: int) -> float:
    """-log softmax(logits)[label], shifted by the greatest logit so that nothing overflows."""
    top = max(logits)
    return top + math.log(sum(math.exp(value - top) for value in logits)) - logits[label]


def localization_loss(offsets: list[Box], targets: list[Box], positive: list[bool]) -> float:
    total = 0.0
    for offset, target, counts in zip(offsets, targets, positive, strict=True):
        if counts:
            total += sum(smooth_l1(a - b) for a, b in zip(offset, target, strict=True))
    return total
