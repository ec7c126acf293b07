"""Ground truth: the objects of one image, and the padded objects of a batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

BACKGROUND = 0
"""The label of no object: of padded rows here, of unmatched default boxes in the criterion."""


@dataclass(frozen=True)
class Truth:
    """The objects of one image; an image without objects has ``t = 0`` of them.

    ``labels`` count from 1, since 0 is background. ``difficult`` marks the objects that evaluation
    neither asks for nor punishes.
    """

    boxes_xyxy: Float[Tensor, "t 4"]
    labels: Int64[Tensor, " t"]
    difficult: Bool[Tensor, " t"]

    @classmethod
    def of(
        cls,
        boxes_xyxy: Tensor | Sequence[Sequence[float]],
        labels: Tensor | Sequence[int],
        difficult: Tensor | Sequence[bool] | None = None,
    ) -> "Truth":
        """A truth from tensors, where they are, or from lists, on the CPU.

        No object is difficult unless it is said to be. Raises ``ValueError`` when the lengths differ,
        a label is below 1, or a box is empty, has swapped corners or is not finite, naming the object
        by its index.
        """
        boxes = _tensor(boxes_xyxy, torch.float32).reshape(-1, 4)
        label = _tensor(labels, torch.int64).reshape(-1)
        flags = torch.zeros_like(label) if difficult is None else difficult
        truth = cls(boxes, label, _tensor(flags, torch.bool).reshape(-1))
        truth._check()
        return truth

    def __len__(self) -> int:
        return len(self.labels)

    def _check(self) -> None:
        sizes = (len(self.boxes_xyxy), len(self.labels), len(self.difficult))
        if len(set(sizes)) > 1:
            raise ValueError(f"boxes, labels and difficult must be as many, got {sizes}")
        for index, (box, label) in enumerate(
            zip(self.boxes_xyxy.tolist(), self.labels.tolist(), strict=True)
        ):
            if label <= BACKGROUND:
                raise ValueError(f"object {index}: label must be at least 1, got {label}")
            if not (box[0] < box[2] and box[1] < box[3] and all(abs(v) < float("inf") for v in box)):
                raise ValueError(f"object {index}: box must have x0 < x1 and y0 < y1, got {box}")


@dataclass(frozen=True)
class Truths:
    """The objects of a batch of images, padded to the same number ``t`` of rows.

    A row with label 0 is padding: an object of class background, so no second mask is needed.
    Padding may stand anywhere among the rows; ``t`` may be 0.
    """

    boxes_xyxy: Float[Tensor, "b t 4"]
    labels: Int64[Tensor, "b t"]
    difficult: Bool[Tensor, "b t"]

    @classmethod
    def from_list(cls, truths: Sequence[Truth], *, slots: int | None = None) -> "Truths":
        """One row of ``slots`` objects an image, by default as many as the fullest image has.

        They go to the device of the first truth. Raises ``ValueError`` when an image has more than
        ``slots`` objects.
        """
        most = max((len(truth) for truth in truths), default=0)
        slots = most if slots is None else slots
        if most > slots:
            raise ValueError(f"slots must hold the fullest image's {most} objects, got {slots}")
        shape, device = (len(truths), slots), truths[0].boxes_xyxy.device if truths else "cpu"
        batch = cls(
            torch.zeros(*shape, 4, dtype=torch.float32, device=device),
            torch.zeros(shape, dtype=torch.int64, device=device),
            torch.zeros(shape, dtype=torch.bool, device=device),
        )
        for row, truth in enumerate(truths):
            batch.boxes_xyxy[row, : len(truth)] = truth.boxes_xyxy
            batch.labels[row, : len(truth)] = truth.labels
            batch.difficult[row, : len(truth)] = truth.difficult
        return batch

    @property
    def present(self) -> Bool[Tensor, "b t"]:
        """Which rows are objects, not padding."""
        return self.labels != BACKGROUND

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, images: slice | Tensor) -> "Truths":
        """The truths of some of the images, as a smaller batch."""
        return Truths(self.boxes_xyxy[images], self.labels[images], self.difficult[images])

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> "Truths":
        """The same truths on another device."""
        return Truths(
            self.boxes_xyxy.to(device, non_blocking=non_blocking),
            self.labels.to(device, non_blocking=non_blocking),
            self.difficult.to(device, non_blocking=non_blocking),
        )

    def without(self, rows: Bool[Tensor, "b t"]) -> "Truths":
        """The same truths with some rows turned into padding."""
        return Truths(
            self.boxes_xyxy.masked_fill(rows.unsqueeze(-1), 0.0),
            self.labels.masked_fill(rows, BACKGROUND),
            self.difficult & ~rows,
        )

    def unpadded(self) -> Iterator[Truth]:
        """The truths image by image, without padding."""
        for boxes, labels, difficult in zip(self.boxes_xyxy, self.labels, self.difficult, strict=True):
            kept = labels != BACKGROUND
            yield Truth(boxes[kept], labels[kept], difficult[kept])


def _tensor(values: Any, dtype: torch.dtype) -> Tensor:
    """As a tensor: one that is there already where it is, anything else on the CPU."""
    return torch.as_tensor(values, dtype=dtype, device=values.device if isinstance(values, Tensor) else "cpu")
