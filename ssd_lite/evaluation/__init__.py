"""Evaluation: average precision as VOC defines it, written here; COCO's numbers through pycocotools.

Both evaluators take detections as torchvision's detectors return them, one dictionary an image with ``boxes``
(n, 4) by corners, ``scores`` (n,) and ``labels`` int64 (n,), on any device; and truths as ``Truths``, or one
``Truth`` an image, or one dictionary an image with ``boxes``, ``labels`` and perhaps ``difficult``. Labels
count from 1: ``classes`` names the objects, without background.
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
