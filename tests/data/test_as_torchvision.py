"""Our datasets in torchvision's form, and trainings with either side's."""

import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import tv_tensors
from torchvision.datasets import wrap_dataset_for_transforms_v2
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD
from torchvision.transforms import v2

from ssd_lite import augmentation, criterion, data, models, training
from ssd_lite.data import Scenes, as_torchvision, from_torchvision
from ssd_lite.models.backbones import TinyTrunk
from ssd_lite.truths import Truth
from tests.data.torchvision_pairs import CLASSES, IMAGE, Ours, write_vocdevkit


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
    theirs = wrap_dataset_for_transforms_v2(write_vocdevkit(tmp_path))
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
