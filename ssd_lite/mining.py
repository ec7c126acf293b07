"""Hard negative mining: which negatives count.

After matching nearly every default box is a negative, thousands to each positive. Section 2.2
sorts them by their confidence loss and keeps the top ones, at most three to a positive.
:func:`hard_negatives` does that; the others are what the book compares it with.
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ssd_lite.device import can_read_values


def hard_negatives(
    losses: Float[Tensor, "b d"],
    positive: Bool[Tensor, "b d"],
    *,
    ratio: float = 3.0,
    per_batch: bool = False,
) -> Bool[Tensor, "b d"]:
    """The negatives with the highest loss: ``ratio`` to each positive, or as many as there are.

    Counted for every image on its own, as in the released code, so an image without positives
    adds no negatives. ``per_batch=True`` counts over the whole batch, as two Keras and TensorFlow
    ports do. Never a positive. Equal losses go to the lower index (of the image, then of the box).
    Raises ``ValueError`` for a ratio that is negative or not finite.

    Source: section 2.2, hard negative mining.
    """
    if per_batch:
        flat = hard_negatives(losses.reshape(1, -1), positive.reshape(1, -1), ratio=ratio)
        return flat.view(positive.shape)
    wanted = _wanted(positive, ratio)
    # A loss that is no number is the hardest, so that it is noticed. Positives sink below even a loss
    # of -inf and are never reached: there are not more wanted than negatives.
    numbers = losses.detach().nan_to_num(nan=torch.inf, posinf=torch.inf)
    hardness = numbers.masked_fill(positive, -torch.inf)
    last = _at_rank(hardness, wanted)
    harder, tied = hardness > last, hardness == last
    room = wanted - harder.sum(dim=1, keepdim=True)
    return harder | (tied & (tied.cumsum(dim=1) <= room))


def _at_rank(hardness: Float[Tensor, "b d"], rank: Int64[Tensor, "b 1"]) -> Float[Tensor, "b 1"]:
    """The value that stands at each image's rank, counted from 1 at the top; infinity for rank 0."""
    if can_read_values(rank) and len(rank):
        falling = hardness.topk(int(rank.max()), dim=1).values
    else:
        falling = hardness.sort(dim=1, descending=True).values
    top = hardness.new_full((len(hardness), 1), torch.inf)
    return torch.cat([top, falling], dim=1).gather(1, rank)


def random_negatives(
    losses: Float[Tensor, "b d"],
    positive: Bool[Tensor, "b d"],
    *,
    ratio: float = 3.0,
    generator: torch.Generator | None = None,
) -> Bool[Tensor, "b d"]:
    """As many negatives as :func:`hard_negatives` keeps, but any: what mining is compared with."""
    lottery = torch.rand(losses.shape, generator=generator, dtype=torch.float32, device=losses.device)
    return hard_negatives(lottery, positive, ratio=ratio)


def all_negatives(
    losses: Float[Tensor, "b d"], positive: Bool[Tensor, "b d"], *, ratio: float = 3.0
) -> Bool[Tensor, "b d"]:
    """Every negative, whatever its loss and whatever the ratio: no mining at all."""
    return ~positive


def _wanted(positive: Bool[Tensor, "b d"], ratio: float) -> Int64[Tensor, "b 1"]:
    """How many negatives each image may keep, (b, 1)."""
    if not 0 <= ratio < float("inf"):
        raise ValueError(f"ratio must be finite and not negative, got {ratio}")
    positives = positive.sum(dim=1, keepdim=True)
    # float64, so that a ratio such as 0.1 counts ten positives as one negative
    return (positives.double() * ratio).floor().minimum(positive.shape[1] - positives.double()).long()
