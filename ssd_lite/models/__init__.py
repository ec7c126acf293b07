"""Detectors: built by name, stored in files, converted to and from torchvision's.

Explained in chapter 6, ``book/06-training.ipynb``.
"""

from ssd_lite.models.files import about, build, load, to_bytes
from ssd_lite.models.ssd import SSD
from ssd_lite.models.torchvision_ssd import TORCHVISION_COCO_CLASSES, from_torchvision, to_torchvision
from ssd_lite.models.zoo import (
    MODELS,
    ssd300_mobilenet_v2,
    ssd300_vgg16,
    ssd512_vgg16,
    ssd_tiny,
    tiny_default_boxes,
)

__all__ = [
    "MODELS",
    "SSD",
    "TORCHVISION_COCO_CLASSES",
    "about",
    "build",
    "from_torchvision",
    "load",
    "ssd300_mobilenet_v2",
    "ssd300_vgg16",
    "ssd512_vgg16",
    "ssd_tiny",
    "tiny_default_boxes",
    "to_bytes",
    "to_torchvision",
]
