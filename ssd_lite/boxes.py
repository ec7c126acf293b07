"""Boxes: two ways to write one down, and how much two of them overlap.

``_xyxy`` is a box by its corners ``(x0, y0, x1, y1)``, ``_cxcywh`` by its centre and size.
Coordinates are relative to the image, in [0, 1], unless a name ends in ``_px``.
Every function keeps the device and the dtype of its input.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def xyxy_to_cxcywh(boxes_xyxy: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 4"]:
    """The same boxes by centre and size."""
    low, high = boxes_xyxy[..., :2], boxes_xyxy[..., 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def cxcywh_to_xyxy(boxes_cxcywh: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 4"]:
    """The same boxes by their corners."""
    centre, half = boxes_cxcywh[..., :2], boxes_cxcywh[..., 2:] / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def area(boxes_xyxy: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b"]:
    """Area of each box; 0 for one whose corners are swapped or touch."""
    sides = (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]).clamp(min=0)
    return sides[..., 0] * sides[..., 1]


def clip(boxes_xyxy: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 4"]:
    """The part of each box that lies inside the image, [0, 1] × [0, 1].

    Clipping moves corners. Clamping a *centre form* to [0, 1], as several ports do, is something
    else: it moves centres and leaves most boxes reaching beyond the image.
    """
    return boxes_xyxy.clamp(0, 1)


def centres_inside(
    boxes_xyxy: Float[Tensor, "*#b n 4"], patch_xyxy: Float[Tensor, "*#b 4"]
) -> Bool[Tensor, "*b n"]:
    """Which boxes have their centre in the patch; a centre on the patch's edge counts as inside.

    Leading dimensions broadcast.

    Source: section 2.2, data augmentation. The released code includes the edge, most ports do not.
    """
    centres = (boxes_xyxy[..., :2] + boxes_xyxy[..., 2:]) / 2
    patch = patch_xyxy.unsqueeze(-2)
    return ((centres >= patch[..., :2]) & (centres <= patch[..., 2:])).all(dim=-1)


def jaccard(a_xyxy: Float[Tensor, "*b n 4"], b_xyxy: Float[Tensor, "*#b m 4"]) -> Float[Tensor, "*b n m"]:
    """Jaccard overlap (intersection over union) of every box of ``a`` with every box of ``b``.

    Values lie in [0, 1]. Leading dimensions broadcast, so one set of default boxes can be compared
    with a whole batch of truths. A box of zero area overlaps nothing, itself included, and neither
    does one whose corners are swapped. Half precision is computed in float32: the area of a
    small box would otherwise be lost.
    """
    dtype = torch.promote_types(a_xyxy.dtype, b_xyxy.dtype)
    work = torch.promote_types(dtype, torch.float32)
    a, b = a_xyxy.to(work), b_xyxy.to(work)
    # One coordinate at a time, each in a row of its own, and in the memory that is already there: the
    # tables are large, and this is four times as fast on a CPU.
    ax0, ay0, ax1, ay1 = a.unsqueeze(-2).unbind(-1)
    bx0, by0, bx1, by1 = b.unsqueeze(-3).movedim(-1, 0).contiguous()
    width = (torch.minimum(ax1, bx1) - torch.maximum(ax0, bx0)).clamp_(min=0)
    height = (torch.minimum(ay1, by1) - torch.maximum(ay0, by0)).clamp_(min=0)
    intersection = width.mul_(height)
    union = (area(a).unsqueeze(-1) + area(b).unsqueeze(-2)).sub_(intersection)
    # Where the intersection is not empty, so is the union; elsewhere any divisor will do.
    return intersection.div_(union.clamp_(min=torch.finfo(work).tiny)).to(dtype)
