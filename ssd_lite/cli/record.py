"""What the report of an evaluation records besides the numbers."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import ssd_lite
from ssd_lite.models import SSD
from ssd_lite.training.environment import machine


def about(path: Path, detector: SSD, data: dict[str, Any], *, metric: str) -> dict[str, Any]:
    """The metric, the detector's file, the dataset, and the machine with its versions."""
    return {
        "metric": metric,
        "model": {
            "file": str(path),
            "sha256": sha256(path.read_bytes()).hexdigest(),
            "architecture": detector.config.get("architecture"),
            "input size in pixels": detector.image_size,
            "options of detection": detector.detection or "defaults",
        },
        "data": data,
        "run": {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "ssd_lite": ssd_lite.__version__,
            **machine(detector.mean.device),
        },
    }
