"""Ground truth: the objects of one image, and those of a batch, padded to one shape."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ssd_lite.messages import plural

BACKGROUND = 0
"""The label of padded rows here and of unmatched default boxes in the criterion."""

SHOWN = 5
"""Objects that the text form of a truth lists."""


@dataclass(frozen=True)
class Truth:
    """The objects of one image; ``t`` is 0 for an image without objects.

    ``labels`` count from 1, since 0 is background. ``difficult`` marks objects that evaluation ignores:
    missing one costs nothing, and finding one gains nothing.
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
        """A truth from tensors, which stay on their device, or from lists, which go to the CPU.

        By default no object is difficult. Raises ``ValueError`` if the lengths differ, a label is below
        1, or a box is empty, has swapped corners or is not finite; the message names the object by its
        index.
        """
        boxes = _as_tensor(boxes_xyxy, torch.float32).reshape(-1, 4)
        label = _as_tensor(labels, torch.int64).reshape(-1)
        flags = torch.zeros_like(label) if difficult is None else difficult
        truth = cls(boxes, label, _as_tensor(flags, torch.bool).reshape(-1))
        truth._check()
        return truth

    def __repr__(self) -> str:
        """For example "2 objects: label 3 at (0.10, 0.20, 0.50, 0.60), ..."; boxes are x0, y0, x1, y1."""
        columns = (column[:SHOWN].tolist() for column in (self.labels, self.boxes_xyxy, self.difficult))
        listed = [
            f"label {label} at ({', '.join(f'{side:.2f}' for side in box)}){' difficult' if hard else ''}"
            for label, box, hard in zip(*columns, strict=True)
        ]
        more = [f"and {len(self) - SHOWN} more"] if len(self) > SHOWN else []
        return ": ".join(filter(None, (plural(len(self), "object"), ", ".join(listed + more))))

    def __len__(self) -> int:
        return len(self.labels)

    def _check(self) -> None:
        sizes = (len(self.boxes_xyxy), len(self.labels), len(self.difficult))
        if len(set(sizes)) > 1:
            raise ValueError(f"boxes, labels and difficult must have the same length, got {sizes}")
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

    A row with label 0 is padding: an object of class background, so no separate mask is needed.
    Padding may come anywhere among the rows; ``t`` may be 0.
    """

    boxes_xyxy: Float[Tensor, "b t 4"]
    labels: Int64[Tensor, "b t"]
    difficult: Bool[Tensor, "b t"]

    @classmethod
    def from_list(cls, truths: Sequence[Truth], *, slots: int | None = None) -> "Truths":
        """A batch with ``slots`` rows per image, by default as many as the fullest image needs.

        The batch is on the device of the first truth. Raises ``ValueError`` if an image has more than
        ``slots`` objects.
        """
        most = max((len(truth) for truth in truths), default=0)
        slots = most if slots is None else slots
        if most > slots:
            raise ValueError(f"slots must be at least {most}, the objects of the fullest image, got {slots}")
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
        """Which rows are objects rather than padding."""
        return self.labels != BACKGROUND

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        """For example "2 images with 3 objects, padded to 4 rows per image"."""
        (images, rows), objects = self.labels.shape, int(self.present.sum())
        counts = f"{plural(images, 'image')} with {plural(objects, 'object')}"
        return f"{counts}, padded to {plural(rows, 'row')} per image"

    def __getitem__(self, images: slice | Tensor) -> "Truths":
        """A smaller batch with the truths of some of the images."""
        return Truths(self.boxes_xyxy[images], self.labels[images], self.difficult[images])

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> "Truths":
        """The truths on another device."""
        return Truths(
            self.boxes_xyxy.to(device, non_blocking=non_blocking),
            self.labels.to(device, non_blocking=non_blocking),
            self.difficult.to(device, non_blocking=non_blocking),
        )

    def without(self, rows: Bool[Tensor, "b t"]) -> "Truths":
        """The truths with the rows marked ``True`` turned into padding."""
        return Truths(
            self.boxes_xyxy.masked_fill(rows.unsqueeze(-1), 0.0),
            self.labels.masked_fill(rows, BACKGROUND),
            self.difficult & ~rows,
        )

    def unpadded(self) -> Iterator[Truth]:
        """The truth of each image, without padding."""
        for boxes, labels, difficult in zip(self.boxes_xyxy, self.labels, self.difficult, strict=True):
            present = labels != BACKGROUND
            yield Truth(boxes[present], labels[present], difficult[present])


def _as_tensor(values: Any, dtype: torch.dtype) -> Tensor:
    """The values as a tensor: a tensor on its own device, anything else on the CPU."""
    return torch.as_tensor(values, dtype=dtype, device=values.device if isinstance(values, Tensor) else "cpu")
