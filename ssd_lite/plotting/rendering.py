"""Figures as bytes of a picture, as a data URI, or as pixels."""

from base64 import b64encode
from io import BytesIO
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

MEDIA_TYPES = {"png": "image/png", "svg": "image/svg+xml", "jpeg": "image/jpeg"}

OPTIONS: dict[str, dict[str, Any]] = {
    "png": {"metadata": {"Software": None}},
    "svg": {"metadata": {"Date": None}},
    "jpeg": {"pil_kwargs": {"quality": 85}},
}
"""What keeps dates and versions out of the files, and photos small."""


def to_bytes(figure: Figure, kind: str = "png", *, dpi: float | None = None) -> bytes:
    """The figure as a file of that kind (png, svg or jpeg), always the same for the same figure; closes it.

    Raises ``ValueError`` for another kind.
    """
    if kind not in MEDIA_TYPES:
        raise ValueError(f"kind must be one of {', '.join(MEDIA_TYPES)}, got {kind!r}")
    options = OPTIONS[kind]
    content = BytesIO()
    with plt.rc_context({"svg.hashsalt": "ssd_lite"}):
        figure.savefig(content, format=kind, dpi=dpi or figure.dpi, **options)
    plt.close(figure)
    return content.getvalue()


def data_uri(figure: Figure, kind: str = "png", *, dpi: float | None = None) -> str:
    """The figure as a ``data:`` address, so that a page holds it itself; closes it."""
    return f"data:{MEDIA_TYPES.get(kind)};base64,{b64encode(to_bytes(figure, kind, dpi=dpi)).decode()}"


def to_pixels(figure: Figure) -> np.ndarray:
    """The figure's pixels in RGB, uint8 (height, width, 3); closes it."""
    canvas: Any = figure.canvas
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    plt.close(figure)
    return pixels
