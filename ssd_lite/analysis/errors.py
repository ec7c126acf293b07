"""The kinds of errors that a detector makes, as TIDE defines them.

Source: Bolya, Foley, Hays, Hoffman, "TIDE: A General Toolbox for Identifying Object Detection Errors", ECCV
2020, and the authors' program, tidecv 1.0.1.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Int64
from torch import Tensor
from torch.nn.functional import pad

from ssd_lite.analysis.outcomes import Outcomes
from ssd_lite.analysis.pairs import NO_OBJECT, Pairs

KINDS = ("classification", "localization", "both", "duplicate", "background", "missed")
CLASSIFICATION, LOCALIZATION, BOTH, DUPLICATE, BACKGROUND, MISSED = range(len(KINDS))
NO_ERROR = -1


class ErrorKinds(NamedTuple):
    """The kind of each detection's error, an index into ``KINDS`` or ``NO_ERROR``, and the missed objects.

    ``target`` is the object that a repair would give to the detection, ``NO_OBJECT`` where there is none.
    """

    kind: Int64[Tensor, " n"]
    target: Int64[Tensor, " n"]
    missed: Bool[Tensor, " m"]


def find_errors(
    pairs: Pairs, outcomes: Outcomes, *, foreground: float = 0.5, background: float = 0.1
) -> ErrorKinds:
    """The error of each false positive, the first in this list that fits, and the objects that are missed.

    - localization: overlaps an object of its class by at least ``background``, but less than ``foreground``;
    - classification: overlaps an object of another class by at least ``foreground``;
    - duplicate: overlaps an object of its class enough, but a detection with a higher score has found it;
    - background: overlaps no object by more than ``background``;
    - both: the rest, which overlap an object of another class by less than ``foreground``.

    Repaired localization or classification gives the object to the detection, if nobody has found it. Each
    object goes to the highest score among both kinds. An object that nobody found and that no such repair
    would find is missed. Difficult objects play no part: what overlaps only them, but too little to be
    ignored, is background.
    """
    same, other = pairs.counted, pairs.other
    kind = torch.full_like(pairs.label, BOTH)
    # From the last rule to the first, each overriding those before it.
    kind[torch.maximum(same.overlap, other.overlap) <= background] = BACKGROUND
    kind[same.overlap >= foreground] = DUPLICATE
    kind[other.overlap >= foreground] = CLASSIFICATION
    kind[(same.overlap >= background) & (same.overlap < foreground)] = LOCALIZATION
    kind[~outcomes.wrong] = NO_ERROR
    goal = torch.where(kind == LOCALIZATION, same.object, other.object)
    goal[(kind != LOCALIZATION) & (kind != CLASSIFICATION)] = NO_OBJECT
    goal[pad(outcomes.claimed, (0, 1))[goal]] = NO_OBJECT
    candidates = (goal != NO_OBJECT).nonzero().squeeze(1)
    nobody = torch.full_like(pairs.objects.label, len(kind))
    first = nobody.scatter_reduce(0, goal[candidates], candidates, "amin")
    target = torch.full_like(goal, NO_OBJECT)
    chosen = candidates[first[goal[candidates]] == candidates]
    target[chosen] = goal[chosen]
    missed = ~outcomes.claimed & (first == nobody) & ~pairs.objects.difficult
    return ErrorKinds(kind, target, missed)
