"""Which class is taken for which, at a score threshold."""

from collections.abc import Sequence

import torch
from jaxtyping import Int64
from torch import Tensor

from ssd_lite.analysis.pairs import Found
from ssd_lite.boxes import jaccard
from ssd_lite.truths import BACKGROUND, Truth


def confusion_matrix(
    found: Sequence[Found],
    truths: Sequence[Truth],
    num_classes: int,
    *,
    score_threshold: float,
    iou_threshold: float = 0.5,
) -> Int64[Tensor, "c c"]:
    """The number of objects of each class (rows) that were detected as each class (columns).

    Row and column 0 are background: a detection on no object, and an object without a detection. In each
    image detections that score at least ``score_threshold`` are matched from the highest score down,
    whatever their class, to the object still free that they overlap most, by at least ``iou_threshold``;
    equal overlaps go to the lower object. Difficult objects are left out, and a detection that could be
    matched to nothing else but such an object is left out, too.
    """
    matrix = torch.zeros(num_classes + 1, num_classes + 1, dtype=torch.int64, device="cpu")
    for one, truth in zip(found, truths, strict=True):
        for true, detected in _matched_labels(one, truth, score_threshold, iou_threshold):
            matrix[true, detected] += 1
    return matrix


def _matched_labels(
    found: Found, truth: Truth, score_threshold: float, iou_threshold: float
) -> list[tuple[int, int]]:
    """The labels (true, detected) of one image; ``BACKGROUND`` where one side is missing."""
    order = found.scores.argsort(descending=True, stable=True)
    order = order[found.scores[order] >= score_threshold]
    overlaps = jaccard(found.boxes_xyxy[order], truth.boxes_xyxy)
    overlaps[overlaps < iou_threshold] = 0
    on_difficult = (overlaps * truth.difficult).amax(dim=-1) > 0 if len(truth) else order < 0
    overlaps *= ~truth.difficult
    labels, free = truth.labels.tolist(), set((~truth.difficult).nonzero().squeeze(1).tolist())
    pairs = []
    for row, detected in enumerate(found.labels[order].tolist()):
        overlap, chosen = overlaps[row].max(dim=-1) if free else (0, 0)
        if overlap > 0:
            overlaps[:, chosen] = 0
            free.remove(int(chosen))
            pairs.append((labels[int(chosen)], detected))
        elif not on_difficult[row]:
            pairs.append((BACKGROUND, detected))
    return pairs + [(labels[index], BACKGROUND) for index in free]
