"""Detectors for use without this package: ONNX files, and programs of ``torch.export``.

Both normalise their input themselves and take a batch of any length: ``images`` (b, 3, size, size), RGB.
They return

- with suppression, as :func:`ssd_lite.detection.detect` does: ``boxes`` (b, n, 4) as xyxy relative to the
  image, ``scores`` (b, n) in falling order, and ``labels`` (b, n) from 1. n is the same for every image;
  unused rows are zeros, with label 0, background;
- without suppression: ``boxes`` (b, d, 4), decoded and clipped, and ``scores`` (b, d, c) after the softmax,
  background first.
"""

from ssd_lite.export.files import FORMATS, save
from ssd_lite.export.onnx import OPSET, to_onnx
from ssd_lite.export.program import ABOUT, to_torch
from ssd_lite.export.settings import FORMAT, Settings

__all__ = ["ABOUT", "FORMAT", "FORMATS", "OPSET", "Settings", "save", "to_onnx", "to_torch"]
