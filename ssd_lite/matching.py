"""Matching: which object each default box is responsible for.

Section 2.2, "Matching strategy": every object first gets the default box that overlaps it best, as
in MultiBox; then every default box whose overlap with some object is higher than a threshold is
matched to that object as well.

The first step hides a conflict: two objects may want the same default box. MultiBox and the
released code settle the greatest overlap of all first, and the loser takes its next best. Many
ports (and torchvision) let the later object overwrite the earlier one, which may then have no
default box at all and is never learned.

Explained in chapter 1, ``book/01-matching.ipynb``.
"""

from functools import partial

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ssd_lite.bipartite import UNASSIGNED, assign
from ssd_lite.boxes import jaccard
from ssd_lite.device import map_chunks

UNMATCHED = -1
RULES = ("ssd", "multibox", "threshold")
CPU_TABLE = 1 << 19
"""Overlaps that a CPU computes at a time: 2 MiB of float32, which fits the cache."""


def match(
    truths_xyxy: Float[Tensor, "*b t 4"],
    defaults_xyxy: Float[Tensor, "d 4"],
    *,
    present: Bool[Tensor, "*b t"] | None = None,
    threshold: float = 0.5,
    rule: str = "ssd",
    inclusive: bool = False,
) -> Int64[Tensor, "*b d"]:
    """The index of the object that each default box is matched to, or ``UNMATCHED`` (-1).

    ``present`` marks the rows that are objects; padding is never matched. The rules:

    - ``"ssd"``: first every object gets a default box of its own, the greatest overlap of all
      first; then each default box that is still free takes its best object if their overlap is
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
    num_truths, num_defaults = truths_xyxy.shape[-2], len(defaults_xyxy)
    if num_truths == 0 or num_defaults == 0:
        shape = (*truths_xyxy.shape[:-2], num_defaults)
        return torch.full(shape, UNMATCHED, dtype=torch.int64, device=truths_xyxy.device)
    if present is None:
        present = torch.ones_like(truths_xyxy[..., 0], dtype=torch.bool)
    steps = partial(_match, defaults_xyxy=defaults_xyxy, threshold=threshold, rule=rule, inclusive=inclusive)
    images = truths_xyxy.reshape(-1, num_truths, 4), present.reshape(-1, num_truths)
    (matches,) = map_chunks(steps, max(1, CPU_TABLE // (num_truths * num_defaults)), *images)
    return matches.view(*truths_xyxy.shape[:-2], num_defaults)


def _match(
    truths_xyxy: Float[Tensor, "b t 4"],
    present: Bool[Tensor, "b t"],
    *,
    defaults_xyxy: Float[Tensor, "d 4"],
    threshold: float,
    rule: str,
    inclusive: bool,
) -> tuple[Int64[Tensor, "b d"]]:
    """Both steps for some images."""
    overlaps = jaccard(truths_xyxy, defaults_xyxy).masked_fill_(~present.unsqueeze(-1), -1.0)
    if rule == "multibox":
        matches = torch.full_like(overlaps[:, 0], UNMATCHED, dtype=torch.int64)
    else:
        matches = _best_objects(overlaps, threshold, inclusive)
    return (matches if rule == "threshold" else _overwrite(matches, assign(overlaps)),)


def _best_objects(
    overlaps: Float[Tensor, "b t d"], threshold: float, inclusive: bool
) -> Int64[Tensor, "b d"]:
    """The best object of each default box whose overlap with it passes the threshold."""
    best, index = overlaps.max(dim=-2)  # the first of equal overlaps
    passes = best >= threshold if inclusive else best > threshold
    return index.masked_fill(~passes, UNMATCHED)


def _overwrite(matches: Int64[Tensor, "b d"], own: Int64[Tensor, "b t"]) -> Int64[Tensor, "b d"]:
    """The matches, with each object's own default box given to that object."""
    num_defaults = matches.shape[-1]
    objects = torch.arange(own.shape[-1], device=own.device).expand_as(own)
    spare = torch.zeros_like(matches[:, :1])  # objects without a box of their own write here
    target = own.where(own != UNASSIGNED, own.new_full((), num_defaults))
    return torch.cat([matches, spare], dim=-1).scatter(-1, target, objects)[:, :num_defaults]
