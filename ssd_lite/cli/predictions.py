"""A detector's detections in a whole dataset."""

from typing import NamedTuple

import torch
from torch import Tensor

from ssd_lite.data import BatchSource
from ssd_lite.data.order import in_order
from ssd_lite.models import SSD
from ssd_lite.training import ProgressCallback
from ssd_lite.truths import Truth

Boxes = dict[str, Tensor]


class Predictions(NamedTuple):
    """Detections and truths of every image, with relative boxes, on the CPU; its name and (height, width)."""

    detections: list[Boxes]
    truths: list[Truth]
    names: list[str]
    sizes_px: list[tuple[int, int]]

    def in_pixels(self) -> tuple[list[Boxes], list[Boxes]]:
        """Detections and truths with boxes in pixels."""
        scales = [torch.tensor([width, height, width, height]) for height, width in self.sizes_px]
        detections = [
            found | {"boxes": found["boxes"] * scale}
            for found, scale in zip(self.detections, scales, strict=True)
        ]
        truths = [
            {"boxes": truth.boxes_xyxy * scale, "labels": truth.labels, "difficult": truth.difficult}
            for truth, scale in zip(self.truths, scales, strict=True)
        ]
        return detections, truths


def predict(detector: SSD, images: BatchSource, *, batch: int, on_progress: ProgressCallback) -> Predictions:
    """The detections in all images, made with the options of the detector's ``predict``."""
    device = detector.mean.device
    order = list(in_order(len(images), batch))
    predictions = Predictions([], [], [], [])
    for found in images.batches(order):
        moved = found.to(device)
        detections = detector.predict(moved.images, sizes_px=moved.sizes_px, relative=True)
        predictions.detections.extend({name: value.cpu() for name, value in d.items()} for d in detections)
        predictions.truths.extend(found.truths.to("cpu").unpadded())
        predictions.names.extend(found.names)
        predictions.sizes_px.extend((height, width) for height, width in found.sizes_px.tolist())
        on_progress("evaluating", len(predictions.names), len(images))
    return predictions
