"""A dataset whose images only decoding tells of."""

import torch

from ssd_lite.data import DatasetError, Example, Problem
from ssd_lite.truths import Truth


class Photos:
    """Images of several sizes, one of them without objects, one perhaps unreadable."""

    classes = ("cat",)
    problems = ()

    def __init__(self, broken: tuple[int, ...] = ()) -> None:
        self.broken = broken

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> Example:
        if index in self.broken:
            raise DatasetError([Problem(f"{index}.jpg", "image cannot be decoded")])
        image = torch.full((3, 20 + 10 * index, 60 - 10 * index), index, dtype=torch.uint8)
        truth = Truth.of([[0.1, 0.1, 0.5, 0.5]] * index, [1] * index)
        return Example(image, truth, f"photo {index}")
