"""The four detectors by name: each a trunk, extra maps, and default boxes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import MobileNet_V2_Weights, VGG16_BN_Weights, VGG16_Weights
from torchvision.ops import Conv2dNormActivation

from ssd_lite import scales
from ssd_lite.models.backbones import MobileNetV2Trunk, TinyTrunk, VGG16Trunk
from ssd_lite.models.ssd import SSD
from ssd_lite.scales import DefaultBoxes

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

VARIANCES = (0.1, 0.2)
"""Divisors of the offsets of centre and size, as in the released code; the paper has none, (1, 1)."""

Weights = str | Path | None
"""None for random weights, ``"imagenet"`` to download torchvision's, or a file in its layout."""


class _Options(TypedDict):
    """The options that both VGG detectors pass on to :func:`_vgg16`."""

    batch_norm: bool
    mean: Sequence[float]
    std: Sequence[float]
    variances: Sequence[float]
    detection: Mapping[str, Any] | None


def ssd300_vgg16(
    classes: Sequence[str],
    *,
    default_boxes: DefaultBoxes | None = None,
    weights: Weights = None,
    batch_norm: bool = False,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    variances: Sequence[float] = VARIANCES,
    detection: Mapping[str, Any] | None = None,
) -> SSD:
    """SSD300 of the paper: VGG-16, six maps of 38 × 38 to 1 × 1 cells, 8732 default boxes."""
    narrow = [(1024, 256, 512, 2), (512, 128, 256, 2), (256, 128, 256, 0), (256, 128, 256, 0)]
    boxes = default_boxes or scales.ssd300_voc()
    options = _Options(batch_norm=batch_norm, mean=mean, std=std, variances=variances, detection=detection)
    return _vgg16("ssd300_vgg16", 300, narrow, classes, boxes, weights, **options)


def ssd512_vgg16(
    classes: Sequence[str],
    *,
    default_boxes: DefaultBoxes | None = None,
    weights: Weights = None,
    batch_norm: bool = False,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    variances: Sequence[float] = VARIANCES,
    detection: Mapping[str, Any] | None = None,
) -> SSD:
    """SSD512 of the paper: VGG-16, seven maps of 64 × 64 to 1 × 1 cells, 24564 default boxes."""
    narrow = [
        (1024, 256, 512, 2),
        (512, 128, 256, 2),
        (256, 128, 256, 2),
        (256, 128, 256, 2),
        (256, 128, 256, 4),
    ]
    boxes = default_boxes or scales.ssd512_voc()
    options = _Options(batch_norm=batch_norm, mean=mean, std=std, variances=variances, detection=detection)
    return _vgg16("ssd512_vgg16", 512, narrow, classes, boxes, weights, **options)


def ssd300_mobilenet_v2(
    classes: Sequence[str],
    *,
    default_boxes: DefaultBoxes | None = None,
    weights: Weights = None,
    frozen_norm: bool | None = None,
    frozen_blocks: int = 0,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    variances: Sequence[float] = VARIANCES,
    detection: Mapping[str, Any] | None = None,
) -> SSD:
    """SSD300 on MobileNetV2: the same maps and default boxes at about a fortieth of the arithmetic.

    ``frozen_norm`` keeps the trunk's batch norms as loaded; by default it is true if ``weights`` are given.
    The first ``frozen_blocks`` blocks of the trunk are not trained: with 4, those of the highest
    resolution, training on a CPU is twice as fast.
    """
    frozen = weights is not None if frozen_norm is None else frozen_norm
    trunk = MobileNetV2Trunk(frozen_norm=frozen, frozen_blocks=frozen_blocks)
    if weights is not None:
        _load(trunk, weights, MobileNet_V2_Weights.IMAGENET1K_V2)
    halves, ends = (1280, 256, 512, 2), (256, 128, 256, 0)
    extras = [_extra(*sizes, norm=True) for sizes in (halves, (512, 128, 256, 2), ends)]
    model = SSD(
        trunk,
        extras,
        (*trunk.channels, 512, 256, 256),
        classes=classes,
        default_boxes=default_boxes or scales.ssd300_voc(),
        image_size=300,
        mean=mean,
        std=std,
        variances=variances,
        detection=detection,
    )
    return _with_config(model, "ssd300_mobilenet_v2", frozen_norm=frozen, frozen_blocks=frozen_blocks)


def ssd_tiny(
    classes: Sequence[str],
    *,
    default_boxes: DefaultBoxes | None = None,
    width: int = 1,
    mean: Sequence[float] = (0.5, 0.5, 0.5),
    std: Sequence[float] = (0.25, 0.25, 0.25),
    variances: Sequence[float] = VARIANCES,
    detection: Mapping[str, Any] | None = None,
) -> SSD:
    """A detector for 128 × 128 pixels that a laptop's CPU trains in minutes, with up to five maps.

    The maps have 16 × 16 to 1 × 1 cells. ``default_boxes`` with only two to four grids leave out the
    coarsest maps. ``width`` multiplies the trunk's channels.
    """
    trunk = TinyTrunk(width=width)
    c, d = trunk.channels
    boxes = default_boxes or tiny_default_boxes()
    coarse = min(max(len(boxes.grids) - 2, 0), 3)
    model = SSD(
        trunk,
        [_extra(d, d // 2, d, 2, norm=True) for _ in range(coarse)],
        (c, d, *[d] * coarse),
        classes=classes,
        default_boxes=boxes,
        image_size=128,
        mean=mean,
        std=std,
        variances=variances,
        detection=detection,
    )
    return _with_config(model, "ssd_tiny", width=width)


def tiny_default_boxes() -> DefaultBoxes:
    """The formula's 2046 boxes: six in every cell of maps with 16, 8, 4, 2 and 1 cells a side.

    Boxes fitted to drawn scenes cover more of their objects, and yet train a worse detector (the study
    ``scales`` of ``benchmarks.ablations``). Source: section 2.2, choosing scales and aspect ratios.
    """
    return scales.paper((16, 8, 4, 2, 1))


MODELS: dict[str, Callable[..., SSD]] = {
    "ssd300_vgg16": ssd300_vgg16,
    "ssd512_vgg16": ssd512_vgg16,
    "ssd300_mobilenet_v2": ssd300_mobilenet_v2,
    "ssd_tiny": ssd_tiny,
}


def _vgg16(
    name: str,
    size: int,
    extras: list[tuple[int, int, int, int]],
    classes: Sequence[str],
    default_boxes: DefaultBoxes,
    weights: Weights,
    *,
    batch_norm: bool,
    mean: Sequence[float],
    std: Sequence[float],
    variances: Sequence[float],
    detection: Mapping[str, Any] | None,
) -> SSD:
    trunk = VGG16Trunk(batch_norm=batch_norm)
    if weights is not None:
        published = VGG16_BN_Weights.IMAGENET1K_V1 if batch_norm else VGG16_Weights.IMAGENET1K_V1
        _load(trunk, weights, published)
    model = SSD(
        trunk,
        [_extra(*extra, norm=batch_norm) for extra in extras],
        (*trunk.channels, *(extra[2] for extra in extras)),
        classes=classes,
        default_boxes=default_boxes,
        image_size=size,
        mean=mean,
        std=std,
        variances=variances,
        detection=detection,
    )
    return _with_config(model, name, batch_norm=batch_norm)


def _extra(inputs: int, middle: int, outputs: int, kind: int, *, norm: bool) -> nn.Sequential:
    """The layers of an extra map in the paper: 1 × 1, then, by ``kind``, 3 × 3 with stride 2 (2), 3 × 3
    unpadded (0), or 4 × 4 (4).
    """
    kernel, stride, padding = {2: (3, 2, 1), 0: (3, 1, 0), 4: (4, 1, 1)}[kind]
    layer = nn.BatchNorm2d if norm else None
    return nn.Sequential(
        Conv2dNormActivation(inputs, middle, 1, norm_layer=layer),
        Conv2dNormActivation(middle, outputs, kernel, stride, padding, norm_layer=layer),
    )


def _load(
    trunk: VGG16Trunk | MobileNetV2Trunk,
    weights: str | Path,
    published: VGG16_Weights | VGG16_BN_Weights | MobileNet_V2_Weights,
) -> None:
    """Load torchvision's published weights, or a file in their layout, into a trunk.

    Raises ``ValueError`` naming the file and what is wrong with it.
    """
    if weights == "imagenet":
        trunk.load(dict(published.get_state_dict(progress=True, check_hash=True)))
        return
    path = Path(weights)
    if not path.is_file():
        raise ValueError(f"weights must be 'imagenet' or an existing file, got {path}")
    try:
        is_safe = path.suffix == ".safetensors"
        state = load_file(path) if is_safe else torch.load(path, map_location="cpu", weights_only=True)
        trunk.load(dict(state))
    except Exception as error:  # a foreign file may fail in any way
        # Only the first line: torch goes on with advice on how to run code from the file.
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path}: must hold a state dict in torchvision's layout: {reason}") from error


def _with_config(model: SSD, name: str, **options: object) -> SSD:
    """The model with the ``config`` from which :func:`ssd_lite.models.build` builds it again."""
    model.config = {
        "architecture": name,
        "options": options
        | {"mean": _values(model.mean), "std": _values(model.std)}
        | {"variances": list(model.variances)}
        | ({"detection": model.detection} if model.detection else {}),
        "classes": list(model.classes),
        "default_boxes": asdict(model.default_boxes),
    }
    return model


def _values(buffer: Tensor) -> list[float]:
    """A buffer's values as a list, empty for a model on the meta device, which has none."""
    return [] if buffer.is_meta else buffer.flatten().tolist()
