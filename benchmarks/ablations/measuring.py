"""A detector's mAP: over all objects, by their size, and on scenes that were changed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from ssd_lite.augmentation import crop_truths, relative_to
from ssd_lite.boxes import jaccard
from ssd_lite.data import Batch, BatchSource
from ssd_lite.data.loading import in_order
from ssd_lite.evaluation import VOCEvaluator
from ssd_lite.models import SSD
from ssd_lite.resampling import resample
from ssd_lite.truths import Truths

SIZES = {"small": (0.0, 0.2), "medium": (0.2, 0.45), "large": (0.45, 2.0)}
"""Bounds of an object's size: the square root of its area, as a share of the image's side."""

Change = Callable[[Batch, int], tuple[Tensor, Truths]]
"""A batch and the model's image size to images of that size in [0, 1] and the objects seen in them."""


def measure(model: SSD, images: BatchSource, *, robustness: bool = False) -> dict[str, float]:
    """The mAP over all objects (``map``), by size, and with ``robustness`` on each of ``CHANGES``."""
    found, truths = _predicted(model, images, _unchanged)
    result = {"map": _mean(model.classes, found, truths)}
    for name, bounds in SIZES.items():
        result[name] = _mean(model.classes, *_of_size(found, truths, bounds))
    for name, change in CHANGES.items() if robustness else ():
        result[name] = _mean(model.classes, *_predicted(model, images, change))
    return result


def mean_precision(model: SSD, images: BatchSource) -> float:
    """The mAP over all objects alone."""
    return _mean(model.classes, *_predicted(model, images, _unchanged))


def _predicted(
    model: SSD, images: BatchSource, change: Change
) -> tuple[list[dict[str, Tensor]], list[Truths]]:
    """Detections with relative boxes, one per image, and the truths of each batch, all on the CPU."""
    device = next(model.parameters()).device
    found, truths = [], []
    for batch in images.batches(in_order(len(images), 64)):
        inputs, seen = change(batch.to(device), model.image_size)
        found += [{k: v.cpu() for k, v in d.items()} for d in model.predict(inputs, relative=True)]
        truths.append(seen.to("cpu"))
    return found, truths


def _mean(classes: tuple[str, ...], found: list[Any], truths: list[Truths]) -> float:
    evaluator, left = VOCEvaluator(classes), iter(found)
    for batch in truths:
        evaluator.update([next(left) for _ in range(len(batch))], batch)
    return evaluator.compute().mean


def _of_size(
    found: list[dict[str, Tensor]], truths: list[Truths], bounds: tuple[float, float]
) -> tuple[list[dict[str, Tensor]], list[Truths]]:
    """Objects outside the bounds as difficult ones, which neither help nor hurt, and the detections that
    count.

    A detection counts if its own size lies within the bounds, or if it overlaps an object within them by more
    than 0.5. Source: COCO, which ignores unmatched detections outside its area ranges.
    """
    left, kept, marked = iter(found), [], []
    for batch in truths:
        outside = ~_within(batch.boxes_xyxy, bounds)
        marked.append(replace(batch, difficult=batch.difficult | outside))
        for boxes, other in zip(batch.boxes_xyxy, outside | ~batch.present, strict=True):
            detections = next(left)
            counts = _within(detections["boxes"], bounds)
            if (~other).any():
                counts |= (jaccard(detections["boxes"], boxes[~other]) > 0.5).any(dim=1)
            kept.append({name: values[counts] for name, values in detections.items()})
    return kept, marked


def _within(boxes_xyxy: Tensor, bounds: tuple[float, float]) -> Tensor:
    size = (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]).clamp(min=0).prod(dim=-1).sqrt()
    return (size >= bounds[0]) & (size < bounds[1])


def _unchanged(batch: Batch, size: int) -> tuple[Tensor, Truths]:
    return resample(batch.images, size, sizes_px=batch.sizes_px), batch.truths


def _window(*corners: float) -> Change:
    """The part of each image inside a window, at the model's size."""

    def change(batch: Batch, size: int) -> tuple[Tensor, Truths]:
        windows = torch.tensor(corners, device=batch.images.device).expand(len(batch.images), 4)
        images = resample(batch.images, size, sizes_px=batch.sizes_px, windows_xyxy=windows)
        return images, crop_truths(batch.truths, windows)

    return change


def _smaller(batch: Batch, size: int) -> tuple[Tensor, Truths]:
    """Each image at half its size, in the middle of grey."""
    windows = torch.tensor([-0.5, -0.5, 1.5, 1.5], device=batch.images.device).expand(len(batch.images), 4)
    images = resample(batch.images, size // 2, sizes_px=batch.sizes_px)
    return pad(images, [size // 4] * 4, value=0.5), relative_to(batch.truths, windows)


def _recoloured(batch: Batch, size: int) -> tuple[Tensor, Truths]:
    """Red as green, green as blue, blue as red."""
    images, truths = _unchanged(batch, size)
    return images.roll(1, dims=1), truths


def _darker(batch: Batch, size: int) -> tuple[Tensor, Truths]:
    images, truths = _unchanged(batch, size)
    return 0.4 * images, truths


CHANGES: dict[str, Change] = {
    "larger": _window(0.2, 0.2, 0.8, 0.8),
    "smaller": _smaller,
    "stretched": _window(0.0, 0.2, 1.0, 0.8),
    "recoloured": _recoloured,
    "darker": _darker,
}
