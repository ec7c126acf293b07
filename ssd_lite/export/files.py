"""Writing exported detectors to disk."""

from pathlib import Path
from typing import Any

from ssd_lite.export.onnx import to_onnx
from ssd_lite.export.program import to_torch
from ssd_lite.files import write_atomic
from ssd_lite.models import SSD

FORMATS = {"onnx": ".onnx", "torch": ".pt2"}
"""The usual suffix of each format."""


def save(
    model: SSD,
    path: str | Path,
    *,
    format: str | None = None,
    detections: bool = True,
    uint8: bool = False,
    overwrite: bool = False,
    **options: Any,
) -> None:
    """Write the detector to a file, completely or not at all.

    ``format`` is ``"onnx"`` or ``"torch"``; by default it follows from the suffix, .onnx or .pt2.
    ``detections=False`` leaves out suppression. ``uint8=True`` takes images from 0 to 255, otherwise they
    are float32 in [0, 1]. ``options`` are those of :func:`ssd_lite.detection.detect` and override the
    model's ``detection``.

    Raises ``ValueError`` for an unknown format, for a folder, and for an existing file unless
    ``overwrite=True``; ``ImportError`` if the packages for ONNX are not installed.
    """
    path = Path(path)
    format = format or _format_of(path)
    if format not in FORMATS:
        raise ValueError(f"format must be {' or '.join(FORMATS)}, got {format!r}")
    if path.is_dir():
        raise ValueError(f"{path}: is a folder; give the name of a file")
    if path.exists() and not overwrite:
        raise ValueError(f"{path}: exists already; choose another name, or overwrite it")
    convert = to_onnx if format == "onnx" else to_torch
    write_atomic(path, convert(model, detections=detections, uint8=uint8, **options))


def _format_of(path: Path) -> str:
    for name, suffix in FORMATS.items():
        if path.suffix == suffix:
            return name
    raise ValueError(f"{path}: name must end in {' or '.join(FORMATS.values())}, unless a format is given")
