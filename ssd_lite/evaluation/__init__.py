"""Evaluation: average precision as VOC defines it, and COCO's metrics through pycocotools.

Both evaluators take detections as torchvision's detectors return them, one dictionary per image with
``boxes`` (n, 4) as corners, ``scores`` (n,) and ``labels`` int64 (n,), on any device. They take ground truth
as ``Truths``, as one ``Truth`` per image, or as one dictionary per image with ``boxes``, ``labels`` and
optionally ``difficult``. Labels count from 1: ``classes`` holds the names of the objects, without
background.

Explained in chapter 6, ``book/06-training.ipynb``.
"""

from ssd_lite.evaluation.coco import COCO_METRICS, COCOEvaluator
from ssd_lite.evaluation.precision import METHODS, AveragePrecision, average_precision
from ssd_lite.evaluation.voc import VOCEvaluator

__all__ = [
    "COCO_METRICS",
    "METHODS",
    "AveragePrecision",
    "COCOEvaluator",
    "VOCEvaluator",
    "average_precision",
]
