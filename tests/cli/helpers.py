"""Folders to try the commands on, and the commands themselves, run as a person would see them."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import torch
from PIL import Image

from ssd_lite import cli, models
from ssd_lite.data import Scenes

QUICK = ("--model", "ssd_tiny", "--weights", "none", "--steps", "3", "--batch", "2", "--device", "cpu")
"""Options of a training run of seconds."""


def run(*arguments: object) -> tuple[int, str]:
    """Exit code of ``ssd-lite`` with these arguments, and everything that it printed."""
    printed = io.StringIO()
    with (
        patch.object(sys, "argv", ["ssd-lite", *map(str, arguments)]),
        redirect_stdout(printed),
        redirect_stderr(printed),
    ):
        try:
            cli.main()
        except SystemExit as stop:
            return int(stop.code or 0), printed.getvalue()
    return 0, printed.getvalue()


def write_voc(root: Path, count: int, *, lists: bool = True) -> Path:
    """Drawn scenes of cats and fish as a folder in VOC layout, with the splits train and val."""
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / part).mkdir(parents=True)
    scenes = Scenes(count=count, size=(96, 128), classes=("cat", "fish"))
    for index in range(count):
        example = scenes[index]
        Image.fromarray(example.image.permute(1, 2, 0).numpy()).save(root / f"JPEGImages/{index:04d}.png")
        boxes = (example.truth.boxes_xyxy * torch.tensor([128, 96, 128, 96])).round().tolist()
        labels = example.truth.labels.tolist()
        write_xml(root, index, [(scenes.classes[n - 1], b) for n, b in zip(labels, boxes, strict=True)])
    names = [f"{index:04d}" for index in range(count)]
    if lists:
        (root / "ImageSets/Main/train.txt").write_text("\n".join(names[: count * 3 // 5]))
        (root / "ImageSets/Main/val.txt").write_text("\n".join(names[count * 3 // 5 :]))
    return root


def write_xml(
    root: Path, index: int, objects: list[tuple[str, list[float]]], *, difficult: str = "0"
) -> None:
    inside = "".join(
        f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox><xmin>{x0}</xmin>"
        f"<ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for name, (x0, y0, x1, y1) in objects
    )
    size = "<size><width>128</width><height>96</height><depth>3</depth></size>"
    text = f"<annotation>{size}{inside}</annotation>"
    (root / f"Annotations/{index:04d}.xml").write_text(text, encoding="utf-8")


def write_detector(path: Path) -> Path:
    """An untrained detector of cats."""
    path.write_bytes(models.to_bytes(models.ssd_tiny(["cat"])))
    return path


def break_box(root: Path) -> None:
    write_xml(root, 1, [("cat", [10, 10, 10, 40])])


def break_xml(root: Path) -> None:
    (root / "Annotations/0001.xml").write_text("<annotation><object>")


def break_image(root: Path) -> None:
    (root / "JPEGImages/0001.png").write_bytes(b"no image")


def lose_image(root: Path) -> None:
    (root / "JPEGImages/0001.png").unlink()


ERRORS = {
    break_box: ("Annotations/0001.xml", "object 1 (cat)", "xmin"),
    break_xml: ("Annotations/0001.xml", "", "XML"),
    break_image: ("0001.png", "", ""),
    lose_image: ("0001", "", "image"),
}
"""Ways to break a folder, and what the message must hold: file, object, rule."""
