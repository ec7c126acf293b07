"""State dicts from elsewhere: compared with a model's own before they are loaded."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

SHOWN = 3
"""Names that a message lists of each kind."""


def load_strictly(module: nn.Module, state: Mapping[str, Any]) -> None:
    """Load a state dict. Raises ``ValueError`` naming tensors that are missing, unknown, or do not fit."""
    if problem := mismatch(state, module.state_dict()):
        raise ValueError(problem)
    module.load_state_dict(dict(state))


def mismatch(state: Mapping[str, Any], expected: Mapping[str, Tensor]) -> str | None:
    """Why ``state`` cannot be loaded where ``expected`` is the model's own state dict, on one line, or None.

    Names up to ``SHOWN`` tensors each that are missing, are unknown, or have another shape or kind of dtype.
    """
    kinds = {
        "missing": [name for name in expected if name not in state],
        "unknown": [name for name in state if name not in expected],
        "wrong": list(_misfits(state, expected)),
    }
    return "; ".join(f"{kind}: {_listed(found)}" for kind, found in kinds.items() if found) or None


def _misfits(state: Mapping[str, Any], expected: Mapping[str, Tensor]) -> Iterator[str]:
    for name, wanted in expected.items():
        given = state.get(name, wanted)
        if not isinstance(given, Tensor):
            yield f"{name} must be a tensor, got {type(given).__name__}"
        elif given.shape != wanted.shape:
            yield f"{name} must have shape {tuple(wanted.shape)}, got {tuple(given.shape)}"
        elif given.is_floating_point() != wanted.is_floating_point():
            yield f"{name} must be {wanted.dtype}, got {given.dtype}"


def _listed(items: Sequence[str]) -> str:
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return ", ".join(items[:SHOWN]) + more
