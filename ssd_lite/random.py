"""Random numbers: from a generator when they are needed, or drawn beforehand for a whole step."""

from math import prod

import torch
from jaxtyping import Float
from torch import Tensor


class PredrawnUniforms:
    """Uniform numbers that were drawn beforehand, handed out in order.

    They are what a generator would have given, call by call; but a compiled graph can take them, and a
    process that works on some images of a batch, ``first`` and those after it, gets the numbers
    that they would have in the whole batch of ``images``.
    """

    def __init__(self, numbers: Float[Tensor, " n"], *, images: int, first: int = 0) -> None:
        self.numbers, self.images, self.first, self.used = numbers, images, first, 0

    def take(self, shape: tuple[int, ...], axis: int) -> Tensor:
        """The next numbers, in this shape, whose ``axis`` counts the images at hand."""
        whole = (*shape[:axis], self.images, *shape[axis + 1 :])
        block = self.numbers[self.used : self.used + prod(whole)].view(whole)
        self.used += prod(whole)
        return block.narrow(axis, self.first, shape[axis])


RandomSource = torch.Generator | PredrawnUniforms


def uniform(source: RandomSource, like: Tensor, *shape: int, axis: int = 0) -> Tensor:
    """Numbers in [0, 1) on the device of ``like``; ``axis`` is the one that counts images."""
    if isinstance(source, PredrawnUniforms):
        return source.take(shape, axis)
    return torch.rand(shape, generator=source, dtype=torch.float32, device=source.device).to(like.device)
