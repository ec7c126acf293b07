"""Annotation files in the layouts of VOC, COCO and YOLO, written to a folder that is empty.

Each writer returns where the images belong, a path in the folder for each, and what its layout cannot say.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import yaml

from ssd_lite.data.images import Box
from ssd_lite.data.paths import IMAGE_SUFFIXES
from ssd_lite.data.problems import DatasetError, Problem
from ssd_lite.data.splits import ALL, meaning
from ssd_lite.data.validation import AnnotatedImage
from ssd_lite.messages import plural

Splits = Mapping[str, Sequence[AnnotatedImage]]

DECIMALS_PX, DECIMALS = 6, 10
"""Decimals of coordinates in pixels, and in fractions of the image."""

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Written(NamedTuple):
    """The images by the path in the folder where they belong, and what the layout cannot say."""

    images: list[tuple[Path, AnnotatedImage]]
    lost: list[str]


def write_voc(out: Path, splits: Splits, classes: Sequence[str]) -> Written:
    """XML in ``Annotations``, images in ``JPEGImages``, lists in ``ImageSets/Main``."""
    if bad := [name for name in classes if _NOT_IN_XML.search(name)]:
        rule = f"class {bad[0]!r} holds a character that XML cannot; rename it, or choose another layout"
        raise DatasetError([Problem("classes", rule)])
    every = {image.path: image for images in splits.values() for image in images}
    names = _unique_names(every.values())
    (out / "Annotations").mkdir()
    for path, image in every.items():
        tree = ElementTree.ElementTree(_voc_xml(image, names[path], classes))
        ElementTree.indent(tree)
        tree.write(out / "Annotations" / f"{Path(names[path]).stem}.xml", encoding="utf-8")
    for split, images in splits.items():
        if split != ALL:
            lines = "".join(f"{Path(names[image.path]).stem}\n" for image in images)
            _put(out / "ImageSets" / "Main" / f"{split}.txt", lines)
    unused = set(classes) - {classes[label - 1] for image in every.values() for label in image.labels}
    lost = [f"VOC cannot name {plural(len(unused), 'class', 'classes')} without objects"] if unused else []
    return Written([(Path("JPEGImages", names[path]), image) for path, image in every.items()], lost)


def write_coco(out: Path, splits: Splits, classes: Sequence[str]) -> Written:
    """``annotations/instances_SPLIT.json``, and images in a folder for each split.

    Difficult objects have a key of their own, ``"difficult": 1``, which other readers pass over.
    """
    placed: list[tuple[Path, AnnotatedImage]] = []
    categories = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
    for split, images in splits.items():
        names = _unique_names(images)
        content: dict[str, list[Any]] = {"images": [], "annotations": [], "categories": categories}
        for number, image in enumerate(images, 1):
            width, height = image.size_px
            entry = {"id": number, "file_name": names[image.path], "width": width, "height": height}
            content["images"].append(entry)
            for annotation in _coco_annotations(image):
                key = len(content["annotations"]) + 1
                content["annotations"].append({"id": key, "image_id": number, **annotation})
        _put(out / "annotations" / f"instances_{split}.json", json.dumps(content, ensure_ascii=False))
        folder = "images" if split == ALL else split
        placed += [(Path(folder, names[image.path]), image) for image in images]
    return Written(placed, [])


def write_yolo(out: Path, splits: Splits, classes: Sequence[str]) -> Written:
    """``images/SPLIT``, ``labels/SPLIT`` and ``data.yaml``; crowds are left out, since YOLO has none."""
    placed: list[tuple[Path, AnnotatedImage]] = []
    for split, images in splits.items():
        folder = "" if split == ALL else split
        names = _unique_names(images)
        for image in images:
            lines = "".join(_yolo_lines(image))
            _put(out / "labels" / folder / f"{Path(names[image.path]).stem}.txt", lines)
        placed += [(Path("images", folder, names[image.path]), image) for image in images]
    keys = Counter(meaning(split) for split in splits)
    places = {meaning(s) if keys[meaning(s)] == 1 else s: f"images/{s}" for s in splits if meaning(s)}
    content = {"path": ".", **places, "names": dict(enumerate(classes))}
    _put(out / "data.yaml", yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    objects = {image.path: (sum(image.difficult), sum(image.crowd)) for _, image in placed}
    counts = [sum(column) for column in zip(*objects.values(), strict=True)] or [0, 0]
    lost = []
    if counts[0]:
        lost.append(f"YOLO cannot say that an object is difficult: {plural(counts[0], 'object')}")
    if counts[1]:
        lost.append(f"YOLO knows no crowds: {plural(counts[1], 'crowd')} left out")
    return Written(placed, lost)


def _voc_xml(image: AnnotatedImage, file: str, classes: Sequence[str]) -> ElementTree.Element:
    root = ElementTree.Element("annotation")
    _add(root, "filename", file)
    size = ElementTree.SubElement(root, "size")
    for tag, side in zip(("width", "height", "depth"), (*image.size_px, 3), strict=True):
        _add(size, tag, side)
    for box, label, difficult, crowd in _objects(image):
        element = ElementTree.SubElement(root, "object")
        _add(element, "name", classes[label - 1])
        _add(element, "difficult", int(difficult))
        if crowd:
            _add(element, "iscrowd", 1)
        corners = ElementTree.SubElement(element, "bndbox")
        for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), _in_px(box, image), strict=True):
            _add(corners, tag, f"{value:.{DECIMALS_PX}f}".rstrip("0").rstrip("."))
    return root


def _coco_annotations(image: AnnotatedImage) -> Iterable[dict[str, Any]]:
    for box, label, difficult, crowd in _objects(image):
        x0, y0, x1, y1 = _in_px(box, image)
        width, height = round(x1 - x0, DECIMALS_PX), round(y1 - y0, DECIMALS_PX)
        yield {
            "category_id": label,
            "bbox": [x0, y0, width, height],
            "area": round(width * height, DECIMALS_PX),
            "segmentation": [],
            "iscrowd": int(crowd),
            **({"difficult": 1} if difficult else {}),
        }


def _yolo_lines(image: AnnotatedImage) -> Iterable[str]:
    for (x0, y0, x1, y1), label, _, crowd in _objects(image):
        if not crowd:
            numbers = ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
            yield f"{label - 1} {' '.join(f'{number:.{DECIMALS}f}' for number in numbers)}\n"


def _objects(image: AnnotatedImage) -> Iterable[tuple[Box, int, bool, bool]]:
    return zip(image.boxes_xyxy, image.labels, image.difficult, image.crowd, strict=True)


def _in_px(box: Box, image: AnnotatedImage) -> list[float]:
    return [round(side * size, DECIMALS_PX) for side, size in zip(box, image.size_px * 2, strict=True)]


def _unique_names(images: Iterable[AnnotatedImage]) -> dict[Path, str]:
    """A file name for each image: its own, with a number where several differ by folder or suffix alone."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for image in images:
        if image.path in names:
            continue
        stem, suffix = image.path.stem, image.path.suffix
        if suffix.lower() not in IMAGE_SUFFIXES:
            stem, suffix = image.path.name, ".jpg"  # readers know images by their suffix, formats by content
        free, number = stem, 2
        while free.lower() in taken:
            free, number = f"{stem}_{number}", number + 1
        taken.add(free.lower())
        names[image.path] = f"{free}{suffix}"
    return names


def _add(parent: ElementTree.Element, tag: str, value: object) -> None:
    ElementTree.SubElement(parent, tag).text = str(value)


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
