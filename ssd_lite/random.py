"""Uniform random numbers, from a generator or drawn beforehand for a whole training step."""

from math import prod

import torch
from jaxtyping import Float
from torch import Tensor


class PredrawnUniforms:
    """Uniform random numbers drawn beforehand and used up in order.

    Takes the place of a generator, whose numbers a compiled graph cannot draw, and gives the numbers that the
    generator would have given. ``images`` is the size of the whole batch. A process that works on a part of
    it passes the index ``first`` of its first image and gets the numbers of its own images, the same as in
    one process.
    """

    def __init__(self, numbers: Float[Tensor, " n"], *, images: int, first: int = 0) -> None:
        self.numbers, self.images, self.first, self.used = numbers, images, first, 0

    def take(self, shape: tuple[int, ...], axis: int) -> Tensor:
        """The next numbers as a tensor of this shape, in which ``axis`` counts images."""
        whole_batch = (*shape[:axis], self.images, *shape[axis + 1 :])
        block = self.numbers[self.used : self.used + prod(whole_batch)].view(whole_batch)
        self.used += prod(whole_batch)
        return block.narrow(axis, self.first, shape[axis])


RandomSource = torch.Generator | PredrawnUniforms


def uniform(generator: RandomSource, like: Tensor, *shape: int, axis: int = 0) -> Tensor:
    """Random float32 numbers in [0, 1) on the device of ``like``; ``axis`` is the dimension of images."""
    if isinstance(generator, PredrawnUniforms):
        return generator.take(shape, axis)
    numbers = torch.rand(shape, generator=generator, dtype=torch.float32, device=generator.device)
    return numbers.to(like.device)
