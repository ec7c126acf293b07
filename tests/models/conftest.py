"""Torchvision's detector and its feature maps of an image: computed once, since a VGG-16 takes seconds."""

import pytest
import torch
import torchvision
from torch import Tensor, nn


@pytest.fixture(scope="package")
def trunk() -> nn.Module:
    """Torchvision's detector with random weights, in evaluation mode; its heads are for a test to replace."""
    torch.manual_seed(0)
    return torchvision.models.detection.ssd300_vgg16(
        weights=None, weights_backbone=None, num_classes=3
    ).eval()


@pytest.fixture(scope="package")
def image() -> Tensor:
    return torch.randint(0, 256, (3, 300, 300), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="package")
def maps(trunk: nn.Module, image: Tensor) -> list[Tensor]:
    with torch.no_grad():
        return list(trunk.backbone(trunk.transform([image / 255])[0].tensors).values())
