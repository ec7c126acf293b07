"""Hard negative mining: which negatives count.

After matching nearly every default box is a negative, thousands to each positive. Section 2.2
sorts them by their confidence loss and keeps the top ones, at most three to a positive.
:func:`hard_negatives` does that; the others are what the book compares it with.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


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
    # Positives sink to the end, behind even a loss of -inf, and are never reached: there are not
    # more wanted than negatives.
    hardness = losses.detach().clamp(min=torch.finfo(losses.dtype).min).masked_fill(positive, -torch.inf)
    order = hardness.sort(dim=1, descending=True, stable=True).indices
    chosen = torch.arange(positive.shape[1], device=positive.device) < wanted
    return torch.zeros_like(positive).scatter(1, order, chosen)


def random_negatives(
    losses: Float[Tensor, "b d"],
    positive: Bool[Tensor, "b d"],
    *,
    ratio: float = 3.0,
    generator: torch.Generator | None = None,
) -> Bool[Tensor, "b d"]:
    """As many negatives as :func:`hard_negatives` keeps, but any: what mining is compared with."""
    lottery = torch.rand(losses.shape, generator=generator, device=losses.device)
    return hard_negatives(lottery, positive, ratio=ratio)


def all_negatives(
    losses: Float[Tensor, "b d"], positive: Bool[Tensor, "b d"], *, ratio: float = 3.0
) -> Bool[Tensor, "b d"]:
    """Every negative, whatever its loss and whatever the ratio: no mining at all."""
    return ~positive


def _wanted(positive: Bool[Tensor, "b d"], ratio: float) -> Tensor:
    """How many negatives each image may keep, (b, 1)."""
    if not 0 <= ratio < float("inf"):
        raise ValueError(f"ratio must be finite and not negative, got {ratio}")
    positives = positive.sum(dim=1, keepdim=True)
    # float64, so that a ratio such as 0.1 counts ten positives as one negative
    return torch.minimum((positives.double() * ratio).floor(), positive.shape[1] - positives.double())
