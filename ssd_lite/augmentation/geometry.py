"""Ground truth of cropped, zoomed and mirrored images."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ssd_lite.boxes import centres_inside
from ssd_lite.truths import Truths


def crop_truths(truths: Truths, patches_xyxy: Float[Tensor, "b 4"]) -> Truths:
    """The objects whose centre lies in the patch, clipped to the patch and relative to it.

    The others become padding. A centre on the patch's edge lies inside.

    Source: section 2.2: "We keep the overlapped part of the ground truth box if the center of it is in the
    sampled patch".
    """
    inside = centres_inside(truths.boxes_xyxy, patches_xyxy) & truths.present
    moved = relative_to(truths, patches_xyxy)
    return Truths(moved.boxes_xyxy.clamp(0, 1), moved.labels, moved.difficult).without(~inside)


def relative_to(truths: Truths, windows_xyxy: Float[Tensor, "b 4"]) -> Truths:
    """The objects in the coordinates of a window, which may be larger than the image; padding is 0."""
    low, high = windows_xyxy[:, None, :2], windows_xyxy[:, None, 2:]
    boxes = (truths.boxes_xyxy - torch.cat([low, low], -1)) / torch.cat([high - low, high - low], -1)
    return Truths(boxes, truths.labels, truths.difficult).without(~truths.present)


def flip_truths(truths: Truths, flip: Bool[Tensor, " b"]) -> Truths:
    """The objects, mirrored left to right where ``flip`` is true; padding stays as it is."""
    x0, y0, x1, y1 = truths.boxes_xyxy.unbind(-1)
    mirrored = torch.stack([1 - x1, y0, 1 - x0, y1], dim=-1)
    flipped = (flip.unsqueeze(1) & truths.present).unsqueeze(-1)
    return Truths(torch.where(flipped, mirrored, truths.boxes_xyxy), truths.labels, truths.difficult)


def compose_windows(
    windows_xyxy: Float[Tensor, "b 4"], patches_xyxy: Float[Tensor, "b 4"]
) -> Float[Tensor, "b 4"]:
    """Patches given relative to windows of an image, relative to the image."""
    low, size = windows_xyxy[:, :2], windows_xyxy[:, 2:] - windows_xyxy[:, :2]
    return torch.cat([low + patches_xyxy[:, :2] * size, low + patches_xyxy[:, 2:] * size], dim=-1)
