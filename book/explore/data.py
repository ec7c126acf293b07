"""What the explorable figures show, made anew by each build from the package.

Scene: icons of :mod:`ssd_lite.data.icons` as SVG, which stretch with their box. Mining: a drawn scene, and
the confidence loss that the book's detector has on each of its default boxes, were it background. Objects:
boxes of real objects, which ``python -m benchmarks.explorables`` has drawn from three datasets.
"""

import base64
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from ssd_lite import models, objective
from ssd_lite.data import Scenes
from ssd_lite.data.examples import Example
from ssd_lite.data.icons import (
    BACKDROPS,
    ICONS,
    PAINTS,
    Colour,
    Stroke,
    inks,
)
from ssd_lite.models import SSD

FOLDER = Path(__file__).parent
DETECTOR = FOLDER.parent / "models" / "scenes.safetensors"

SCENE = 1
"""The scene of the chapter on mining."""

FADE = 0.75
"""How much of its darkness the scene's picture keeps."""

ICON_PAINTS = {"cat": (1, 7), "dog": (8, 6), "tree": (5, 0)}
"""The icons that the figures need, with the numbers of their two colours in ``PAINTS``."""


def scene() -> dict[str, Any]:
    """The ground of a scene, and its icons."""
    return {
        "backdrop": backdrop(),
        "icons": {name: icon(name) for name in ICON_PAINTS},
    }


def objects() -> dict[str, list[list[int]]]:
    """By dataset, some real objects: centre and size in thousandths of the image."""
    return dict(json.loads((FOLDER / "objects.json").read_text()))


def mining() -> dict[str, Any]:
    """The layout, the truths, the picture and the losses; a loss is 16 bits: 3600 · (its logarithm + 14)."""
    detector, example = models.load(DETECTOR), mined_scene()
    layout, classes = detector.default_boxes, detector.classes
    losses = background_losses(detector, example).double()
    written = ((losses.log() + 14) * 3600).round().clamp(0, 65535)
    truths = zip(
        example.truth.boxes_xyxy.tolist(),
        example.truth.labels.tolist(),
        strict=True,
    )
    return {
        "grids": [rows for rows, _ in layout.grids],
        "scales": layout.scales,
        "ratios": layout.aspect_ratios[0],
        "truths": [
            {"name": classes[label - 1], "box": box} for box, label in truths
        ],
        "picture": f"data:image/webp;base64,{picture(example)}",
        "losses": base64.b64encode(
            written.numpy().astype("<u2").tobytes()
        ).decode(),
    }


DATA = {"scene": scene, "objects": objects, "mining": mining}


def mined_scene() -> Example:
    """The scene whose negatives are mined."""
    return Scenes(count=SCENE + 1, seed=1)[SCENE]


def background_losses(detector: SSD, example: Example) -> torch.Tensor:
    """The confidence loss of every default box of a scene, were it background."""
    with torch.no_grad():
        logits = detector.eval()(example.image[None].float() / 255)[1]
    return objective.confidence_loss(
        logits, torch.zeros(logits.shape[:-1], dtype=torch.int64)
    )[0]


def picture(example: Example) -> str:
    """A scene, pale so that boxes stand out on it, as the file that a page holds, in base64."""
    pale = 255 - FADE * (255 - example.image.permute(1, 2, 0).float())
    file = io.BytesIO()
    Image.fromarray(pale.round().byte().numpy()).save(
        file, "webp", quality=80, method=6
    )
    return base64.b64encode(file.getvalue()).decode()


def backdrop() -> str:
    """Hills in a square of 100 by 100, in front of the sky that the style sheet has."""
    far, near = (hexadecimal(colour) for colour in BACKDROPS[0][2:])
    hills = (
        (20, 62, 40, far),
        (80, 58, 45, far),
        (45, 82, 60, near),
        (95, 88, 40, near),
    )
    return "".join(
        f"<ellipse cx='{x}' cy='{top + 60}' rx='{reach}' ry='60' fill='{ink}'/>"
        for x, top, reach, ink in hills
    )


def icon(name: str) -> str:
    """An icon as SVG in a square of 100 by 100."""
    colours = inks(*(PAINTS[number] for number in ICON_PAINTS[name]))
    return "".join(
        element(stroke, hexadecimal(colours[stroke.ink]))
        for stroke in ICONS[name].strokes
    )


def element(stroke: Stroke, ink: str) -> str:
    """One stroke as an SVG element."""
    points = [(100 * x, 100 * y) for x, y in stroke.points]
    if stroke.shape in ("polygon", "line"):
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        if stroke.shape == "polygon":
            return f"<polygon points='{path}' fill='{ink}'/>"
        return f"<polyline points='{path}' stroke='{ink}' stroke-width='{100 * stroke.width:g}'/>"
    (x0, y0), (x1, y1) = points
    if stroke.shape == "block":
        return f"<rect x='{x0:g}' y='{y0:g}' width='{x1 - x0:g}' height='{y1 - y0:g}' rx='6' fill='{ink}'/>"
    cx, cy, rx, ry = (x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2
    if stroke.shape == "ellipse":
        return f"<ellipse cx='{cx:g}' cy='{cy:g}' rx='{rx:g}' ry='{ry:g}' fill='{ink}'/>"
    return arc((cx, cy), (rx, ry), stroke, ink)


def arc(
    centre: Sequence[float], radii: Sequence[float], stroke: Stroke, ink: str
) -> str:
    """A part of an ellipse's edge, its whole width inside the ellipse as Pillow draws it."""
    width = 100 * stroke.width
    rx, ry = (radius - width / 2 for radius in radii)
    angles = [math.radians(angle) for angle in stroke.angles]
    (ax, ay), (bx, by) = (
        (centre[0] + rx * math.cos(a), centre[1] + ry * math.sin(a))
        for a in angles
    )
    far = int(angles[1] - angles[0] > math.pi)
    path = f"M{ax:.1f} {ay:.1f}A{rx:g} {ry:g} 0 {far} 1 {bx:.1f} {by:.1f}"
    return f"<path d='{path}' fill='none' stroke='{ink}' stroke-width='{width:g}'/>"


def hexadecimal(colour: Colour) -> str:
    """A colour as CSS writes it."""
    return "#" + "".join(f"{value:02x}" for value in colour[:3])
