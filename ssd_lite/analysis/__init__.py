"""What a detector does well and badly: average precision by class, size and overlap, errors, confusions.

:func:`analyse` takes the detections and truths of a dataset and returns an :class:`Analysis`.
"""

from ssd_lite.analysis.analysis import Analysis, analyse
from ssd_lite.analysis.errors import KINDS
from ssd_lite.analysis.images import ImageResult
from ssd_lite.analysis.ranges import IOU_THRESHOLDS, PartialAP
from ssd_lite.analysis.repairs import REPAIRS, Errors
from ssd_lite.analysis.thresholds import BestThreshold

__all__ = [
    "IOU_THRESHOLDS",
    "KINDS",
    "REPAIRS",
    "Analysis",
    "BestThreshold",
    "Errors",
    "ImageResult",
    "PartialAP",
    "analyse",
]
