"""Trunks: classification networks, torchvision's or a tiny one, that return SSD's first feature maps."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models import mobilenet_v2, vgg16, vgg16_bn
from torchvision.ops import Conv2dNormActivation, FrozenBatchNorm2d

from ssd_lite.models.state_dicts import load_strictly


class L2Norm(nn.Module):
    """Normalises the features at each position to length 1, then scales each channel by a learned factor.

    The activations of conv4_3 are much larger than those of later maps. The released code therefore
    normalises them, with factors that start at 20. Source: ParseNet, arXiv 1506.04579.
    """

    def __init__(self, channels: int, scale: float = 20.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), scale))

    def forward(self, features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The scaled features, computed and returned in float32."""
        return nn.functional.normalize(features.float(), dim=1) * self.scale.view(1, -1, 1, 1)


class VGG16Trunk(nn.Module):
    """VGG-16 up to conv4_3 (512 channels, stride 8) and up to fc7 as a convolution (1024, stride 16).

    As in the released code, pool3 rounds up (75 → 38), pool5 has stride 1, fc6 is a 3 × 3 convolution
    with dilation 6, and fc7 a 1 × 1 convolution. ``batch_norm=True`` builds the variant that can be
    trained from scratch; the biases before its norms, which the norms cancel, are not trained.
    """

    channels = (512, 1024)

    def __init__(self, *, batch_norm: bool = False) -> None:
        super().__init__()
        layers = list((vgg16_bn if batch_norm else vgg16)(weights=None).features.children())
        pools = [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
        layers[pools[2]] = nn.MaxPool2d(2, 2, ceil_mode=True)
        layers[pools[4]] = nn.MaxPool2d(3, 1, padding=1)
        self.cut = pools[3]  # conv4_3 with its activation ends before pool4
        self.features = nn.Sequential(*layers)
        if batch_norm:
            _freeze_cancelled_biases(self.features)
        self.fc6 = nn.Conv2d(512, 1024, 3, padding=6, dilation=6)
        self.fc7 = nn.Conv2d(1024, 1024, 1)
        self.norm = L2Norm(512)
        for layer in (self.fc6, self.fc7):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # both have a bias

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """The normalised conv4_3 and fc7."""
        conv4_3 = self.features[: self.cut](images)
        features = self.features[self.cut :](conv4_3)
        return [self.norm(conv4_3), self.fc7(self.fc6(features).relu_()).relu_()]

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Load torchvision's state dict of ``vgg16`` or ``vgg16_bn``.

        fc6 takes every fourth output and 3 × 3 of the 7 × 7 weights, fc7 every fourth input and output.
        Raises ``ValueError`` naming tensors that are missing, unknown, or of another shape.
        """
        load_strictly(self.features, _features(state))
        if "classifier.0.weight" in state:  # absent from weights that hold the features alone
            fc6 = state["classifier.0.weight"].view(4096, 512, 7, 7)[::4, :, ::3, ::3]
            fc7 = state["classifier.3.weight"].view(4096, 4096, 1, 1)[::4, ::4]
            load_strictly(self.fc6, {"weight": fc6, "bias": state["classifier.0.bias"][::4]})
            load_strictly(self.fc7, {"weight": fc7, "bias": state["classifier.3.bias"][::4]})


class MobileNetV2Trunk(nn.Module):
    """MobileNetV2 with maps at strides 8, 16 and 32, of 192, 576 and 1280 channels.

    ``frozen_norm=True`` keeps the statistics and factors of all batch norms as loaded. The first
    ``frozen_blocks`` of its 19 blocks are not trained: neither their weights nor their batch norms change.
    """

    channels = (192, 576, 1280)

    def __init__(self, *, frozen_norm: bool = False, frozen_blocks: int = 0) -> None:
        super().__init__()
        norm: Callable[..., nn.Module] | None = FrozenBatchNorm2d if frozen_norm else None
        self.features = mobilenet_v2(weights=None, norm_layer=norm).features
        if not 0 <= frozen_blocks <= len(self.features):
            raise ValueError(f"frozen_blocks must lie in [0, {len(self.features)}], got {frozen_blocks}")
        self.frozen_blocks = frozen_blocks
        self.features[:frozen_blocks].requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> "MobileNetV2Trunk":
        """Set the mode; frozen blocks stay in evaluation mode, so that their batch norms stay still."""
        super().train(mode)
        self.features[: self.frozen_blocks].eval()
        return self

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """The expanded features inside blocks 7 and 14, before their stride of 2, and the last layer's."""
        stride8 = self.features[7].conv[0](self.features[:7](images))
        stride16 = self.features[14].conv[0](self.features[8:14](self.features[7].conv[1:](stride8)))
        stride32 = self.features[15:](self.features[14].conv[1:](stride16))
        return [stride8, stride16, stride32]

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Load torchvision's state dict of ``mobilenet_v2``.

        Raises ``ValueError`` naming tensors that are missing, unknown, or of another shape.
        """
        features = _features(state)
        if isinstance(self.features[0][1], FrozenBatchNorm2d):
            features = {k: v for k, v in features.items() if not k.endswith("num_batches_tracked")}
        load_strictly(self.features, features)


class TinyTrunk(nn.Module):
    """Seven convolutions, small enough to train on a CPU, with maps at strides 8 and 16.

    ``width`` multiplies the channels, which are 24, 48, 96 and 128.
    """

    def __init__(self, *, width: int = 1) -> None:
        super().__init__()
        block = partial(Conv2dNormActivation, activation_layer=nn.ReLU)
        a, b, c, d = (width * channels for channels in (24, 48, 96, 128))
        self.channels = (c, d)
        self.stride8 = nn.Sequential(
            block(3, a, 3, stride=2),
            block(a, b, 3, stride=2),
            block(b, b, 3),
            block(b, c, 3, stride=2),
            block(c, c, 3),
        )
        self.stride16 = nn.Sequential(block(c, d, 3, stride=2), block(d, d, 3))

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """The maps at strides 8 and 16."""
        stride8 = self.stride8(images)
        return [stride8, self.stride16(stride8)]


def _features(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The part of a classifier's state dict that belongs to its features, without the classifier."""
    return {name.removeprefix("features."): v for name, v in state.items() if name.startswith("features.")}


def _freeze_cancelled_biases(layers: nn.Sequential) -> None:
    """Do not train biases that a batch norm subtracts again at once.

    Their gradient is 0 but for rounding, and yet costs a pass over the gradient of every layer's output.
    """
    for layer, following in pairwise(layers):
        if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
            assert layer.bias is not None  # torchvision's VGG has one in every convolution
            layer.bias.requires_grad_(False)
