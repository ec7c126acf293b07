"""Detections and ground truth of the images in an evaluation, as tables of numbers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ssd_lite.truths import Truth, Truths

SCORE, DIFFICULT, LABEL = 4, 4, 5  # columns of a table after the corners, see ``_table``
Boxes = Sequence[Mapping[str, Tensor]]
AnyTruths = Truths | Sequence[Truth] | Boxes
Ids = Iterable[int] | Tensor | None


class ImageTables:
    """A table of detections and one of objects for each image, by its index in the dataset."""

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes, self.has_ids = list(classes), True
        self.images: dict[int, tuple[Tensor, Tensor]] = {}
        if len(set(classes)) < len(classes):
            raise ValueError(f"classes must be distinct, got {self.classes}")

    def add(self, detections: Boxes, truths: AnyTruths, image_ids: Ids) -> None:
        objects = list(truths.to("cpu").unpadded() if isinstance(truths, Truths) else truths)
        start = max(self.images, default=-1) + 1
        ids = list(range(start, start + len(objects)) if image_ids is None else map(int, image_ids))
        sizes = (len(detections), len(objects), len(ids))
        if len(set(sizes)) > 1:
            raise ValueError(f"detections, truths and image_ids must have the same length, got {sizes}")
        if len({*ids, *self.images}) < len(ids) + len(self.images):
            raise ValueError(f"image_ids must be new and distinct, got {ids}")
        found = [_table("detections", "scores", i, item, self.classes) for i, item in enumerate(detections)]
        present = [_table("truths", "difficult", i, item, self.classes) for i, item in enumerate(objects)]
        self.images.update(zip(ids, zip(found, present, strict=True), strict=True))
        self.has_ids = self.has_ids and (image_ids is not None or not ids)

    def merge(self, others: Sequence["ImageTables"]) -> None:
        for other in others:
            if other.classes != self.classes:
                raise ValueError(f"merge needs the classes {self.classes}, got {other.classes}")
            if not (self.has_ids and other.has_ids):
                raise ValueError("merge needs image_ids in every update, since they decide ties")
        for other in others:
            self.images = other.images | self.images

    def tables(self, *, pixels: bool) -> tuple[list[Tensor], list[Tensor], dict[str, int]]:
        """Tables of detections and of objects in the order of the dataset, and the objects of each class."""
        # One empty table at the end, so that there is always something to concatenate.
        empty = torch.zeros(0, 6, dtype=torch.float64, device="cpu")
        pairs = [self.images[image] for image in sorted(self.images)] + [(empty, empty)]
        found, truths = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        objects = torch.cat(truths)
        if pixels and len(objects) and objects[:, :4].max() <= 1:
            raise ValueError(f"truths must be in pixels, got no coordinate above {objects[:, :4].max()}")
        labels = objects[objects[:, DIFFICULT] == 0, LABEL].long()
        counts = labels.bincount(minlength=len(self.classes) + 1)[1:].tolist()
        return found, truths, dict(zip(self.classes, counts, strict=True))


def _table(argument: str, column: str, image: int, item: Any, classes: list[str]) -> Tensor:
    """A float64 table (n, 6) on the CPU with one row per box: corners, score or difficult, label."""
    if isinstance(item, Truth):
        item = {"boxes": item.boxes_xyxy, "labels": item.labels, "difficult": item.difficult}
    values = item["scores"] if column == "scores" else item.get(column, torch.zeros_like(item["labels"]))
    sizes = (len(item["boxes"]), len(values), len(item["labels"]))
    if len(set(sizes)) > 1:
        rule = f"boxes, {column} and labels must have the same length"
        raise ValueError(f"{argument}[{image}]: {rule}, got {sizes}")
    parts = (item["boxes"].reshape(-1, 4), values.reshape(-1, 1), item["labels"].reshape(-1, 1))
    table = torch.cat([part.detach().cpu().double() for part in parts], dim=1)
    known = (table[:, LABEL] >= 1) & (table[:, LABEL] <= len(classes))
    for rule, holds in (
        ("boxes must be finite", table[:, :4].isfinite().all(dim=1)),
        (f"{column} must not be NaN", ~table[:, SCORE].isnan()),
        (f"labels must lie in 1 … {len(classes)}", known),
    ):
        if not holds.all():
            row = int(holds.int().argmin())
            raise ValueError(f"{argument}[{image}]: {rule}, got {table[row].tolist()} in row {row}")
    return table
