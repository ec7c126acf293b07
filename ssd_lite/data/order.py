"""In which order the images of a dataset are taken."""

from collections.abc import Iterator

import torch


def shuffled(images: int, batch: int, *, steps: int, seed: int, start: int = 0) -> Iterator[list[int]]:
    """The indices of steps ``start`` … ``steps - 1``: every image once an epoch, epoch after epoch.

    A step's indices depend on the seed and the step's number alone, so a run can be resumed at any step.
    Every batch is full, even when the dataset is smaller than one.
    """
    orders: dict[int, list[int]] = {}

    def at(position: int) -> int:
        epoch, place = divmod(position, images)
        if epoch not in orders:
            orders.clear()
            generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
            orders[epoch] = torch.randperm(images, generator=generator, device="cpu").tolist()
        return orders[epoch][place]

    for step in range(start, steps):
        yield [at(position) for position in range(step * batch, (step + 1) * batch)]


def in_order(images: int, batch: int) -> Iterator[list[int]]:
    """Every index once, in order; the last batch may be short."""
    for start in range(0, images, batch):
        yield list(range(start, min(start + batch, images)))
