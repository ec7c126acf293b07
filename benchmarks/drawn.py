"""Drawn scenes in numbers: drawn by several processes, in memory or as files in VOC's layout."""

from pathlib import Path
from xml.sax.saxutils import escape

import torch
from torchvision.transforms.v2.functional import to_pil_image

from ssd_lite.data import Decoded, Example, Scenes, Streamed
from ssd_lite.data.loading import in_order
from ssd_lite.truths import Truths

CHUNK = 32


def decoded(scenes: Scenes, *, workers: int | None = None) -> Decoded:
    """All of the scenes in memory; ``decode`` would draw them one after the other, here all cores do."""
    streamed = Streamed(scenes, canvas_px=max(scenes.size), workers=workers)
    images = torch.zeros(len(scenes), 3, *scenes.size, dtype=torch.uint8)
    truths, names, done = [], [], 0
    for batch in streamed.batches(in_order(len(scenes), CHUNK)):
        images[done : done + len(batch.names)] = batch.images[..., : scenes.size[0], : scenes.size[1]]
        truths += list(batch.truths.unpadded())
        names += batch.names
        done += len(batch.names)
    sizes = torch.tensor(scenes.size).expand(len(scenes), 2).contiguous()
    return Decoded(scenes.classes, images, sizes, Truths.from_list(truths), names)


def folder(root: Path, scenes: Scenes, *, split: str = "trainval") -> Path:
    """The scenes written to ``root`` as VOC does, JPEG and XML, unless they are there already."""
    listing = root / "ImageSets" / "Main" / f"{split}.txt"
    if listing.exists():
        return root
    for place in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / place).mkdir(parents=True, exist_ok=True)
    names = []
    for number, example in enumerate(scenes[index] for index in range(len(scenes))):
        names.append(f"{split}-{number:06d}")
        to_pil_image(example.image).save(root / "JPEGImages" / f"{names[-1]}.jpg", quality=92)
        (root / "Annotations" / f"{names[-1]}.xml").write_text(_xml(example, scenes.classes))
    listing.write_text("\n".join(names) + "\n")
    return root


def _xml(example: Example, classes: tuple[str, ...]) -> str:
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
