"""Batches of images on a common canvas, and the protocol of what provides them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor
from torchvision.transforms.v2.functional import resize

from ssd_lite.data.examples import Example
from ssd_lite.data.problems import Problem
from ssd_lite.truths import Truths

Shape = tuple[int, int]


class Batch(NamedTuple):
    """Images on a common canvas, each in its top left corner, with their true (height, width)."""

    images: UInt8[Tensor, "b 3 h w"]
    sizes_px: Int64[Tensor, "b 2"]
    truths: Truths
    names: list[str]

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return Batch(
            self.images.to(device, non_blocking=True),
            self.sizes_px.to(device, non_blocking=True),
            self.truths.to(device, non_blocking=True),
            self.names,
        )

    def pin_memory(self) -> "Batch":
        """The same batch in pinned host memory, from where copies to a GPU do not wait."""
        boxes, labels, difficult = (
            rows.pin_memory() for rows in (self.truths.boxes_xyxy, self.truths.labels, self.truths.difficult)
        )
        return Batch(
            self.images.pin_memory(),
            self.sizes_px.pin_memory(),
            Truths(boxes, labels, difficult),
            self.names,
        )

    def __repr__(self) -> str:
        height, width = self.images.shape[-2:]
        return f"Batch({len(self.names)} images on {width} × {height}, {self.images.device})"


@runtime_checkable
class BatchSource(Protocol):
    """Whatever provides batches of chosen images, in any order.

    ``problems`` holds what was found wrong, repaired or suspicious; ``storage`` says where the images are
    kept, for sources that know.
    """

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def problems(self) -> tuple[Problem, ...]: ...

    def __len__(self) -> int: ...

    def batches(self, order: Iterable[Sequence[int]]) -> Iterator[Batch]: ...


def shrink(example: Example, canvas_px: int) -> Example:
    """The example with its image shrunk to at most ``canvas_px`` a side; its boxes are relative and stay."""
    height, width = example.image.shape[-2:]
    shape = shrunk_shape((height, width), canvas_px)
    if shape == (height, width):
        return example
    return example._replace(image=resize(example.image, list(shape), antialias=True))


def shrunk_shape(shape: Shape, canvas_px: int) -> Shape:
    """The (height, width) that :func:`shrink` gives an image of that (height, width)."""
    factor = canvas_px / max(shape)
    if factor >= 1:
        return shape
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))
