"""What a device is asked for: nothing on a GPU, where an answer would have to be waited for."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def can_read_values(values: Tensor) -> bool:
    """Whether the number of true or chosen values can be read at no cost: on a CPU, outside a compiled graph.

    Where it is, less needs to be computed; where it is not, all of it is, and the result is the same.
    """
    return values.is_cpu and not torch.compiler.is_compiling()


def constant(values: Sequence[float | int | tuple[float | int, ...]], device: torch.device) -> Tensor:
    """A few numbers as float32 on a device, without waiting for it (``torch.tensor(…, device=…)`` does)."""
    return torch.tensor(values, dtype=torch.float32, device="cpu").to(device, non_blocking=True)


def map_chunks(work: Callable[..., tuple[Tensor, ...]], rows: int, *values: Tensor) -> tuple[Tensor, ...]:
    """What ``work`` makes of the rows of the values, which it treats one like the other.

    On a CPU it gets so many rows at a time: what it writes down in between then fits the cache, which
    is several times as fast. Elsewhere it gets all of them.
    """
    if not can_read_values(values[0]) or len(values[0]) <= rows:
        return work(*values)
    parts = [work(*part) for part in zip(*(torch.split(value, rows) for value in values), strict=True)]
    return tuple(torch.cat(part) for part in zip(*parts, strict=True))
