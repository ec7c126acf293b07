"""Our network and torchvision's with the same weights: they must come to the same loss."""

from typing import Any

import torch
from torch import nn

from benchmarks import torchvision_side as theirs
from benchmarks.criterion import without_conflicts
from ssd_lite import models
from ssd_lite.criterion import MultiBoxCriterion
from ssd_lite.truths import Truths


def agree(model: models.SSD, device: torch.device, *, seed: int, batch: int = 2) -> str:
    """Both networks with the same weights must come to the same loss; raises ``AssertionError`` otherwise."""
    ours, other = model.to(device).train(), theirs.like(model).to(device).train()
    copy_weights(ours, other)
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(batch, 3, model.image_size, model.image_size, generator=generator).to(device)
    labels = 1 + torch.arange(2 * batch).view(batch, 2) % len(model.classes)
    boxes = torch.tensor([[0.11, 0.13, 0.52, 0.47], [0.55, 0.41, 0.93, 0.96]]).expand(batch, 2, 4)
    truths = without_conflicts(
        Truths(boxes.contiguous(), labels, torch.zeros_like(labels, dtype=torch.bool)), model.default_boxes
    )
    criterion = MultiBoxCriterion(model.default_boxes, variances=model.variances).to(device)
    with torch.no_grad():
        placed = truths.to(device)
        total = criterion(*ours(images), placed).total.item()
        parts = other(list(images), theirs.targets(placed, size_px=model.image_size))
    expected = sum(part.item() for part in parts.values())
    model.cpu()  # so that what it takes on a GPU is counted where it is trained
    allowed = 1e-3 if device.type == "cpu" else 2e-2  # convolutions on a GPU are in tf32 by default
    assert total > 0, "the loss is 0, so nothing is compared"
    assert abs(total - expected) < allowed * expected, f"ours comes to {total}, torchvision's to {expected}"
    return f"the same weights come to a loss of {total:.4f}, torchvision's to {expected:.4f}"


def copy_weights(ours: models.SSD, other: nn.Module) -> None:
    """Give torchvision's network the weights of ours, layer by layer in the order of use."""
    ours_heads = [*ours.logit_heads, *ours.offset_heads]
    head: Any = other.head
    other_heads = [*head.classification_head.module_list, *head.regression_head.module_list]
    body = [*_layers(ours.trunk), *_layers(ours.extras)]
    pairs = zip([*body, *ours_heads], [*_layers(other.backbone), *other_heads], strict=True)  # type: ignore[arg-type]
    for source, target in pairs:
        target.load_state_dict(source.state_dict())
    norm, scale = getattr(ours.trunk, "norm", None), getattr(other.backbone, "scale_weight", None)
    if norm is not None and scale is not None:
        scale.data.copy_(norm.scale.data)


def _layers(module: nn.Module) -> list[nn.Module]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.BatchNorm2d)]
