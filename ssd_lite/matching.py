"""Matching: which object each default box answers for.

Section 2.2, "Matching strategy": every object first gets the default box that overlaps it best, as
in MultiBox; then every default box whose overlap with some object is higher than a threshold is
matched to it as well.

The first step hides a conflict: two objects may want the same default box. MultiBox and the
released code settle the greatest overlap of all first, and the loser takes its next best. Many
ports (and torchvision) let the later object overwrite the earlier one, which may then have no
default box at all and is never learned.
"""

from functools import partial

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ssd_lite.boxes import jaccard
from ssd_lite.device import map_chunks

UNMATCHED = -1
RULES = ("ssd", "multibox", "threshold")
CPU_TABLE = 1 << 19
"""Overlaps that a CPU works on at a time: 2 MiB of float32."""
SPARE_BITS = 29
"""What the 23 bits of a float32's fraction leave of a float64's 52."""


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
    if present is None:
        present = torch.ones_like(truths_xyxy[..., 0], dtype=torch.bool)
    survey = partial(_survey, defaults_xyxy=defaults_xyxy + 0.0, threshold=threshold, inclusive=inclusive)
    at_once = max(1, CPU_TABLE // (num_truths * num_defaults))
    # Adding 0 makes 0 of -0, so that no overlap is -0, whose bits are those of a negative number.
    images, there = truths_xyxy.reshape(-1, num_truths, 4) + 0.0, present.reshape(-1, num_truths)
    found = map_chunks(survey, at_once, images, there)
    best, candidates, claims = (table.view(*batch, *table.shape[1:]) for table in found)
    if rule != "multibox":
        matches = best
    if rule != "threshold":
        matches = _overwrite(matches, _settle(candidates, claims))
    return matches


def _survey(
    truths_xyxy: Float[Tensor, "b t 4"],
    present: Bool[Tensor, "b t"],
    *,
    defaults_xyxy: Float[Tensor, "d 4"],
    threshold: float,
    inclusive: bool,
) -> tuple[Int64[Tensor, "b d"], Int64[Tensor, "b t k"], Float[Tensor, "b t k"]]:
    """What is needed of the overlaps: each default box's best object, each object's best boxes."""
    overlaps = jaccard(truths_xyxy, defaults_xyxy).masked_fill_(~present.unsqueeze(-1), -1.0)
    candidates = _best_defaults(overlaps, min(overlaps.shape[1:]))
    return _best_objects(overlaps, threshold, inclusive), candidates, overlaps.gather(-1, candidates)


def _best_objects(
    overlaps: Float[Tensor, "*b t d"], threshold: float, inclusive: bool
) -> Int64[Tensor, "*b d"]:
    """Each default box's best object, where their overlap passes the threshold."""
    best, index = overlaps.max(dim=-2)
    passes = best >= threshold if inclusive else best > threshold
    return index.masked_fill(~passes, UNMATCHED)


def _settle(candidates: Int64[Tensor, "*b t k"], claims: Float[Tensor, "*b t k"]) -> Int64[Tensor, "*b t"]:
    """Each object's own default box, the greatest claim of all settled first.

    ``claims`` are the overlaps with the candidates, -1 throughout for an absent object, which gets
    ``UNMATCHED``. Of its ``d`` default boxes an object can lose at most ``t - 1`` to others, so its
    ``t`` best hold the exact answer: the loop runs over tables of ``t × t``, not ``t × d``.
    """
    num_truths, best = candidates.shape[-2:]
    objects = torch.arange(num_truths, device=claims.device)
    own = torch.full_like(candidates[..., 0], UNMATCHED)
    for _ in range(best):
        claim, place = claims.flatten(-2).max(dim=-1, keepdim=True)  # the first of equal maxima
        box = candidates.flatten(-2).gather(-1, place)
        wins = objects == place // best  # (*, t): the object whose claim this is
        own = torch.where(wins & (claim >= 0), box, own)
        settled = wins.unsqueeze(-1) | (candidates == box.unsqueeze(-1))
        claims = claims.masked_fill(settled, -1.0)
    return own


def _best_defaults(overlaps: Float[Tensor, "b t d"], count: int) -> Int64[Tensor, "b t {count}"]:
    """Each object's ``count`` best default boxes, best first, equal overlaps by the lower index.

    ``topk`` leaves the order of equal values open, so it runs on keys that are never equal: the
    bits of a non-negative float64 rise with its value, and those that a float32 leaves empty at its
    end hold the index.
    """
    if overlaps.dtype == torch.float64:  # whose bits leave no room for an index
        return overlaps.sort(dim=-1, descending=True, stable=True).indices[..., :count]
    last = overlaps.shape[-1] - 1
    rank = last - torch.arange(last + 1, device=overlaps.device)
    keys = overlaps.double().view(torch.int64).bitwise_or_(rank)
    return last - (keys.topk(count, dim=-1).values & ((1 << SPARE_BITS) - 1))


def _overwrite(matches: Int64[Tensor, "*b d"], own: Int64[Tensor, "*b t"]) -> Int64[Tensor, "*b d"]:
    """The matches, with each object's own default box given to it."""
    num_defaults = matches.shape[-1]
    objects = torch.arange(own.shape[-1], device=own.device).expand_as(own)
    spare = torch.zeros_like(matches[..., :1])  # objects without a box write here
    target = own.where(own != UNMATCHED, own.new_full((), num_defaults))
    return torch.cat([matches, spare], dim=-1).scatter(-1, target, objects)[..., :num_defaults]
