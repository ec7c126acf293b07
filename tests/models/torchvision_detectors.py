"""What the tests of conversion share: class names, new heads, and copies with other settings."""

import copy

import torch
from torch import Tensor, nn
from torchvision.models.detection.ssd import SSDHead

CHANNELS, PER_LOCATION = [512, 1024, 512, 256, 256, 256], [4, 6, 6, 6, 4, 4]


def names(count: int) -> list[str]:
    return [f"class {label}" for label in range(1, count + 1)]


def put_heads(
    module: nn.Module,
    maps: list[Tensor],
    num_classes: int,
    seed: int,
    *,
    background: float = 2.0,
    spread: float = 1.5,
    offset_spread: float = 1.0,
) -> None:
    """New heads whose logits and offsets spread as asked on these maps."""
    generator = torch.Generator().manual_seed(seed)
    module.head = SSDHead(CHANNELS, PER_LOCATION, num_classes)
    wanted = (
        (module.head.regression_head.module_list, offset_spread),
        (module.head.classification_head.module_list, spread),
    )
    with torch.no_grad():
        for heads, deviation in wanted:
            for head, features in zip(heads, maps, strict=True):
                gain = deviation / (features.square().mean() * 9 * features.shape[1]).sqrt()
                head.weight.copy_(torch.randn(head.weight.shape, generator=generator) * gain)
                head.bias.copy_(torch.randn(head.bias.shape, generator=generator) * 0.3)
        for head in module.head.classification_head.module_list:
            head.bias.view(-1, num_classes)[:, 0] += background


def changed(module: nn.Module, **attributes: object) -> nn.Module:
    other = copy.copy(module)
    other._modules = dict(module._modules)
    for name, value in attributes.items():
        setattr(other, name, value)
    return other
