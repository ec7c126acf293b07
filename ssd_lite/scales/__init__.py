"""Default boxes: their scales, aspect ratios and tiling, and how well they cover a dataset.

Explained in chapter 3, ``book/03-scales.ipynb``.
"""

from ssd_lite.scales.default_boxes import DefaultBoxes, defaults_cxcywh
from ssd_lite.scales.fitting import Coverage, coverage, fit
from ssd_lite.scales.layouts import linear_scales, paper, ssd300_coco, ssd300_voc, ssd512_coco, ssd512_voc

__all__ = [
    "Coverage",
    "DefaultBoxes",
    "coverage",
    "defaults_cxcywh",
    "fit",
    "linear_scales",
    "paper",
    "ssd300_coco",
    "ssd300_voc",
    "ssd512_coco",
    "ssd512_voc",
]
