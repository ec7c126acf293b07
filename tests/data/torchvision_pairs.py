"""Small datasets in torchvision's form and in ours."""

from pathlib import Path
from typing import Any

import torch
from torchvision.datasets import VOCDetection

from ssd_lite.data import Example
from ssd_lite.truths import Truth
from tests.data.folders import put, voc_object, voc_xml, write_image

CLASSES = ("cat", "dog")
IMAGE = torch.arange(3 * 30 * 40).remainder(256).to(torch.uint8).view(3, 30, 40)


class Listed:
    """A dataset of theirs that gives what it was given."""

    def __init__(self, *pairs: Any) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Any:
        return self.pairs[index]


class Ours:
    """A dataset of ours with one example."""

    classes = CLASSES

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Example:
        return Example(IMAGE, self.truth, "one")


def target(boxes: Any, labels: Any, **more: Any) -> dict[str, Any]:
    return {"boxes": boxes, "labels": torch.tensor(labels, dtype=torch.int64), **more}


def write_vocdevkit(root: Path) -> VOCDetection:
    """Two images with the names of VOC's own classes, in VOC's own folders."""
    folder = root / "VOCdevkit" / "VOC2012"
    marks = {
        "a": voc_object(("cat", 4, 3, 20, 15))
        + voc_object(("dog", 0, 0, 40, 30), "<difficult>1</difficult>"),
        "b": voc_object(("person", 10, 6, 20, 12)),
        "c": "",
    }
    for name, objects in marks.items():
        write_image(folder / "JPEGImages" / f"{name}.jpg")
        put(folder / "Annotations" / f"{name}.xml", voc_xml(objects))
    put(folder / "ImageSets" / "Main" / "train.txt", "a\nb\nc\n")
    return VOCDetection(str(root), year="2012", image_set="train")
