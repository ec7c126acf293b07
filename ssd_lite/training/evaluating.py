"""A detector measured on images it has not seen."""

import torch

from ssd_lite.data.loading import Source, in_order
from ssd_lite.evaluation import AveragePrecision, VOCEvaluator
from ssd_lite.models import SSD
from ssd_lite.training.sources import Report


def evaluate(
    model: SSD,
    images: Source,
    *,
    batch: int = 32,
    method: str = "area",
    iou_threshold: float = 0.5,
    report: Report | None = None,
) -> AveragePrecision:
    """VOC's average precision of the model's detections, with the released code's caps.

    Raises ``ValueError`` when model and images have different classes.
    """
    if tuple(images.classes) != model.classes:
        raise ValueError(f"the model knows {model.classes}, but the images hold {tuple(images.classes)}")
    device = next(model.parameters()).device
    evaluator = VOCEvaluator(model.classes, iou_threshold=iou_threshold, method=method)
    done = 0
    for found in images.batches(in_order(len(images), batch)):
        moved = found.to(device)
        detections = model.predict(moved.images, sizes_px=moved.sizes_px, relative=True)
        evaluator.update([{k: v.cpu() for k, v in d.items()} for d in detections], found.truths)
        done += len(found.names)
        if report is not None:
            report("evaluating", done, len(images))
    return evaluator.compute()


def default_device() -> torch.device:
    """The GPU where there is one, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
