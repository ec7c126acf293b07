"""Matching: which object each default box answers for.

Section 2.2, "Matching strategy": every object first gets the default box that overlaps it best, as
in MultiBox; then every default box whose overlap with some object is higher than a threshold is
matched to it as well.

The first step hides a conflict: two objects may want the same default box. MultiBox and the
released code settle the greatest overlap of all first, and the loser takes its next best. Many
ports (and torchvision) let the later object overwrite the earlier one, which may then have no
default box at all and is never learned.
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ssd_lite.boxes import jaccard

UNMATCHED = -1
RULES = ("ssd", "multibox", "threshold")


def match(
    truths_xyxy: Float[Tensor, "*b t 4"],
    defaults_xyxy: Float[Tensor, "d 4"],
    *,
    present: Bool[Tensor, "*b t"] | None = None,
    threshold: float = 0.5,
    rule: str = "ssd",
    inclusive: bool = False,
) -> Int64[Tensor, "*b d"]:
    """For each default box the index of the object it answers for, or ``UNMATCHED`` (-1).

    ``present`` marks the rows that are objects; padding never wins a default box. The rules:

    - ``"ssd"``: first every object gets a default box of its own, the greatest overlap of all
      choosing first; then each default box still free takes its best object if their overlap is
      higher than ``threshold``. While ``t <= d`` no present object is left without a box, not even
      one that overlaps no default box.
    - ``"multibox"``: the first step alone.
    - ``"threshold"``: the second step alone.

    The comparison is strict, as in the text; ``inclusive=True`` takes an overlap of exactly the
    threshold too, as the released code does. Ties go to the lower index, of objects and of default
    boxes. Raises ``ValueError`` for an unknown rule or a threshold outside [0, 1].

    Source: section 2.2, matching strategy.
    """
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(RULES)}, got {rule!r}")
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must lie in [0, 1], got {threshold}")
    batch, num_truths, num_defaults = truths_xyxy.shape[:-2], truths_xyxy.shape[-2], len(defaults_xyxy)
    matches = truths_xyxy.new_full((*batch, num_defaults), UNMATCHED, dtype=torch.int64)
    if num_truths == 0 or num_defaults == 0:
        return matches
    overlaps = jaccard(truths_xyxy, defaults_xyxy)
    if present is not None:
        overlaps = overlaps.masked_fill(~present.unsqueeze(-1), -1.0)
    if rule != "multibox":
        matches = _best_objects(overlaps, threshold, inclusive)
    if rule != "threshold":
        matches = _overwrite(matches, _bipartite(overlaps))
    return matches


def _best_objects(
    overlaps: Float[Tensor, "*b t d"], threshold: float, inclusive: bool
) -> Int64[Tensor, "*b d"]:
    """Each default box's best object, where their overlap passes the threshold."""
    best, index = overlaps.max(dim=-2)
    passes = best >= threshold if inclusive else best > threshold
    return index.masked_fill(~passes, UNMATCHED)


def _bipartite(overlaps: Float[Tensor, "*b t d"]) -> Int64[Tensor, "*b t"]:
    """Each object's own default box, the greatest overlap of all settled first.

    Rows of absent objects hold -1 throughout and get ``UNMATCHED``. Of its ``d`` default boxes an
    object can lose at most ``t - 1`` to others, so its ``t`` best hold the exact answer: the loop
    runs over tables of ``t × t``, not ``t × d``.
    """
    num_truths = overlaps.shape[-2]
    best = min(num_truths, overlaps.shape[-1])
    candidates = _best_defaults(overlaps, best)  # (*, t, best)
    claims = overlaps.gather(-1, candidates)
    objects = torch.arange(num_truths, device=overlaps.device)
    own = overlaps.new_full(overlaps.shape[:-1], UNMATCHED, dtype=torch.int64)
    for _ in range(best):
        claim, place = claims.flatten(-2).max(dim=-1, keepdim=True)  # the first of equal maxima
        box = candidates.flatten(-2).gather(-1, place)
        wins = objects == place // best  # (*, t): the object whose claim this is
        own = torch.where(wins & (claim >= 0), box, own)
        settled = wins.unsqueeze(-1) | (candidates == box.unsqueeze(-1))
        claims = claims.masked_fill(settled, -1.0)
    return own


def _best_defaults(overlaps: Float[Tensor, "*b t d"], count: int) -> Int64[Tensor, "*b t {count}"]:
    """Each object's ``count`` best default boxes, best first, equal overlaps by the lower index.

    ``topk`` leaves the order of equal values open, so it runs on keys that are never equal: the
    bits of a non-negative float32 rise with its value (``abs`` takes the sign off -0.0), and the
    index fills the lower half.
    """
    if overlaps.dtype == torch.float64:  # whose bits leave no room for an index
        return overlaps.sort(dim=-1, descending=True, stable=True).indices[..., :count]
    bits = overlaps.clamp(min=0).abs().float().view(torch.int32).to(torch.int64)
    last = overlaps.shape[-1] - 1
    rank = last - torch.arange(last + 1, device=overlaps.device)
    return last - ((bits << 32) | rank).topk(count, dim=-1).values.bitwise_and((1 << 32) - 1)


def _overwrite(matches: Int64[Tensor, "*b d"], own: Int64[Tensor, "*b t"]) -> Int64[Tensor, "*b d"]:
    """The matches, with each object's own default box given to it."""
    num_defaults = matches.shape[-1]
    objects = torch.arange(own.shape[-1], device=own.device).expand_as(own)
    spare = torch.zeros_like(matches[..., :1])  # objects without a box write here
    target = own.where(own != UNMATCHED, own.new_full((), num_defaults))
    return torch.cat([matches, spare], dim=-1).scatter(-1, target, objects)[..., :num_defaults]
