"""Fast paths for the CPU that never synchronise with a GPU.

On a CPU reading a value costs nothing, so work that a value makes needless can be left out. On a GPU, and
in a compiled graph, reading a value would wait for the device: everything is computed there, to the same
result.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def can_read_values(values: Tensor) -> bool:
    """Whether reading values from the tensor is free: on a CPU and outside a compiled graph."""
    return values.is_cpu and not torch.compiler.is_compiling()


def constant(values: Sequence[float | int | tuple[float | int, ...]], device: torch.device) -> Tensor:
    """A few numbers as a float32 tensor, copied to the device asynchronously.

    ``torch.tensor(..., device="cuda")`` would synchronise with the GPU.
    """
    return torch.tensor(values, dtype=torch.float32, device="cpu").to(device, non_blocking=True)


def map_chunks(work: Callable[..., tuple[Tensor, ...]], rows: int, *values: Tensor) -> tuple[Tensor, ...]:
    """The results of ``work(*values)``, computed ``rows`` rows at a time on a CPU.

    ``work`` must treat every row of its arguments alone. Intermediate results of a few rows fit the cache,
    which doubles the speed of augmentation. On a GPU and in a compiled graph ``work`` gets all rows at once.
    """
    if not can_read_values(values[0]) or len(values[0]) <= rows:
        return work(*values)
    parts = [work(*part) for part in zip(*(torch.split(value, rows) for value in values), strict=True)]
    return tuple(torch.cat(part) for part in zip(*parts, strict=True))
