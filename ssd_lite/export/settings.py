"""The options fixed in an exported file, and the description of its input and output."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ssd_lite.detection import DetectionOptions
from ssd_lite.models import SSD

FORMAT = "ssd_lite export 1"


Settings = DetectionOptions
"""The options of :func:`ssd_lite.detection.detect`, which are fixed in the exported file."""


def settings_of(model: SSD, options: Mapping[str, Any]) -> Settings:
    """The model's options of detection, overridden by ``options``. ``ValueError`` names an invalid one."""
    return Settings(**{**model.detection, **options})


def description(model: SSD, settings: Settings, *, detections: bool, uint8: bool) -> dict[str, Any]:
    """What a user of the file must know, as it is stored in the file."""
    size, values = model.image_size, "uint8 from 0 to 255" if uint8 else "float32 in [0, 1]"
    outputs = (
        "boxes (b, n, 4): x0, y0, x1, y1 relative to the image; scores (b, n), highest first; labels (b, n): "
        "1 is the first of classes, 0 marks unused rows"
        if detections
        else "boxes (b, d, 4): x0, y0, x1, y1 relative to the image; scores (b, d, c): column 0 is "
        "background, column 1 the first of classes"
    )
    fixed = {name: None if value == math.inf else value for name, value in asdict(settings).items()}
    return {
        "format": FORMAT,
        "architecture": str(model.config["architecture"]),
        "classes": list(model.classes),
        "image_size": size,
        "input": f"images (b, 3, {size}, {size}), RGB, {values}, stretched to a square; normalised inside",
        "outputs": outputs,
        "detection": fixed if detections else {"largest_growth": fixed["largest_growth"]},
    }
