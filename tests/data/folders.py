"""Small annotated folders, written for a test to spoil."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

EXIF_ORIENTATION = 0x0112

Mark = tuple[object, ...]
"""The name of an object and its four corners, which a test may make anything."""


def write_image(
    path: Path, size: tuple[int, int] = (40, 30), *, orientation: int = 1, **options: Any
) -> Path:
    """A picture whose every pixel differs from its neighbours, and no quarter from another by turning."""
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    exif = Image.Exif()
    if orientation != 1:
        exif[EXIF_ORIENTATION] = orientation
        options["exif"] = exif
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.stack([x, y, 255 - x], axis=2).astype(np.uint8)).save(path, **options)
    return path


def voc_object(mark: Mark, extra: str = "<difficult>0</difficult>") -> str:
    name, *corners = mark
    sides = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    box = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
    return f"<object><name>{name}</name>{extra}<bndbox>{box}</bndbox></object>"


def voc_xml(
    objects: str, size: str = "<width>40</width><height>30</height><depth/>", filename: str = ""
) -> str:
    head = f"<filename>{filename}</filename><size>{size}</size><segmented>0</segmented>"
    return f"<annotation>{head}{objects}</annotation>"


def write_voc(root: Path, splits: dict[str, Sequence[str]] | None = None) -> Path:
    """Three images, "a" with a king and a queen, "b" with a king, "c" with nothing; train is a b, test c."""
    marks: dict[str, list[Mark]] = {
        "a": [("queen", 4, 3, 20, 15), ("king", 0, 0, 40, 30)],
        "b": [("king", 10.5, 6, 20, 12)],
        "c": [],
    }
    for name, objects in marks.items():
        write_image(root / "JPEGImages" / f"{name}.jpg")
        put(root / "Annotations" / f"{name}.xml", voc_xml("".join(map(voc_object, objects))))
    for split, names in ({"train": "ab", "test": "c"} if splits is None else splits).items():
        put(root / "ImageSets" / "Main" / f"{split}.txt", "\n".join(names) + "\n")
    return root


def coco_content() -> dict[str, Any]:
    """The same three images and objects, ids out of order, with one crowd."""
    return {
        "images": [
            {"id": 7, "file_name": "a.jpg", "width": 40, "height": 30},
            {"id": 3, "file_name": "b.jpg", "width": 40, "height": 30},
            {"id": 5, "file_name": "c.jpg", "width": 40, "height": 30},
        ],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 2, "bbox": [4, 3, 16, 12], "iscrowd": 0},
            {"id": 2, "image_id": 3, "category_id": 9, "bbox": [10.5, 6, 9.5, 6], "iscrowd": 1},
            {"id": 3, "image_id": 7, "category_id": 9, "bbox": [0, 0, 40, 30]},
        ],
        "categories": [{"id": 9, "name": "king"}, {"id": 2, "name": "queen"}],
    }


def write_coco(root: Path, content: Any = None) -> tuple[Path, Path]:
    """The folder of images and the annotation file."""
    for name in "abc":
        write_image(root / "images" / f"{name}.jpg")
    return root / "images", put(
        root / "instances.json", json.dumps(coco_content() if content is None else content)
    )


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
