"""Drawn scenes as a folder in VOC's layout, written by all cores; and the first images of a dataset."""

import multiprocessing
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from xml.sax.saxutils import escape

import torch
from torchvision.transforms.v2.functional import to_pil_image

from benchmarks.torchvision_training import cores
from ssd_lite.data import Decoded, Example, Scenes
from ssd_lite.truths import Truths

QUALITY = 92
"""Of the JPEG files."""


def first(images: Decoded, count: int) -> Decoded:
    """The first ``count`` images of a dataset."""
    rows = slice(count)
    truths = images.truths
    parts = (truths.boxes_xyxy[rows], truths.labels[rows], truths.difficult[rows])
    return replace(
        images,
        images=images.images[rows],
        sizes_px=images.sizes_px[rows],
        truths=Truths(*parts),
        names=list(images.names[rows]),
    )


def folder(root: Path, scenes: Scenes, *, split: str = "trainval", workers: int | None = None) -> Path:
    """Write the scenes to ``root`` as VOC does, JPEG and XML, unless the split is there already."""
    listing = root / "ImageSets" / "Main" / f"{split}.txt"
    if listing.exists():
        return root
    for place in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / place).mkdir(parents=True, exist_ok=True)
    write = partial(_write, root, scenes, split)
    workers = cores() if workers is None else workers
    if workers > 1:
        with multiprocessing.get_context("spawn").Pool(workers, initializer=_one_thread) as pool:
            names = pool.map(write, range(len(scenes)), chunksize=32)
    else:
        names = [write(index) for index in range(len(scenes))]
    listing.write_text("\n".join(names) + "\n")
    return root


def _one_thread() -> None:
    torch.set_num_threads(1)


def _write(root: Path, scenes: Scenes, split: str, index: int) -> str:
    """Draw a scene and write its two files; returns its name."""
    example, name = scenes[index], f"{split}-{index:06d}"
    to_pil_image(example.image).save(root / "JPEGImages" / f"{name}.jpg", quality=QUALITY)
    (root / "Annotations" / f"{name}.xml").write_text(_xml(example, scenes.classes))
    return name


def _xml(example: Example, classes: Sequence[str]) -> str:
    height, width = example.image.shape[-2:]
    truth = example.truth
    pixels = truth.boxes_xyxy * truth.boxes_xyxy.new_tensor([width, height, width, height])
    objects = ""
    for label, difficult, box in zip(
        truth.labels.tolist(), truth.difficult.tolist(), pixels.round().int().tolist(), strict=True
    ):
        sides = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        bounds = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
        name = escape(classes[label - 1])
        objects += f"<object><name>{name}</name><difficult>{int(difficult)}</difficult>"
        objects += f"<bndbox>{bounds}</bndbox></object>\n"
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"<annotation>{size}\n{objects}</annotation>\n"
