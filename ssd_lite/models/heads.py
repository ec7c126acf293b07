"""The two convolutions on each feature map: one for the offsets, one for the class logits."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

ALIGNMENT = 8
"""Tensor cores take channels in multiples of 8; cuDNN otherwise pads in a kernel of its own, every time."""


def apply_heads(
    maps: Sequence[Float[Tensor, "b _ _ _"]],
    offset_heads: nn.ModuleList,
    logit_heads: nn.ModuleList,
    *,
    num_classes: int,
) -> tuple[Float[Tensor, "b d 4"], Float[Tensor, "b d c"]]:
    """Offsets and logits of every default box, map by map; ``num_classes`` counts background, too.

    On a GPU both heads of a map run as one convolution, with the same results up to rounding. On a CPU
    they stay apart: it gains nothing there, and hooks on a head are called.
    """
    convolve: Callable[..., tuple[Tensor, Tensor]] = fused if maps[0].is_cuda else separate
    offsets, logits = [], []
    for features, offset_head, logit_head in zip(maps, offset_heads, logit_heads, strict=True):
        raw_offsets, raw_logits = convolve(features, offset_head, logit_head)
        offsets.append(_per_box(raw_offsets, 4))
        logits.append(_per_box(raw_logits, num_classes))
    return torch.cat(offsets, dim=1), torch.cat(logits, dim=1)


def separate(
    features: Float[Tensor, "b _ h w"], offset_head: nn.Module, logit_head: nn.Module
) -> tuple[Float[Tensor, "b _ h w"], Float[Tensor, "b _ h w"]]:
    """The outputs of both heads."""
    return offset_head(features), logit_head(features)


def fused(
    features: Float[Tensor, "b _ h w"], offset_head: nn.Conv2d, logit_head: nn.Conv2d
) -> tuple[Float[Tensor, "b _ h w"], Float[Tensor, "b _ h w"]]:
    """The outputs of both heads from one convolution, whose channels are padded to ``ALIGNMENT``.

    The parameters stay those of the heads. SSD300 with 21 classes has 16 + 84 or 24 + 126 channels a
    map, padded to 104 and 152.
    """
    sizes = [offset_head.out_channels, logit_head.out_channels]
    padding = -sum(sizes) % ALIGNMENT
    weight = torch.cat([offset_head.weight, logit_head.weight])
    bias = torch.cat([offset_head.bias, logit_head.bias])  # type: ignore[list-item]  # both have one
    weight = nn.functional.pad(weight, (0, 0, 0, 0, 0, 0, 0, padding))
    both = nn.functional.conv2d(features, weight, nn.functional.pad(bias, (0, padding)), padding=1)
    offsets, logits, _ = torch.split(both, [*sizes, padding], dim=1)
    return offsets, logits


def _per_box(prediction: Float[Tensor, "b n h w"], values: int) -> Float[Tensor, "b d {values}"]:
    """(b, boxes · values, rows, columns) as (b, d, values), in the order of the default boxes."""
    return prediction.permute(0, 2, 3, 1).reshape(prediction.shape[0], -1, values)
