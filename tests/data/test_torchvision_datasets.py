"""Datasets to torchvision's form and back, and torchvision's own datasets read as ours."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.datasets import CocoDetection, VOCDetection, wrap_dataset_for_transforms_v2
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD
from torchvision.transforms import v2
from torchvision.transforms.v2.functional import convert_bounding_box_format, to_pil_image

from ssd_lite import augmentation, criterion, data, models, training
from ssd_lite.data import Example, Scenes, as_torchvision, from_torchvision
from ssd_lite.models.backbones import TinyTrunk
from ssd_lite.truths import Truth
from tests.data.folders import coco_content, put, voc_object, voc_xml, write_coco, write_image

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


# --- ours as torchvision's -----------------------------------------------------------------------


def test_an_example_in_torchvisions_form() -> None:
    truth = Truth.of([[0.1, 0.2, 0.5, 1.0], [0.0, 0.0, 1.0, 0.1]], [2, 1], [False, True])
    image, said = as_torchvision(Ours(truth))[0]
    assert type(image) is tv_tensors.Image
    assert image.dtype == torch.uint8
    assert torch.equal(image, IMAGE)
    assert type(said["boxes"]) is tv_tensors.BoundingBoxes
    assert said["boxes"].format == tv_tensors.BoundingBoxFormat.XYXY
    assert said["boxes"].canvas_size == (30, 40)
    assert said["boxes"].dtype == torch.float32
    torch.testing.assert_close(
        said["boxes"].as_subclass(Tensor), torch.tensor([[4.0, 6, 20, 30], [0, 0, 40, 3]])
    )
    assert said["labels"].tolist() == [2, 1]
    assert said["labels"].dtype == torch.int64
    assert said["difficult"].tolist() == [False, True]
    assert said["image_id"] == 0


def test_an_image_without_objects_has_boxes_of_four_columns() -> None:
    _, said = as_torchvision(Ours(Truth.of([], [])))[0]
    assert said["boxes"].shape == (0, 4)
    assert said["labels"].shape == said["difficult"].shape == (0,)


def test_indices_count_as_in_a_list_and_the_form_can_be_pickled() -> None:
    scenes = Scenes(count=3)
    for form in (as_torchvision(scenes), from_torchvision(as_torchvision(scenes), classes=scenes.classes)):
        again = pickle.loads(pickle.dumps(form))  # as a loader's worker processes get it
        assert len(again) == 3
        assert torch.equal(again[-1][0], form[2][0])
        for index in (3, -4):
            with pytest.raises(IndexError):
                form[index]
        assert len(list(iter(form))) == 3


def test_there_and_back_is_the_same() -> None:
    scenes = Scenes(count=8, size=(90, 120))
    again = from_torchvision(as_torchvision(scenes), classes=scenes.classes)
    assert isinstance(again, data.Dataset)
    assert again.classes == scenes.classes
    for index in range(8):
        ours, back = scenes[index], again[index]
        assert torch.equal(back.image, ours.image)
        torch.testing.assert_close(back.truth.boxes_xyxy, ours.truth.boxes_xyxy, rtol=1e-6, atol=1e-6)
        assert torch.equal(back.truth.labels, ours.truth.labels)
        assert torch.equal(back.truth.difficult, ours.truth.difficult)
        assert back.name == f"example {index}"


def test_v2_transforms_move_boxes_with_their_image() -> None:
    truth = Truth.of([[0.1, 0.2, 0.5, 1.0]], [2])
    flipped, said = as_torchvision(Ours(truth), transforms=v2.RandomHorizontalFlip(p=1.0))[0]
    assert torch.equal(flipped, IMAGE.flip(-1))
    assert said["boxes"].tolist() == [pytest.approx([20, 6, 36, 30])]
    again = from_torchvision(as_torchvision(Ours(truth), transforms=v2.Resize((60, 20))), classes=CLASSES)[0]
    assert again.image.shape == (3, 60, 20)
    torch.testing.assert_close(again.truth.boxes_xyxy, truth.boxes_xyxy)


def test_torchvisions_augmentation_keeps_difficult_in_step_where_it_is_named() -> None:
    torch.manual_seed(0)
    scenes = Scenes(count=12, size=(96, 96), classes=CLASSES)
    steps = v2.Compose(
        [
            v2.RandomPhotometricDistort(),
            v2.RandomZoomOut(),
            v2.RandomIoUCrop(),
            v2.RandomHorizontalFlip(),
            v2.SanitizeBoundingBoxes(labels_getter=lambda pair: (pair[1]["labels"], pair[1]["difficult"])),
            v2.ToDtype(torch.float32, scale=True),
        ]
    )
    theirs = as_torchvision(scenes, transforms=steps)
    ours = from_torchvision(theirs, classes=scenes.classes)
    counts = [len(ours[index].truth) for index in range(12)]
    assert sum(counts) > 5
    assert counts != [len(scenes[index].truth) for index in range(12)]


# --- torchvision's as ours -----------------------------------------------------------------------


def write_voc(root: Path) -> VOCDetection:
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


def test_vocdetection_reads_as_the_folder_does(tmp_path: Path) -> None:
    wrapped = wrap_dataset_for_transforms_v2(write_voc(tmp_path), target_keys="all")
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
    plain = from_torchvision(wrap_dataset_for_transforms_v2(write_voc(tmp_path)), classes=data.VOC_CLASSES)
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


# --- either side in the other's place --------------------------------------------------------------


class SmallTrunk(nn.Module):
    """Our small trunk in the form that torchvision's SSD takes."""

    out_channels = (96, 128)

    def __init__(self) -> None:
        super().__init__()
        self.trunk = TinyTrunk()

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {str(k): features for k, features in enumerate(self.trunk(images))}


def test_torchvisions_ssd_trains_on_our_dataset() -> None:
    scenes = Scenes(count=4, size=(128, 128), classes=CLASSES)
    steps = v2.Compose(
        [v2.RandomHorizontalFlip(), v2.SanitizeBoundingBoxes(), v2.ToDtype(torch.float32, scale=True)]
    )
    loader = DataLoader(
        as_torchvision(scenes, transforms=steps),
        batch_size=2,
        collate_fn=lambda pairs: tuple(zip(*pairs, strict=True)),
    )
    generator = DefaultBoxGenerator([[2], [2]], scales=[0.2, 0.5, 0.9])
    model = SSD(SmallTrunk(), generator, (128, 128), num_classes=1 + len(CLASSES))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    totals = []
    for _ in range(4):
        for images, targets in loader:
            loss = sum(model(list(images), list(targets)).values())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            totals.append(loss.item())
    assert totals[-1] < totals[0]


def test_ours_trains_on_torchvisions_dataset(tmp_path: Path) -> None:
    theirs = wrap_dataset_for_transforms_v2(write_voc(tmp_path))
    images = data.load(data.examples.Subset(from_torchvision(theirs, classes=data.VOC_CLASSES), [0, 1]))
    model = models.ssd_tiny(images.classes)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss_of = criterion.MultiBoxCriterion(model.default_boxes)
    augment = augmentation.SSDAugmentation(model.image_size)
    generator = torch.Generator().manual_seed(0)
    losses = [
        training.train_step(model, loss_of, optimizer, augment, batch, generator=generator).total.item()
        for batch in images.batches([[0, 1]] * 8)
    ]
    assert losses[-1] < losses[0]
