"""A detector measured on images it has not seen."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from jaxtyping import Int64
from torch import Tensor

from ssd_lite.data.loading import BatchSource, in_order
from ssd_lite.evaluation import AveragePrecision, COCOEvaluator, VOCEvaluator
from ssd_lite.models import SSD
from ssd_lite.training.distributed import ProcessGroup
from ssd_lite.training.sources import ProgressCallback
from ssd_lite.truths import Truths

METRICS = ("voc", "coco")


def evaluate(
    model: SSD,
    images: BatchSource,
    *,
    batch: int = 32,
    metric: str = "voc",
    method: str = "area",
    iou_threshold: float = 0.5,
    on_progress: ProgressCallback | None = None,
    ranks: ProcessGroup | None = None,
) -> AveragePrecision:
    """Average precision of the model's detections, with the released code's caps or the model's own.

    ``metric`` "voc" is VOC's, by ``method`` at ``iou_threshold``. "coco" gives COCO's twelve numbers, which
    use neither; boxes are then in pixels of the images as ``images`` holds them, so that small, medium and
    large mean what COCO means only where no image was shrunk to its canvas.

    Several processes share the images by ``ranks``; each of them gets the result.

    Raises ``ValueError`` for an unknown metric, and when model and images have different classes.
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
    if tuple(images.classes) != model.classes:
        raise ValueError(f"the model knows {model.classes}, but the images hold {tuple(images.classes)}")
    device = next(model.parameters()).device
    ranks = ranks or ProcessGroup()
    in_px = metric == "coco"
    new: Callable[[], Any] = partial(VOCEvaluator, model.classes, iou_threshold=iou_threshold, method=method)
    if in_px:
        new = partial(COCOEvaluator, model.classes)
    evaluator, done = new(), 0
    order = list(in_order(len(images), batch))[ranks.rank :: ranks.size]
    for indices, found in zip(order, images.batches(order), strict=True):
        moved = found.to(device)
        detections = model.predict(moved.images, sizes_px=moved.sizes_px, relative=not in_px)
        truths = in_pixels(found.truths, found.sizes_px) if in_px else found.truths
        evaluator.update([{k: v.cpu() for k, v in d.items()} for d in detections], truths, image_ids=indices)
        done += len(found.names) * ranks.size
        if on_progress is not None:
            on_progress("evaluating", min(done, len(images)), len(images))
    together = new()
    together.merge(ranks.gather(evaluator))
    result: AveragePrecision = together.compute()
    return result


def in_pixels(truths: Truths, sizes_px: Int64[Tensor, "b 2"]) -> Truths:
    """The truths with boxes in pixels of their images, whose (height, width) are given."""
    scale = sizes_px.flip(-1).repeat(1, 2).unsqueeze(1)  # (b, 1, 4) as width, height, width, height
    return replace(truths, boxes_xyxy=truths.boxes_xyxy * scale)
