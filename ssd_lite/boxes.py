"""Boxes in corner and centre form, and their Jaccard overlap.

Names ending in ``_xyxy`` hold corners ``(x0, y0, x1, y1)``, names ending in ``_cxcywh`` centre and size.
Coordinates are relative to the image, in [0, 1], unless a name ends in ``_px``.
Every function keeps the device and the dtype of its input.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def xyxy_to_cxcywh(boxes_xyxy: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 4"]:
    """The boxes in centre form, from corner form."""
    low, high = boxes_xyxy[..., :2], boxes_xyxy[..., 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def cxcywh_to_xyxy(boxes_cxcywh: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 4"]:
    """The boxes in corner form, from centre form."""
    centre, half = boxes_cxcywh[..., :2], boxes_cxcywh[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def area(boxes_xyxy: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b"]:
    """The area of each box; 0 for a box without width or height and for one with swapped corners."""
    sides = (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]).clamp(min=0)
    return sides[..., 0] * sides[..., 1]


def clip(boxes_xyxy: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 4"]:
    """The part of each box that lies inside the image, [0, 1] × [0, 1].

    Clipping moves corners. Clamping the *centre form* to [0, 1], as several ports do, moves centres
    instead and leaves most boxes reaching beyond the image.
    """
    return boxes_xyxy.clamp(0, 1)


def centres_inside(
    boxes_xyxy: Float[Tensor, "*#b n 4"], patch_xyxy: Float[Tensor, "*#b 4"]
) -> Bool[Tensor, "*b n"]:
    """Whether each box has its centre in the patch; a centre on the patch's edge is inside.

    Leading dimensions broadcast.

    Source: section 2.2, data augmentation. The released code includes the edge, most ports do not.
    """
    centres = (boxes_xyxy[..., :2] + boxes_xyxy[..., 2:]) / 2
    patch = patch_xyxy.unsqueeze(-2)
    return ((centres >= patch[..., :2]) & (centres <= patch[..., 2:])).all(dim=-1)


def jaccard(a_xyxy: Float[Tensor, "*b n 4"], b_xyxy: Float[Tensor, "*#b m 4"]) -> Float[Tensor, "*b n m"]:
    """The Jaccard overlap (intersection over union) of every box of ``a`` with every box of ``b``.

    Values lie in [0, 1]. Leading dimensions broadcast, so one set of default boxes can be compared
    with the truths of a whole batch. A box without area or with swapped corners overlaps nothing, not
    even itself. Half precision is computed in float32, since it would lose the area of a small box.
    """
    dtype = torch.promote_types(a_xyxy.dtype, b_xyxy.dtype)
    work = torch.promote_types(dtype, torch.float32)
    a, b = a_xyxy.to(work), b_xyxy.to(work)
    # The tables are large: one contiguous coordinate at a time, computed in place, is four times as fast on
    # a CPU as slices of the last axis.
    ax0, ay0, ax1, ay1 = a.unsqueeze(-2).unbind(-1)
    bx0, by0, bx1, by1 = b.unsqueeze(-3).movedim(-1, 0).contiguous()
    width = (torch.minimum(ax1, bx1) - torch.maximum(ax0, bx0)).clamp_(min=0)
    height = (torch.minimum(ay1, by1) - torch.maximum(ay0, by0)).clamp_(min=0)
    intersection = width.mul_(height)
    union = (area(a).unsqueeze(-1) + area(b).unsqueeze(-2)).sub_(intersection)
    # A union of 0 has an intersection of 0, so that any positive divisor gives 0.
    return intersection.div_(union.clamp_(min=torch.finfo(work).tiny)).to(dtype)
