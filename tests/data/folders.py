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
    if path.suffix.lower() in (".jpg", ".jpeg"):
        options |= {"comment": f"{path.parent.name}/{path.name}"}  # no two files with the same content
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


# ---- the forms that other tools write: each image shows a king at (4, 3, 20, 15) of its 40 × 30 pixels

KING_XML = voc_xml(voc_object(("king", 4, 3, 20, 15)))
KING_TXT = "0 0.3 0.3 0.4 0.4\n"


def write_voc_flat(root: Path, names: str = "abc") -> Path:
    """XML beside the images, as labelImg writes it."""
    for name in names:
        write_image(root / f"{name}.jpg")
        put(root / f"{name}.xml", KING_XML)
    return root


def write_voc_splits(root: Path) -> Path:
    """A folder for each split, XML beside the images, as Roboflow writes it."""
    for split, names in (("train", "abc"), ("valid", "de"), ("test", "f")):
        write_voc_flat(root / split, names)
    return root


def one_king(*names: str) -> str:
    """A COCO file of images with a king each; like Roboflow's it has a category for the supercategory."""
    images = [
        {"id": number, "file_name": name, "width": 40, "height": 30} for number, name in enumerate(names)
    ]
    kings = [
        {"id": number, "image_id": number, "category_id": 1, "bbox": [4, 3, 16, 12], "iscrowd": 0}
        for number in range(len(names))
    ]
    categories = [{"id": 0, "name": "cards", "supercategory": "none"}]
    categories.append({"id": 1, "name": "king", "supercategory": "cards"})
    return json.dumps({"images": images, "annotations": kings, "categories": categories})


def write_coco_standard(root: Path) -> Path:
    """``annotations/instances_SPLIT.json`` and a folder of images for each split."""
    for split, names in (("train2017", "abc"), ("val2017", "de")):
        for name in names:
            write_image(root / split / "batch 1" / f"{name}.jpg")
        text = one_king(*(f"batch 1/{name}.jpg" for name in names))
        put(root / "annotations" / f"instances_{split}.json", text)
    return root


def write_coco_roboflow(root: Path) -> Path:
    """A JSON file beside the images of each split."""
    for split, names in (("train", "abc"), ("valid", "de")):
        for name in names:
            write_image(root / split / f"{name}.jpg")
        put(root / split / "_annotations.coco.json", one_king(*(f"{name}.jpg" for name in names)))
    return root


def write_coco_single(root: Path) -> Path:
    """One JSON file beside the folder ``images``, with paths, as Label Studio writes it."""
    for name in "abc":
        write_image(root / "images" / f"{name}.jpg")
    put(root / "result.json", one_king(*(f"images\\{name}.jpg" for name in "abc")))
    return root


YOLO_FORMS = {
    "images/train": ("images/train", "labels/train", "images/val", "labels/val"),
    "train/images": ("train/images", "train/labels", "valid/images", "valid/labels"),
    "beside": ("train", "train", "valid", "valid"),
}


def write_yolo(root: Path, form: str = "images/train", *, yaml: str | None = None) -> Path:
    """YOLO's layout, two images to train on and one to validate on; ``yaml`` is all of ``data.yaml``."""
    train, train_labels, val, val_labels = YOLO_FORMS[form]
    for images, labels, names in ((train, train_labels, "ab"), (val, val_labels, "c")):
        for name in names:
            write_image(root / images / f"{name}.jpg")
            put(root / labels / f"{name}.txt", KING_TXT)
    put(root / "data.yaml", f"train: ../{train}\nval: ../{val}\nnames: [king]\n" if yaml is None else yaml)
    return root
