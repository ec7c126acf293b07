"""What a device is asked for: nothing on a GPU, where an answer would have to be waited for."""

from collections.abc import Sequence

import torch
from torch import Tensor


def may_count(values: Tensor) -> bool:
    """Whether the number of true or chosen values can be read at no cost: on a CPU, outside a compiled graph.

    Where it is, less needs to be computed; where it is not, all of it is, and the result is the same.
    """
    return values.is_cpu and not torch.compiler.is_compiling()


def constant(values: Sequence[float | int | tuple[float | int, ...]], device: torch.device) -> Tensor:
    """A few numbers as float32 on a device, without waiting for it (``torch.tensor(…, device=…)`` does)."""
    return torch.tensor(values, dtype=torch.float32).to(device, non_blocking=True)
