"""Average precision of a detector on held-out images."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from jaxtyping import Int64
from torch import Tensor

from ssd_lite.data import BatchSource
from ssd_lite.data.order import in_order
from ssd_lite.deprecation import renamed_arguments
from ssd_lite.evaluation import AveragePrecision, COCOEvaluator, VOCEvaluator
from ssd_lite.models import SSD
from ssd_lite.training.distributed import ProcessGroup
from ssd_lite.training.logging import ProgressCallback
from ssd_lite.truths import Truths

METRICS = ("voc", "coco")


@renamed_arguments(report="on_progress", ranks="group")
def evaluate(
    model: SSD,
    images: BatchSource,
    *,
    batch: int = 32,
    metric: str = "voc",
    method: str = "area",
    iou_threshold: float = 0.5,
    on_progress: ProgressCallback | None = None,
    group: ProcessGroup | None = None,
) -> AveragePrecision:
    """Average precision of the model's detections, made with the options of its ``predict``.

    ``metric="voc"`` is VOC's, by ``method`` at ``iou_threshold``. ``"coco"`` gives COCO's twelve numbers and
    ignores both; boxes are then in pixels of the images as ``images`` holds them, so small, medium and large
    mean what COCO means only where no image was shrunk to fit the canvas.

    The processes of a ``group`` share the images, and each returns the result of all.

    Raises ``ValueError`` for an unknown metric, and when model and images have different classes.
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
    if tuple(images.classes) != model.classes:
        raise ValueError(
            f"the model's classes are {model.classes}, but the images' are {tuple(images.classes)}"
        )
    device = next(model.parameters()).device
    group = group or ProcessGroup()
    uses_pixels = metric == "coco"
    new_evaluator: Callable[[], Any] = partial(
        VOCEvaluator, model.classes, iou_threshold=iou_threshold, method=method
    )
    if uses_pixels:
        new_evaluator = partial(COCOEvaluator, model.classes)
    evaluator, done = new_evaluator(), 0
    order = list(in_order(len(images), batch))[group.rank :: group.size]
    for indices, found in zip(order, images.batches(order), strict=True):
        moved = found.to(device)
        detections = model.predict(moved.images, sizes_px=moved.sizes_px, relative=not uses_pixels)
        truths = in_pixels(found.truths, found.sizes_px) if uses_pixels else found.truths
        evaluator.update([{k: v.cpu() for k, v in d.items()} for d in detections], truths, image_ids=indices)
        done += len(found.names) * group.size
        if on_progress is not None:
            on_progress("evaluating", min(done, len(images)), len(images))
    together = new_evaluator()
    together.merge(group.gather(evaluator))
    result: AveragePrecision = together.compute()
    return result


def in_pixels(truths: Truths, sizes_px: Int64[Tensor, "b 2"]) -> Truths:
    """The truths with boxes in pixels of their images of the given (height, width)."""
    scale = sizes_px.flip(-1).repeat(1, 2).unsqueeze(1)  # (b, 1, 4) as width, height, width, height
    return replace(truths, boxes_xyxy=truths.boxes_xyxy * scale)
