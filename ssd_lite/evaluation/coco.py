"""COCO's metrics, computed by pycocotools."""

import contextlib
import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ssd_lite.evaluation.precision import AveragePrecision
from ssd_lite.evaluation.tables import AnyTruths, Boxes, Ids, ImageTables

COCO_METRICS = (
    *("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"),
    *("AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"),
)


class COCOEvaluator:
    """COCO's metrics by pycocotools: ``mean`` is over classes and overlaps of 0.50, 0.55, …, 0.95.

    Boxes must be in pixels, because small, medium and large are ranges of area; here the area of boxes,
    while COCO's own numbers use that of masks. A difficult object becomes COCO's ``iscrowd``: it is not
    counted, any number of detections may match it, and its overlap is the share of the *detection* that it
    covers. Only the best 100 detections per image and class count. Ties are resolved as pycocotools does:
    equal scores by image, then by index within the image; equal overlaps go to the *later* object. Raises
    ``ImportError`` without pycocotools.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        _pycocotools()  # raises for a missing package now, not hours later
        self.images = ImageTables(classes)

    def update(self, detections: Boxes, truths: AnyTruths, *, image_ids: Ids = None) -> None:
        """Add images as :meth:`VOCEvaluator.update` does."""
        self.images.add(detections, truths, image_ids)

    def merge(self, others: Iterable["COCOEvaluator"]) -> None:
        """Add the images of other evaluators as :meth:`VOCEvaluator.merge` does."""
        self.images.merge([other.images for other in others])

    def compute(self) -> AveragePrecision:
        """The result for all images so far, with NaN where COCO has -1."""
        found, truths, counts = self.images.tables(pixels=True)
        coco, coco_eval = _pycocotools()
        with contextlib.redirect_stdout(io.StringIO()):
            ground_truth = _fill(coco(), truths, "iscrowd", len(counts))
            run = coco_eval(ground_truth, _fill(coco(), found, "score", len(counts)), "bbox")
            run.evaluate()
            run.accumulate()
            run.summarize()
        curves = run.eval["precision"][:, :, :, 0, -1]  # (overlap, recall, class), any size, best 100
        numbers = np.concatenate([run.stats, curves.mean(axis=(0, 1))])
        values = iter(np.where(numbers < 0, math.nan, numbers).tolist())
        metrics, per_class = (
            {name: next(values) for name in COCO_METRICS},
            {name: next(values) for name in counts},
        )
        metric = "COCO, IoU 0.50 to 0.95"
        return AveragePrecision(metrics["AP"], per_class, counts, metrics=metrics, metric=metric)


def _pycocotools() -> tuple[Any, Any]:
    try:
        from pycocotools.coco import COCO  # noqa: PLC0415 - an extra that most readers do without
        from pycocotools.cocoeval import COCOeval  # noqa: PLC0415
    except ImportError as error:
        raise ImportError("COCOEvaluator needs pycocotools: pip install ssd-lite[coco]") from error
    return COCO, COCOeval


def _fill(coco: Any, tables: list[Tensor], column: str, num_classes: int) -> Any:
    """The COCO dataset filled with the tables, whose column 4 is stored under the name ``column``."""
    rows = [(image, *row) for image, table in enumerate(tables) for row in table.tolist()]
    annotations = [
        {"id": number, "image_id": image, "category_id": int(label), "bbox": [x0, y0, x1 - x0, y1 - y0]}
        | {"area": (x1 - x0) * (y1 - y0), column: value}
        for number, (image, x0, y0, x1, y1, value, label) in enumerate(rows, start=1)  # 0 means unmatched
    ]
    categories = [{"id": label} for label in range(1, num_classes + 1)]
    images = [{"id": image} for image in range(len(tables))]
    coco.dataset = {"images": images, "categories": categories, "annotations": annotations}
    coco.createIndex()
    return coco
