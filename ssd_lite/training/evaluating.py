"""A detector measured on images it has not seen."""

from functools import partial

from ssd_lite.data.loading import Source, in_order
from ssd_lite.evaluation import AveragePrecision, VOCEvaluator
from ssd_lite.models import SSD
from ssd_lite.training.distributed import Ranks
from ssd_lite.training.sources import Report


def evaluate(
    model: SSD,
    images: Source,
    *,
    batch: int = 32,
    method: str = "area",
    iou_threshold: float = 0.5,
    report: Report | None = None,
    ranks: Ranks | None = None,
) -> AveragePrecision:
    """VOC's average precision of the model's detections, with the released code's caps.

    Several processes share the images by ``ranks``; each of them gets the result.

    Raises ``ValueError`` when model and images have different classes.
    """
    if tuple(images.classes) != model.classes:
        raise ValueError(f"the model knows {model.classes}, but the images hold {tuple(images.classes)}")
    device = next(model.parameters()).device
    ranks = ranks or Ranks()
    new = partial(VOCEvaluator, model.classes, iou_threshold=iou_threshold, method=method)
    evaluator, done = new(), 0
    order = list(in_order(len(images), batch))[ranks.rank :: ranks.size]
    for indices, found in zip(order, images.batches(order), strict=True):
        moved = found.to(device)
        detections = model.predict(moved.images, sizes_px=moved.sizes_px, relative=True)
        evaluator.update(
            [{k: v.cpu() for k, v in d.items()} for d in detections], found.truths, image_ids=indices
        )
        done += len(found.names) * ranks.size
        if report is not None:
            report("evaluating", min(done, len(images)), len(images))
    together = new()
    together.merge(ranks.gather(evaluator))
    return together.compute()
