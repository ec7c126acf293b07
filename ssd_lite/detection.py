"""Detections from predictions: decode, softmax, and non-maximum suppression within each class.

Explained in chapter 6, ``book/06-training.ipynb``.
"""

import math
from collections.abc import Sequence
from typing import Annotated

import torch
from jaxtyping import Float, Int64
from pydantic import Field, StrictFloat, StrictInt
from torch import Tensor
from torchvision.ops import nms

from ssd_lite.boxes import clip, cxcywh_to_xyxy
from ssd_lite.messages import plural
from ssd_lite.objective import decode
from ssd_lite.scales import DefaultBoxes, defaults_cxcywh
from ssd_lite.settings import settings

NMS_CALL = {"cuda": 20_000, "cpu": 200}
"""Candidates in one call of suppression: as many as the device handles best, measured."""

DEPTH = 3
"""Candidates an image that suppression looks at first, in multiples of ``per_image``."""

SHOWN = 5
"""Objects that the text form of detections lists."""


class Detections(dict[str, Tensor]):
    """The objects found in one image: a dictionary in torchvision's form.

    ``boxes`` (n, 4) as xyxy, ``scores`` (n,) in falling order, ``labels`` (n,) int64 from 1. ``classes``
    are the names of the labels 1, 2, …, where they are known; they only make the text form readable.
    """

    def __init__(self, *, boxes: Tensor, scores: Tensor, labels: Tensor, classes: Sequence[str] = ()) -> None:
        super().__init__(boxes=boxes, scores=scores, labels=labels)
        self.classes = tuple(classes)

    def __repr__(self) -> str:
        """For example "3 objects: cat 0.98 at (12, 30, 80, 95), dog 0.71 at …"; boxes are x0, y0, x1, y1."""
        columns = (self[name][:SHOWN].tolist() for name in ("labels", "scores", "boxes"))
        listed = [
            f"{self._name(label)} {score:.2f} at ({', '.join(f'{side:.3g}' for side in box)})"
            for label, score, box in zip(*columns, strict=True)
        ]
        more = [f"and {len(self['labels']) - SHOWN} more"] if len(self["labels"]) > SHOWN else []
        return ": ".join(filter(None, (plural(len(self["labels"]), "object"), ", ".join(listed + more))))

    def _name(self, label: int) -> str:
        return self.classes[label - 1] if 1 <= label <= len(self.classes) else f"class {label}"


@settings()
class DetectionOptions:
    """Options of :func:`detect`, where they are documented. ``ValueError`` names an invalid one."""

    score_threshold: Annotated[StrictFloat, Field(ge=0, le=1)] = 0.01
    iou_threshold: Annotated[StrictFloat, Field(ge=0, le=1)] = 0.45
    per_class: Annotated[StrictInt, Field(ge=1)] = 400
    per_image: Annotated[StrictInt, Field(ge=1)] = 200
    largest_growth: Annotated[StrictFloat, Field(gt=0, allow_inf_nan=True)] = math.inf


@torch.no_grad()
def detect(
    offsets: Float[Tensor, "b d 4"],
    logits: Float[Tensor, "b d c"],
    default_boxes: DefaultBoxes | Tensor,
    *,
    variances: tuple[float, float] = (0.1, 0.2),
    score_threshold: float = 0.01,
    iou_threshold: float = 0.45,
    per_class: int = 400,
    per_image: int = 200,
    largest_growth: float = math.inf,
) -> list[Detections]:
    """The detections in each image, highest score first, with boxes relative to the image and clipped to it.

    In each class, the ``per_class`` highest scores above ``score_threshold`` go through non-maximum
    suppression at ``iou_threshold``; of what remains in an image, the ``per_image`` highest scores are
    kept. Equal scores keep the order of the classes, then of the default boxes.

    A box without area, for example one that lies outside the image, is never detected and counts towards
    neither limit; nor does a prediction that holds NaN.

    ``largest_growth`` limits each side of a box to that many times the side of its default box. The
    released code has no limit; torchvision's is 62.5.

    Raises ``ValueError`` for a threshold outside [0, 1], a limit below 1, or a growth of 0 or less.

    Source: the released code's DetectionOutput layer; dropping boxes without area is our deviation.
    """
    DetectionOptions(
        score_threshold=score_threshold,
        iou_threshold=iou_threshold,
        per_class=per_class,
        per_image=per_image,
        largest_growth=largest_growth,
    )
    defaults = defaults_cxcywh(default_boxes).to(offsets.device)
    row = _promising(logits, score_threshold)
    boxes = _decode(offsets.flatten(0, 1)[row], defaults[row % len(defaults)], variances, largest_growth)
    rounded = boxes.to(offsets.dtype)  # what the caller gets must have an area, too; NaN has none
    row = row[(sound := (rounded[:, 2:] > rounded[:, :2]).all(dim=-1))]
    boxes, rounded = boxes[sound], rounded[sound]

    scores = logits.flatten(0, 1)[row].float().softmax(dim=-1)
    box, label = (scores[:, 1:] > score_threshold).nonzero().unbind(dim=1)
    label, image = label + 1, row[box] // len(defaults)
    score = scores[box, label]
    order = _best_first(image, score, label, scores.shape[-1])
    box, label, score, image = (values[order] for values in (box, label, score, image))

    found = _suppress(boxes[box], score, label, image, iou_threshold, per_class, per_image)
    counts = image[found].bincount(minlength=len(offsets)).tolist()
    parts = (torch.split(values, counts) for values in (rounded[box[found]], score[found], label[found]))
    return [Detections(boxes=b, scores=s, labels=n) for b, s, n in zip(*parts, strict=True)]


def _promising(logits: Float[Tensor, "b d c"], score_threshold: float) -> Int64[Tensor, " n"]:
    """The rows, counted through all images, in which some object's score may exceed the threshold.

    A score p is at most 1 / (1 + exp(background - logit)), so its logit lies above background's by
    log(p / (1 - p)) or more. Checking this takes one pass over the logits and leaves few rows; the
    softmax of all rows takes several times as long.
    """
    threshold = min(score_threshold, 0.99)
    margin = math.log(threshold / (1 - threshold)) - 1e-3 if threshold > 0 else -math.inf  # 1e-3: rounding
    lead = logits[..., 1:].amax(dim=-1).float() - logits[..., 0].float()
    return (lead >= margin).flatten().nonzero().squeeze(1)


def _decode(
    offsets: Float[Tensor, "n 4"],
    defaults: Float[Tensor, "n 4"],
    variances: tuple[float, float],
    largest_growth: float,
) -> Float[Tensor, "n 4"]:
    """The boxes as xyxy, clipped to the image, in float64: suppression moves them by whole numbers."""
    wanted = offsets.double()
    wanted[:, 2:].clamp_(max=math.log(largest_growth) / variances[1])
    return clip(cxcywh_to_xyxy(decode(wanted, defaults.double(), variances=variances)))


def _best_first(
    image: Int64[Tensor, " n"], score: Float[Tensor, " n"], label: Int64[Tensor, " n"], classes: int
) -> Int64[Tensor, " n"]:
    """The order by image, then from the highest score down, then by class, then as given.

    One sort of whole numbers: the bits of a float32 in [0, 1] order as the float does and are below 2³⁰.
    """
    worse = (1 << 30) - score.view(torch.int32).long()
    return (((image << 30) + worse) * classes + label).argsort(stable=True)


def _suppress(
    boxes_xyxy: Float[Tensor, "n 4"],
    score: Float[Tensor, " n"],
    label: Int64[Tensor, " n"],
    image: Int64[Tensor, " n"],
    iou_threshold: float,
    per_class: int,
    per_image: int,
) -> Int64[Tensor, " m"]:
    """The candidates that are detections, in their order, which must be that of :func:`_best_first`.

    Nothing suppresses a candidate but better ones, so an image's best candidates can be decided
    alone. When ``per_image`` of them remain, the others need not be looked at.
    """
    rank, total = _rank(image), image.bincount()
    undecided, depth, found = torch.ones_like(image, dtype=torch.bool), DEPTH * per_image, [image[:0]]
    while undecided.any():
        chosen = (undecided & (rank < depth)).nonzero().squeeze(1)
        group = image[chosen] * (1 + label.max()) + label[chosen]
        kept = chosen[_within_groups(boxes_xyxy[chosen], score[chosen], group, iou_threshold, per_class)]
        decided = (image[kept].bincount(minlength=len(total)) >= per_image) | (total <= depth)
        found.append(kept[decided[image[kept]]])
        undecided &= ~decided[image]
        depth *= 4
    kept = torch.cat(found).sort().values
    return kept[_rank(image[kept]) < per_image]


def _within_groups(
    boxes_xyxy: Float[Tensor, "n 4"],
    score: Float[Tensor, " n"],
    group: Int64[Tensor, " n"],
    iou_threshold: float,
    per_group: int,
) -> Int64[Tensor, " m"]:
    """What remains of the ``per_group`` first of each group after suppression within it; any order.

    Groups are moved apart and suppressed together, in calls of about ``NMS_CALL`` candidates, since a
    call's time grows with their square.
    """
    group, order = group.sort(stable=True)
    first = torch.searchsorted(group, group)
    capped = torch.arange(len(group), device=group.device) - first < per_group
    group, order, first = group[capped], order[capped], first[capped]
    apart = boxes_xyxy[order] + 2.0 * group.unsqueeze(-1)  # boxes lie in [0, 1]
    call = first // NMS_CALL.get(group.device.type, 20_000)
    sizes = torch.unique_consecutive(call, return_counts=True)[1].tolist()
    values = (order, apart, score[order].double())
    parts = zip(*(torch.split(value, sizes) for value in values), strict=True)
    return torch.cat([order[:0], *(part[nms(boxes, scores, iou_threshold)] for part, boxes, scores in parts)])


def _rank(group: Int64[Tensor, " n"]) -> Int64[Tensor, " n"]:
    """Each one's place within its group, from 0; groups must be in order."""
    return torch.arange(len(group), device=group.device) - torch.searchsorted(group, group)
