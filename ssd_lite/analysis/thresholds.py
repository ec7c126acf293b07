"""The score threshold with the best balance of precision and recall."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ssd_lite.analysis.outcomes import Outcomes, count_objects
from ssd_lite.analysis.pairs import Pairs


@dataclass(frozen=True)
class BestThreshold:
    """The score from which on detections should be kept, and what they then reach."""

    score: float
    f1: float
    precision: float
    recall: float


def best_thresholds(
    pairs: Pairs, outcomes: Outcomes, classes: Sequence[str]
) -> tuple[BestThreshold | None, dict[str, BestThreshold | None]]:
    """The score with the best F1 over all classes together, and that of each class.

    A detection is kept if its score is at least the threshold; detections with equal scores are kept
    together. Of equal F1 the higher score wins. ``None`` for a class without objects or without a correct
    detection.
    """
    counts = count_objects(pairs, len(classes))
    kept = ~outcomes.ignored
    label, score, correct = pairs.label[kept], pairs.score[kept], outcomes.correct[kept]
    per_class = {
        name: best_f1(score[label == number], correct[label == number], count)
        for number, (name, count) in enumerate(zip(classes, counts, strict=True), start=1)
    }
    return best_f1(score, correct, sum(counts)), per_class


def best_f1(score: Float[Tensor, " n"], correct: Bool[Tensor, " n"], count: int) -> BestThreshold | None:
    """The best threshold for detections in falling order of their scores, of ``count`` objects."""
    places, f1, hits = f1_curve(score, correct, count)
    if not count or not hits.any():
        return None
    best = int(f1.argmax())
    place = int(places[best])
    found = float(hits[best])
    return BestThreshold(float(score[place]), float(f1[best]), found / (place + 1), found / count)


def f1_curve(
    score: Float[Tensor, " n"], correct: Bool[Tensor, " n"], count: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The last place of each score, the F1 of keeping everything up to there, and the hits among it."""
    following = torch.cat([score[1:], score.new_full((1,), -torch.inf)])[: len(score)]
    places = (score > following).nonzero().squeeze(1)
    hits = correct.double().cumsum(0)[places]
    return places, 2 * hits / (places + 1 + count), hits
