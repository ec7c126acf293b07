"""State dicts that may come from elsewhere: what differs from the model's own is said in one line."""

from collections.abc import Mapping

from torch import Tensor, nn

SHOWN = 3


def fill(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load a state dict. Raises ``ValueError`` naming tensors missing, unknown, or of another shape."""
    if rule := difference(state, module.state_dict()):
        raise ValueError(rule)
    module.load_state_dict(dict(state))


def difference(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str | None:
    """What keeps a state dict from being loaded into a model whose own is ``own``, or None."""
    missing = [name for name in own if name not in state]
    unknown = [name for name in state if name not in own]
    parts = [f"it lacks {_listed(missing)}"] if missing else []
    parts += [f"it has {_listed(unknown)}, unknown here"] if unknown else []
    for name, value in own.items():
        if name not in state:
            continue
        shapes = tuple(state[name].shape), tuple(value.shape)
        if shapes[0] != shapes[1]:
            parts.append(f"{name} has shape {shapes[0]}, and {shapes[1]} is needed")
            break  # the others differ for the same reason
        if state[name].is_floating_point() != value.is_floating_point():
            parts.append(f"{name} is {state[name].dtype}, and {value.dtype} is needed")
            break
    return "; ".join(parts) or None


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
