"""Detections from predictions: decode, softmax, and non-maximum suppression within each class."""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torchvision.ops import nms

from ssd_lite.boxes import clip, cxcywh_to_xyxy
from ssd_lite.objective import decode
from ssd_lite.scales import DefaultBoxes, defaults_cxcywh

Detections = dict[str, Tensor]
"""``boxes`` (n, 4) as xyxy, ``scores`` (n,) falling, ``labels`` (n,) from 1: torchvision's form."""

TOGETHER = {"cuda": 20_000, "cpu": 250}
"""Candidates in one call of suppression, on a GPU and on a CPU: there a whole batch, here some images."""


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
    """For each image its detections, highest score first, boxes relative to the image and clipped.

    As in the released code: of each class the ``per_class`` highest scores above ``score_threshold``
    go through non-maximum suppression at ``iou_threshold``, and of what is left in an image the
    ``per_image`` highest stay. Equal scores keep the order of class, then of default box. Where logits are
    NaN, or offsets describe no box at all, there is no detection.

    ``largest_growth`` bounds the sides of a box: so many times those of its default box at most. The
    released code has no bound; torchvision's is 62.5.
    """
    defaults = defaults_cxcywh(default_boxes).to(offsets.device)
    scores = logits.float().softmax(dim=-1)
    confident = scores > score_threshold
    confident[..., 0] = False  # background
    place = confident.flatten().nonzero().squeeze(1)
    row, label = place // scores.shape[-1], place % scores.shape[-1]  # default boxes of all images in a row
    score, image = scores.flatten()[place], row // len(defaults)
    group = image * scores.shape[-1] + label
    best = _highest(group, score, per_class)
    row, label, score, image, group = (values[best] for values in (row, label, score, image, group))
    # float64, since suppression keeps groups apart by moving them by whole numbers
    chosen = offsets.flatten(0, 1)[row].double()
    chosen[:, 2:].clamp_(max=math.log(largest_growth) / variances[1])
    chosen = decode(chosen, defaults[row % len(defaults)].double(), variances=variances)
    boxes = clip(cxcywh_to_xyxy(chosen))
    sound = boxes.isfinite().all(dim=-1)
    image, label, score, group, boxes = (values[sound] for values in (image, label, score, group, boxes))
    kept = _suppress(boxes, score, group, iou_threshold)
    kept = kept[_highest(image[kept], score[kept], per_image)]
    counts = image[kept].bincount(minlength=len(offsets)).tolist()
    values = (boxes[kept].to(offsets.dtype), score[kept], label[kept])
    images = zip(*(torch.split(value, counts) for value in values), strict=True)
    return [{"boxes": b, "scores": s, "labels": n} for b, s, n in images]


def _highest(group: Int64[Tensor, " n"], score: Float[Tensor, " n"], count: int) -> Int64[Tensor, " m"]:
    """Which candidates are among the ``count`` highest of their group: group by group, highest first.

    Equal scores keep the order in which they come.
    """
    order = score.argsort(descending=True, stable=True)
    group, within = group[order].sort(stable=True)
    rank = torch.arange(len(group), device=group.device) - torch.searchsorted(group, group)
    return order[within[rank < count]]


def _suppress(
    boxes_xyxy: Float[Tensor, "n 4"], score: Float[Tensor, " n"], group: Int64[Tensor, " n"], overlap: float
) -> Int64[Tensor, " m"]:
    """Which candidates, sorted by group, are left by non-maximum suppression within each group.

    Groups are moved apart and suppressed together; one call takes ``TOGETHER`` candidates, and the rest
    of the last group, since its time and memory grow with their square.
    """
    apart = boxes_xyxy + 2.0 * group.unsqueeze(-1)  # boxes lie in [0, 1]
    first = torch.searchsorted(group, group)
    call = first // TOGETHER.get(group.device.type, 20_000)
    sizes = torch.unique_consecutive(call, return_counts=True)[1].tolist()
    kept, start = [group[:0]], 0
    for boxes, scores in zip(torch.split(apart, sizes), torch.split(score, sizes), strict=True):
        kept.append(start + nms(boxes, scores.double(), overlap).sort().values)
        start += len(scores)
    return torch.cat(kept)
