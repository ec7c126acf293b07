"""Detections from predictions: decode, softmax, and non-maximum suppression within each class."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torchvision.ops import batched_nms

from ssd_lite.boxes import clip, cxcywh_to_xyxy
from ssd_lite.objective import decode
from ssd_lite.scales import DefaultBoxes, defaults_cxcywh

Detections = dict[str, Tensor]
"""``boxes`` (n, 4) as xyxy, ``scores`` (n,) falling, ``labels`` (n,) from 1: torchvision's form."""


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
) -> list[Detections]:
    """For each image its detections, highest score first, boxes relative to the image and clipped.

    As in the released code: of each class the ``per_class`` highest scores above ``score_threshold``
    go through non-maximum suppression at ``iou_threshold``, and of what is left in an image the
    ``per_image`` highest stay. Equal scores keep the order of class, then of default box.
    """
    defaults = defaults_cxcywh(default_boxes).to(offsets.device)
    # float64, since torchvision keeps groups apart by moving them by whole numbers
    boxes = clip(cxcywh_to_xyxy(decode(offsets.double(), defaults.double(), variances=variances)))
    scores = logits.float().softmax(dim=-1)[..., 1:].transpose(1, 2)  # (b, classes, d)
    scores, order = scores.sort(dim=-1, descending=True, stable=True)
    scores, order = scores[..., :per_class], order[..., :per_class]
    image, label, place = (scores > score_threshold).nonzero(as_tuple=True)
    score, box = scores[image, label, place], boxes[image, order[image, label, place]]
    kept = batched_nms(box, score.double(), image * logits.shape[-1] + label, iou_threshold)
    kept = kept.sort().values  # back to the order of image and class, so that ties have an order
    image, label, score, box = image[kept], label[kept], score[kept], box[kept]
    return [
        _highest(box[image == i].to(offsets.dtype), score[image == i], label[image == i] + 1, per_image)
        for i in range(len(offsets))
    ]


def _highest(
    boxes: Float[Tensor, "n 4"], scores: Float[Tensor, " n"], labels: Int64[Tensor, " n"], count: int
) -> Detections:
    order = scores.argsort(descending=True, stable=True)[:count]
    return {"boxes": boxes[order], "scores": scores[order], "labels": labels[order]}
