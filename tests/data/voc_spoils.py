"""Ways to spoil a folder in VOC layout, and what must be said of each."""

from collections.abc import Callable
from pathlib import Path

import torch

from ssd_lite.data.voc import VOCFolder
from tests.data.folders import put, voc_object, voc_xml

KING = ("king", 4, 3, 20, 15)


def boxes_px(folder: VOCFolder, index: int, size: tuple[int, int] = (40, 30)) -> list[list[float]]:
    return (folder.truth(index).boxes_xyxy * torch.tensor([*size, *size])).tolist()


Spoil = Callable[[Path], object]


def a_xml(objects: str, **options: str) -> Spoil:
    return lambda root: put(root / "Annotations" / "a.xml", voc_xml(objects, **options))


def a_box(*corners: object) -> Spoil:
    return a_xml(voc_object(("queen", 1, 1, 5, 5)) + voc_object(("king", *corners)))


def a_text(text: str) -> Spoil:
    return lambda root: put(root / "Annotations" / "a.xml", text)


def train(text: str) -> Spoil:
    return lambda root: put(root / "ImageSets" / "Main" / "train.txt", text)


def move(source: str, goal: str) -> Spoil:
    return lambda root: (root / source).rename(root / goal)


def both(*spoils: Spoil) -> Spoil:
    return lambda root: [spoil(root) for spoil in spoils]


A, TRAIN, SECOND = "Annotations/a.xml", "ImageSets/Main/train.txt", "object 2 (king)"
INSIDE, CORNERS = (
    "box must lie inside the image of 40 × 30 pixels",
    "box must have xmin < xmax and ymin < ymax",
)

# A problem of one object leaves the image in; one of an image leaves "b" alone in the split.
OBJECT_ERRORS = {
    "zero width": (a_box(7, 3, 7, 9), f"{CORNERS}, got (7, 3, 7, 9)"),
    "zero height": (a_box(7, 3, 9, 3), f"{CORNERS}, got (7, 3, 9, 3)"),
    "swapped": (a_box(20, 3, 7, 9), f"{CORNERS}, got (20, 3, 7, 9)"),
    "left of the image": (a_box(-7.5, 3, 7, 9), f"{INSIDE}, got (-7.5, 3, 7, 9)"),
    "above the image": (a_box(1, -9, 7, 8), INSIDE),
    "right of the image": (a_box(39, 3, 41.5, 9), f"{INSIDE}, got (39, 3, 41.5, 9)"),
    "below the image": (a_box(1, 30, 7, 31), INSIDE),
    "vanishing": (a_box(1, 3, 1.0000001, 9), "box must be at least 1e-06 of its image wide and high"),
    "not a number": (a_box("nan", 3, 7, 9), "box must be finite, got (nan, 3, 7, 9)"),
    "infinite": (a_box(1, 3, "inf", 9), "box must be finite"),
    "overflowing": (a_box(1, 3, "1e999", 9), "box must be finite"),
    "text": (a_box("x", 3, 7, 9), "xmin must be a number, got 'x'"),
    "empty": (a_box(1, 3, 7, ""), "ymax must be a number, got ''"),
    "no bndbox": (
        a_xml(voc_object(("queen", 1, 1, 5, 5)) + "<object><name>king</name></object>"),
        "bndbox must be given",
    ),
    "bndbox of a part only": (
        a_xml(
            voc_object(("queen", 1, 1, 5, 5))
            + f"<object><name>king</name><part>{voc_object(KING)}<bndbox/></part></object>"
        ),
        "bndbox must be given",
    ),
    "difficult": (
        a_xml(voc_object(("queen", 1, 1, 5, 5)) + voc_object(KING, "<difficult>maybe</difficult>")),
        "difficult must be 0 or 1, got 'maybe'",
    ),
}

IMAGE_ERRORS = {
    "no XML": (lambda root: (root / A).unlink(), A, f"file must exist, {TRAIN} lists it"),
    "no image": (
        lambda root: (root / "JPEGImages" / "a.jpg").unlink(),
        A,
        "JPEGImages must hold its image, 'a'",
    ),
    "text for XML": (a_text("no XML"), A, "must be XML: syntax error"),
    "cut off": (a_text(voc_xml(voc_object(KING))[:-20]), A, "must be XML: "),
    "empty XML": (a_text(""), A, "must be XML: no element found"),
    "encoding": (a_text('<?xml version="1.0" encoding="no-such"?><annotation/>'), A, "must be XML: "),
    "wrong root": (a_text("<html/>"), A, "root must be <annotation>, got <html>"),
    "entity": (
        a_text('<!DOCTYPE annotation [<!ENTITY e "king">]>' + voc_xml(voc_object(("&e;", 4, 3, 20, 15)))),
        A,
        "must be XML without a DTD and entities",
    ),
    "external entity": (
        a_text(
            '<!DOCTYPE annotation [<!ENTITY e SYSTEM "file:///etc/hostname">]><annotation>&e;</annotation>'
        ),
        A,
        "must be XML without a DTD and entities",
    ),
    "other size": (
        a_xml("", size="<width>30</width><height>40</height>"),
        A,
        "size must be the image's, 40 × 30, got 30 × 40",
    ),
    "size in words": (
        a_xml("", size="<width>wide</width><height>30</height>"),
        A,
        "width must be a number, got 'wide'",
    ),
    "id listed twice": (train("b\nb\n"), TRAIN, "must list 'b' once, got 2 times"),
    "id of nothing": (train("b\nnothing\n"), "Annotations/nothing.xml", "file must exist"),
    "id climbs": (
        train("b\n../Annotations/a\n"),
        TRAIN,
        "id must stay inside Annotations, got '../Annotations/a'",
    ),
    "id climbs inside": (train("b\nx/../a\n"), TRAIN, "id must stay inside Annotations"),
    "id absolute": (train("b\n/etc/hostname\n"), TRAIN, "id must stay inside Annotations"),
    "id of another system": (train("b\n..\\a\n"), TRAIN, "id must stay inside Annotations"),
    "filename climbs": (
        both(a_xml("", filename="../a.jpg"), move("JPEGImages/a.jpg", "a.jpg")),
        A,
        "filename must stay inside JPEGImages, got '../a.jpg'",
    ),
    "garbage image": (
        lambda root: put(root / "JPEGImages" / "a.jpg", "garbage"),
        "JPEGImages/a.jpg",
        "file must be an image",
    ),
}

DATASET_ERRORS = {
    "no folder": (move("", "../moved"), "", "folder must exist"),
    "nothing annotated": (
        lambda root: [path.unlink() for path in root.rglob("*.xml")] + [(root / "Annotations").rmdir()],
        "",
        "must hold a dataset in a layout that is known. Looked for VOC (XML in Annotations and images in "
        "JPEGImages, or XML beside the images); found 3 × .jpg, 2 × .txt in folders ImageSets, JPEGImages",
    ),
    "no JPEGImages": (move("JPEGImages", "x"), "JPEGImages", "folder must exist in "),
    "no split": (move(TRAIN, "ImageSets/Main/val.txt"), "", "split must be one of val, test, got 'train'"),
    "no split files": (
        both(move(TRAIN, "x"), move("ImageSets/Main/test.txt", "y")),
        "",
        "split must be one of all, got 'train'",
    ),
    "empty split": (train("\n \n"), ", split train", "must hold at least one image, got none"),
    "binary split": (lambda root: (root / TRAIN).write_bytes(b"\xff\xfe\0"), TRAIN, "must be text in UTF-8"),
}
