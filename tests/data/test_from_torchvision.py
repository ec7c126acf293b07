"""Torchvision's datasets read as ours."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.datasets import CocoDetection, wrap_dataset_for_transforms_v2
from torchvision.transforms.v2.functional import convert_bounding_box_format, to_pil_image

from ssd_lite import data
from ssd_lite.data import from_torchvision
from tests.data.folders import coco_content, write_coco
from tests.data.torchvision_pairs import CLASSES, IMAGE, Listed, target, write_vocdevkit


def test_vocdetection_reads_as_the_folder_does(tmp_path: Path) -> None:
    wrapped = wrap_dataset_for_transforms_v2(write_vocdevkit(tmp_path), target_keys="all")
    theirs = from_torchvision(wrapped, classes=data.VOC_CLASSES)
    ours = data.VOCFolder(tmp_path / "VOCdevkit" / "VOC2012", "train", classes=data.VOC_CLASSES)
    assert len(theirs) == 3
    for index in (0, 1):
        assert torch.equal(theirs[index].image, ours[index].image)
        torch.testing.assert_close(theirs[index].truth.boxes_xyxy, ours[index].truth.boxes_xyxy)
        assert torch.equal(theirs[index].truth.labels, ours[index].truth.labels)
        assert torch.equal(theirs[index].truth.difficult, ours[index].truth.difficult)
    assert theirs[0].truth.difficult.tolist() == [False, True]
    # Without the annotation nothing says what is difficult.
    plain = from_torchvision(
        wrap_dataset_for_transforms_v2(write_vocdevkit(tmp_path)), classes=data.VOC_CLASSES
    )
    assert plain[0].truth.difficult.tolist() == [False, False]
    # Torchvision's wrapper cannot read an image without objects: the message says which.
    with pytest.raises(data.DatasetError, match="example 2: must give an image and a target, got KeyError"):
        theirs[2]


def test_cocodetection_reads_as_the_folder_does_crowds_and_gaps_included(tmp_path: Path) -> None:
    content = coco_content()
    for item in content["annotations"]:
        item.setdefault("iscrowd", 0)
        item |= {"segmentation": [], "area": 1.0}
    images, file = write_coco(tmp_path, content)
    theirs = wrap_dataset_for_transforms_v2(
        CocoDetection(images, file), target_keys=("boxes", "labels", "iscrowd")
    )
    converted = from_torchvision(theirs, classes={9: "king", 2: "queen"})
    ours = data.COCOFolder(images, file, classes=("king", "queen"))
    places = {example.name: example.truth for example in (ours[index] for index in range(3))}
    by_id = {item["id"]: places[item["file_name"]] for item in content["images"]}
    assert converted.classes == ("king", "queen")
    for index, number in enumerate(theirs.ids):
        truth = converted[index].truth
        torch.testing.assert_close(truth.boxes_xyxy, by_id[number].boxes_xyxy)
        assert torch.equal(truth.labels, by_id[number].labels)
        assert torch.equal(truth.difficult, by_id[number].difficult)
    assert sorted(len(converted[index].truth) for index in range(3)) == [0, 1, 2]
    assert json.loads(file.read_text())["annotations"]


@pytest.mark.parametrize(
    "image",
    [
        IMAGE,
        tv_tensors.Image(IMAGE),
        IMAGE.float() / 255,
        tv_tensors.Image(IMAGE.double() / 255),
        to_pil_image(IMAGE),
        to_pil_image(IMAGE).convert("RGBA"),
    ],
)
def test_every_form_of_image_is_taken(image: Any) -> None:
    example = from_torchvision(Listed((image, {})), classes=CLASSES)[0]
    assert type(example.image) is Tensor
    assert torch.equal(example.image, IMAGE)
    assert len(example.truth) == 0


def test_grey_images_get_three_channels() -> None:
    for image in (IMAGE[:1], to_pil_image(IMAGE[:1])):
        example = from_torchvision(Listed((image, {})), classes=CLASSES)[0]
        assert torch.equal(example.image, IMAGE[:1].expand(3, -1, -1))


@pytest.mark.parametrize("format", ["XYXY", "XYWH", "CXCYWH"])
def test_every_form_of_boxes_is_taken(format: str) -> None:
    corners = tv_tensors.BoundingBoxes([[4, 3, 20, 15], [0, 0, 40, 30]], format="XYXY", canvas_size=(30, 40))
    boxes = convert_bounding_box_format(corners, new_format=format)
    expected = torch.tensor([[0.1, 0.1, 0.5, 0.5], [0, 0, 1, 1]])
    for form in (boxes, *([corners.as_subclass(Tensor), corners.tolist()] if format == "XYXY" else [])):
        example = from_torchvision(Listed((IMAGE, target(form, [2, 1]))), classes=CLASSES)[0]
        torch.testing.assert_close(example.truth.boxes_xyxy, expected)
        assert example.truth.labels.tolist() == [2, 1]


def test_what_rounding_puts_beyond_the_edge_is_cut() -> None:
    boxes = torch.tensor([[-0.004, 0, 40.00001, 30.009]])
    example = from_torchvision(Listed((IMAGE, target(boxes, [1]))), classes=CLASSES)[0]
    assert example.truth.boxes_xyxy.tolist() == [[0, 0, 1, 1]]


GOOD, UNIT = [4.0, 3.0, 20.0, 15.0], torch.tensor([[0.0, 0.0, 9.0, 9.0]])
BAD = {
    r"example 1: object 2 \(dog\): box must have xmin < xmax": (IMAGE, target([GOOD, [5, 5, 5, 9]], [1, 2])),
    r"example 1: object 1 \(cat\): box must be finite": (IMAGE, target([[5, 5, float("nan"), 9]], [1])),
    r"example 1: object 1 \(cat\): box must lie inside the image of 40 × 30": (
        IMAGE,
        target([[5, 5, 40.1, 9]], [1]),
    ),
    r"example 1: object 2: label must be one of \[1, 2\], got 3": (IMAGE, target([GOOD, GOOD], [1, 3])),
    r"example 1: object 1: label must be one of \[1, 2\], got 0": (IMAGE, target([GOOD], [0])),
    r"example 1: boxes, labels and difficult must be as many, got \(1, 2, 1\)": (IMAGE, target(UNIT, [1, 2])),
    r"example 1: boxes, labels and difficult must be as many, got \(1, 1, 2\)": (
        IMAGE,
        target(UNIT, [1], difficult=torch.tensor([True, False])),
    ),
    r"example 1: boxes must have shape \(n, 4\), got \(1, 5\)": (IMAGE, target(torch.ones(1, 5), [1])),
    r"example 1: boxes must not be rotated, got XYWHR": (
        IMAGE,
        target(tv_tensors.BoundingBoxes([[5.0, 5, 4, 4, 10]], format="XYWHR", canvas_size=(30, 40)), [1]),
    ),
    r"example 1: target must be a dictionary, got \[\]": (IMAGE, []),
    r"example 1: image must be PIL's or a tensor \(3, height, width\), got \(30, 40\)": (IMAGE[0], {}),
    r"example 1: image must be PIL's or a tensor \(3, height, width\), got str": ("a.jpg", {}),
    r"example 1: image must be uint8, or float in \[0, 1\], got torch.float32 from 0 to 255": (
        IMAGE.float(),
        {},
    ),
    r"example 1: image must be uint8, or float in \[0, 1\], got torch.int64": (IMAGE.long(), {}),
    r"example 1: must give an image and a target, got ValueError": (IMAGE,),
}


@pytest.mark.parametrize("message", BAD)
def test_what_is_wrong_is_named_by_index_object_and_rule(message: str) -> None:
    dataset = from_torchvision(Listed((IMAGE, target([GOOD], [1])), BAD[message]), classes=CLASSES)
    assert len(dataset[0].truth) == 1
    with pytest.raises(data.DatasetError, match=f"^{message}") as error:
        dataset[1]
    assert len(error.value.problems) == 1


def test_all_that_is_wrong_with_an_example_is_told_at_once_and_can_be_left_out() -> None:
    pairs = (IMAGE, target([GOOD], [1])), (IMAGE, target([[9, 9, 5, 5], GOOD], [1, 7]))
    dataset = from_torchvision(Listed(*pairs), classes=CLASSES)
    with pytest.raises(data.DatasetError) as error:
        data.decode(dataset)
    assert [fault.object for fault in error.value.problems] == ["object 1 (cat)", "object 2"]
    assert data.decode(dataset, skip_invalid=True).names == ["example 0"]


@pytest.mark.parametrize("classes", ["cat", [], ["cat", "cat"], {1: "cat", 2: "cat"}, {}])
def test_classes_must_be_different_names(classes: Any) -> None:
    with pytest.raises(ValueError, match="classes must be a list of different names"):
        from_torchvision(Listed(), classes=classes)
