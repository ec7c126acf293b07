"""``ssd-lite detect``."""

import json
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from ssd_lite import models, plotting
from ssd_lite.cli.console import Bars, out
from ssd_lite.cli.options import Detector, Device, device_of
from ssd_lite.data import read_image
from ssd_lite.data.images import ImageError
from ssd_lite.files import write_atomic

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def detect(
    model: Detector,
    images: Annotated[list[Path], typer.Argument(help="Images, or folders of images.")],
    run: Annotated[Path, typer.Option("--out", help="Folder for pictures and detections.json.")] = Path(
        "detections"
    ),
    threshold: Annotated[float, typer.Option(min=0.0, max=1.0, help="Lowest score to draw and write.")] = 0.5,
    device: Device = None,
) -> None:
    """Detect objects in images: a picture of each with its boxes, and all boxes as JSON.

    Boxes are (x0, y0, x1, y1) in pixels of the image as it is displayed.
    """
    detector = models.load(model).to(device_of(device))
    paths = _image_paths(images)
    found: dict[str, list[dict[str, Any]]] = {}
    unreadable: list[str] = []
    with Bars() as on_progress:
        for number, path in enumerate(paths):
            try:
                image = read_image(path)
            except ImageError as error:
                unreadable.append(f"{path}: {error}")
                continue
            detections = detector.predict([image], score_threshold=threshold)[0]
            figure = plotting.detected(image, detections, detector.classes, threshold=threshold)
            plotting.save(figure, run / _picture_name(number, path, len(paths)))
            found[str(path)] = _as_json(detections, detector.classes)
            on_progress("detecting", number + 1, len(paths))
    write_atomic(run / "detections.json", json.dumps(found, indent=1).encode())
    objects = sum(len(boxes) for boxes in found.values())
    out.print(f"{objects} objects in {len(found)} images; pictures and detections.json are in {run}")
    if unreadable:
        raise ValueError("\n".join(unreadable))


def _image_paths(given: list[Path]) -> list[Path]:
    paths: list[Path] = []
    for path in given:
        if not path.exists():
            raise ValueError(f"{path}: no such file or folder")
        inside = (
            sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
            if path.is_dir()
            else [path]
        )
        if not inside:
            raise ValueError(f"{path}: holds no image ({', '.join(IMAGE_SUFFIXES)})")
        paths += inside
    return paths


def _picture_name(number: int, path: Path, count: int) -> str:
    """Names of their own for images of one name in several folders."""
    return f"{path.stem}.png" if count == 1 else f"{number:04d}-{path.stem}.png"


def _as_json(detections: dict[str, torch.Tensor], classes: tuple[str, ...]) -> list[dict[str, Any]]:
    boxes, scores = detections["boxes"].tolist(), detections["scores"].tolist()
    return [
        {"class": classes[label - 1], "score": round(score, 4), "box": [round(v, 1) for v in box]}
        for box, score, label in zip(boxes, scores, detections["labels"].tolist(), strict=True)
    ]
