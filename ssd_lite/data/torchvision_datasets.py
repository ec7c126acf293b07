"""Datasets in torchvision's form, and torchvision's datasets in ours."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from PIL import Image as PILImage
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional

from ssd_lite.data.examples import Dataset, Example
from ssd_lite.data.problems import DatasetError, Problem
from ssd_lite.data.raw import title
from ssd_lite.data.validation import box_error, checked_classes
from ssd_lite.messages import short_repr
from ssd_lite.truths import Truth

SLACK_PX = 0.01
"""A box may reach so far beyond its image: x + width in float32 does, and is cut to the edge."""

Transforms = Callable[[tv_tensors.Image, dict[str, Any]], tuple[Any, dict[str, Any]]]


@runtime_checkable
class Indexed(Protocol):
    """Whatever gives an image and a target for an index, as torchvision's datasets do."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


class _AsTorchvision(torch.utils.data.Dataset):
    def __init__(self, dataset: Dataset, transforms: Transforms | None) -> None:
        self.dataset, self.transforms = dataset, transforms

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Any, dict[str, Any]]:
        place = range(len(self))[index]
        image, truth, _ = self.dataset[place]
        height, width = image.shape[-2:]
        sides = truth.boxes_xyxy.new_tensor([width, height, width, height])
        boxes = (truth.boxes_xyxy.double() * sides).float()
        about: dict[str, Any] = {"format": "XYXY", "canvas_size": (height, width), "device": boxes.device}
        target: dict[str, Any] = {
            "boxes": tv_tensors.BoundingBoxes(boxes, **about),
            "labels": truth.labels,
            "difficult": truth.difficult,
            "image_id": place,
        }
        pair = tv_tensors.Image(image, device=image.device), target
        return pair if self.transforms is None else self.transforms(*pair)


def as_torchvision(dataset: Dataset, *, transforms: Transforms | None = None) -> torch.utils.data.Dataset:
    """A torch ``Dataset`` of what torchvision's detectors and v2 transforms take.

    It gives ``tv_tensors.Image`` uint8 (3, h, w) and a dictionary: ``boxes`` (n, 4), in pixels by corners, as
    ``tv_tensors.BoundingBoxes``; ``labels`` int64 (n,) from 1; ``difficult`` bool (n,); ``image_id``, the
    index. An image without objects has boxes (0, 4). ``transforms`` is called with both, as torchvision's
    datasets do.

    ``v2.SanitizeBoundingBoxes`` drops boxes and labels, and other values only where its
    ``labels_getter`` names them: ``lambda pair: (pair[1]["labels"], pair[1]["difficult"])``.
    """
    return _AsTorchvision(dataset, transforms)


class _FromTorchvision:
    def __init__(self, dataset: Indexed, classes: Sequence[str] | Mapping[int, str]) -> None:
        by_label = classes if isinstance(classes, Mapping) else dict(enumerate(classes, start=1))
        self.classes = (
            checked_classes(classes if isinstance(classes, str) else tuple(by_label.values())) or ()
        )
        self._labels = {label: number for number, label in enumerate(by_label, start=1)}
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int, /) -> Example:
        place = range(len(self))[index]
        name = f"example {place}"
        try:
            image, target = self._dataset[place]
        except Exception as error:  # whatever its reader raises, the message must say where
            rule = f"must give an image and a target, got {type(error).__name__}: {error}"
            raise DatasetError([Problem(name, rule)]) from error
        pixels = _pixels(image, name)
        return Example(pixels, self._truth(target, name, (pixels.shape[-1], pixels.shape[-2])), name)

    def _truth(self, target: Any, name: str, size_px: tuple[int, int]) -> Truth:
        if not isinstance(target, Mapping):
            raise DatasetError([Problem(name, f"target must be a dictionary, got {short_repr(target)}")])
        boxes = _corners(target, name).tolist()
        labels = torch.as_tensor(target.get("labels", [])).reshape(-1).tolist()
        difficult = _difficult(target, len(boxes))
        sizes = len(boxes), len(labels), len(difficult)
        if len(set(sizes)) > 1:
            rule = f"boxes, labels and difficult must be as many, got {sizes}"
            raise DatasetError([Problem(name, rule)])
        limits = (*size_px, *size_px)
        boxes = [[_snapped(v, limit) for v, limit in zip(box, limits, strict=True)] for box in boxes]
        problems = []
        for number, (box, label) in enumerate(zip(boxes, labels, strict=True), start=1):
            known = self._labels.get(label)
            what = title("object", number, self.classes[known - 1] if known else None)
            if known is None:
                wrong = f"label must be one of {short_repr(sorted(self._labels))}, got {label}"
                problems.append(Problem(name, wrong, what))
            broken = box_error((box[0], box[1], box[2], box[3]), size_px)
            if broken is not None:
                problems.append(Problem(name, broken, what))
        if problems:
            raise DatasetError(problems)
        table = torch.tensor(boxes, dtype=torch.float64, device="cpu").reshape(-1, 4)
        relative = table / torch.tensor(limits, device="cpu")
        return Truth.of(relative, [self._labels[label] for label in labels], difficult)


def from_torchvision(dataset: Indexed, *, classes: Sequence[str] | Mapping[int, str]) -> Dataset:
    """Our form of any dataset that gives an image and a dictionary with ``boxes`` and ``labels``.

    Such as ``VOCDetection`` and ``CocoDetection`` in torchvision's ``wrap_dataset_for_transforms_v2``, with
    or without transforms that leave pixels in [0, 1]. Images are PIL's, or tensors (3, h, w) or
    (1, h, w), uint8 or float. ``boxes`` are ``BoundingBoxes`` of any format without rotation, or else
    (n, 4) by corners in pixels; no key means no object. Difficult is what the target calls
    ``difficult`` or ``iscrowd``, or VOC's ``annotation`` (``target_keys="all"``).

    ``classes`` are the names of labels 1, 2, …, or names by label where labels have gaps, as COCO's have:
    ``{c["id"]: c["name"] for c in coco.cats.values()}``. Examples are named by their index.

    On access it raises ``DatasetError``, which names index, object (counted from 1) and
    rule: a box that is empty, not finite or outside the image, a label that ``classes`` lacks, an image
    of another kind, and whatever the dataset itself raises.
    """
    return _FromTorchvision(dataset, classes)


def _pixels(image: Any, name: str) -> Tensor:
    """The image as uint8 (3, h, w)."""
    if isinstance(image, PILImage.Image):
        rgb: Tensor = functional.pil_to_tensor(image.convert("RGB"))
        return rgb
    if not (
        isinstance(image, Tensor) and image.ndim == 3 and image.shape[0] in (1, 3) and 0 not in image.shape
    ):
        got = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
        raise DatasetError([Problem(name, f"image must be PIL's or a tensor (3, height, width), got {got}")])
    pixels = image.detach().as_subclass(Tensor).cpu()
    if pixels.dtype != torch.uint8:
        low, high = float(pixels.min()), float(pixels.max())
        if not (pixels.is_floating_point() and low >= 0 and high <= 1):
            rule = f"image must be uint8, or float in [0, 1], got {pixels.dtype} from {low:g} to {high:g}"
            raise DatasetError([Problem(name, rule)])
        pixels = (pixels * 255).round().to(torch.uint8)
    return pixels.expand(3, -1, -1)


def _corners(target: Mapping[str, Any], name: str) -> Tensor:
    """The target's boxes by corners in pixels, float64 (n, 4)."""
    boxes = target.get("boxes", [])
    if isinstance(boxes, tv_tensors.BoundingBoxes):
        if "R" in boxes.format.value or boxes.shape[-1] != 4:
            raise DatasetError([Problem(name, f"boxes must not be rotated, got {boxes.format.value}")])
        corners: Tensor = functional.convert_bounding_box_format(
            boxes, new_format=tv_tensors.BoundingBoxFormat.XYXY
        )
        return corners.as_subclass(Tensor).cpu().double()
    table = torch.as_tensor(boxes).cpu().double()
    if table.numel() and (table.ndim != 2 or table.shape[1] != 4):
        raise DatasetError([Problem(name, f"boxes must have shape (n, 4), got {tuple(table.shape)}")])
    return table.reshape(-1, 4)


def _difficult(target: Mapping[str, Any], count: int) -> list[bool]:
    flags = target.get("difficult", target.get("iscrowd"))
    if flags is None and isinstance(target.get("annotation"), Mapping):
        flags = [int(marked.get("difficult", 0)) for marked in target["annotation"].get("object", [])]
    return [False] * count if flags is None else torch.as_tensor(flags).bool().reshape(-1).tolist()


def _snapped(value: float, limit: int) -> float:
    """The coordinate, cut to the image where it is beyond by no more than rounding makes it."""
    return min(max(value, 0.0), float(limit)) if -SLACK_PX <= value <= limit + SLACK_PX else value
