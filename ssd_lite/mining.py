"""Hard negative mining: which negatives count.

After matching, nearly every default box is a negative: thousands for each positive. Section 2.2
sorts the negatives by their confidence loss and keeps the highest, at most three for each positive.
:func:`hard_negatives` does that; the other functions are what the book compares it with.

Explained in chapter 4, ``book/04-mining.ipynb``.
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
    """The negatives with the highest loss: ``ratio`` for each positive, or all if there are fewer.

    Counted for each image separately, as in the released code, so an image without positives
    contributes no negatives. ``per_batch=True`` counts over the whole batch, as two Keras and TensorFlow
    ports do. A positive is never chosen. Equal losses go to the lower index (of the image, then of the box).
    Raises ``ValueError`` for a negative or non-finite ratio.

    Source: section 2.2, hard negative mining.
    """
    if per_batch:
        flat = hard_negatives(losses.reshape(1, -1), positive.reshape(1, -1), ratio=ratio)
        return flat.view(positive.shape)
    wanted = _wanted(positive, ratio)
    # A NaN loss counts as the hardest, so that it reaches the total and is noticed. Positives come last,
    # after even a loss of -inf, and are never reached: no more are wanted than there are negatives.
    lowest = torch.finfo(losses.dtype).min
    hardness = losses.detach().nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=lowest)
    hardness = hardness.masked_fill(positive, -torch.inf)
    if can_read_values(hardness) and hardness.dtype == torch.float32 and len(hardness):
        return _hardest_by_key(hardness, wanted)
    order = hardness.sort(dim=1, descending=True, stable=True).indices
    rank = torch.arange(hardness.shape[1], device=hardness.device)
    return torch.zeros_like(positive).scatter_(1, order, rank < wanted)


def _hardest_by_key(hardness: Float[Tensor, "b d"], wanted: Int64[Tensor, "b 1"]) -> Bool[Tensor, "b d"]:
    """The same choice without sorting everything: a fifth of the time on a CPU.

    Keys are integers in the order of the losses, no two of them equal: the bits of a float32, read as an
    integer, rise with its value once those of negative numbers are turned round, and below them stands the
    index. So the key at the last wanted rank separates what is kept, ties included.
    """
    last = hardness.shape[1] - 1
    bits = (hardness + 0.0).view(torch.int32)  # + 0.0: -0.0 and 0.0 have different bits
    rising = bits ^ ((bits >> 31) & torch.iinfo(torch.int32).max)
    keys = (rising.long() << 31) | (last - torch.arange(last + 1, device=hardness.device))
    falling = keys.topk(int(wanted.max()), dim=1).values
    above = torch.full_like(wanted, torch.iinfo(torch.int64).max)  # for rank 0
    return keys >= torch.cat([above, falling], dim=1).gather(1, wanted)


def random_negatives(
    losses: Float[Tensor, "b d"],
    positive: Bool[Tensor, "b d"],
    *,
    ratio: float = 3.0,
    generator: torch.Generator | None = None,
) -> Bool[Tensor, "b d"]:
    """As many negatives as :func:`hard_negatives` keeps, chosen at random: a baseline for mining."""
    lottery = torch.rand(losses.shape, generator=generator, dtype=torch.float32, device=losses.device)
    return hard_negatives(lottery, positive, ratio=ratio)


def all_negatives(
    losses: Float[Tensor, "b d"], positive: Bool[Tensor, "b d"], *, ratio: float = 3.0
) -> Bool[Tensor, "b d"]:
    """Every negative, whatever its loss; ``ratio`` is ignored: no mining at all."""
    return ~positive


def _wanted(positive: Bool[Tensor, "b d"], ratio: float) -> Int64[Tensor, "b 1"]:
    """How many negatives each image keeps, (b, 1)."""
    if not 0 <= ratio < float("inf"):
        raise ValueError(f"ratio must be finite and not negative, got {ratio}")
    positives = positive.sum(dim=1, keepdim=True)
    # float64, so that a ratio such as 0.1 counts ten positives as one negative
    return (positives.double() * ratio).floor().minimum(positive.shape[1] - positives.double()).long()
