"""Torchvision's SSD and its data pipeline, set up as the other side of the benchmarks.

Everything is torchvision's own code; here it is only given the same default boxes, the same batch norm
and the same images as ours.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torchvision import tv_tensors
from torchvision.models import vgg16, vgg16_bn
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import SSD, SSDFeatureExtractorVGG
from torchvision.ops import box_iou
from torchvision.transforms import v2

from ssd_lite import models
from ssd_lite.models.zoo import IMAGENET_MEAN, IMAGENET_STD
from ssd_lite.scales import DefaultBoxes
from ssd_lite.truths import Truth, Truths

SIZE_PX = 300

Target = dict[str, Tensor]
"""``boxes`` as xyxy in pixels and ``labels`` from 1: what torchvision calls a target."""


def ssd(
    layout: DefaultBoxes,
    classes: int,
    backbone: nn.Module,
    *,
    size_px: int = SIZE_PX,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
) -> SSD:
    """Torchvision's detector on a backbone, with our default boxes; ``classes`` without background."""
    if layout.clip:
        raise ValueError("layout must not clip: torchvision cuts the sides of boxes, not the boxes")
    generator = DefaultBoxGenerator(
        [list(ratios) for ratios in layout.aspect_ratios],
        scales=list(layout.scales),
        steps=None if layout.steps is None else [int(step) for step in layout.steps],
        clip=False,
    )
    normalised = {"image_mean": list(mean), "image_std": list(std)}
    return SSD(backbone, generator, (size_px, size_px), classes + 1, **normalised)


def without_network(layout: DefaultBoxes, classes: int) -> SSD:
    """Torchvision's detector for its loss and post-processing alone: the network is never run."""
    backbone = nn.Identity()
    backbone.out_channels = [8] * len(layout.grids)  # type: ignore[assignment]  # where SSD looks for it
    return ssd(layout, classes, backbone)


def ssd300_vgg16(layout: DefaultBoxes, classes: int, *, batch_norm: bool = False) -> SSD:
    """Torchvision's SSD300 on VGG-16 from scratch, nothing frozen.

    With ``batch_norm`` the trunk is torchvision's ``vgg16_bn``, cut at its pools by torchvision's own
    extractor; the extra maps, as there, have none.
    """
    trunk = (vgg16_bn if batch_norm else vgg16)(weights=None).features
    return ssd(layout, classes, SSDFeatureExtractorVGG(trunk, highres=False))


class Maps(nn.Module):
    """The feature maps of one of our models, as torchvision's detector takes them: for toy sizes."""

    def __init__(self, model: models.SSD) -> None:
        super().__init__()
        self.trunk, self.extras = model.trunk, model.extras
        heads = [layer for layer in model.offset_heads if isinstance(layer, nn.Conv2d)]
        self.out_channels = [head.in_channels for head in heads]

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """The maps by number, finest first."""
        maps = self.trunk(images)
        for extra in self.extras:
            maps.append(extra(maps[-1]))
        return OrderedDict((str(number), features) for number, features in enumerate(maps))


def like(model: models.SSD) -> SSD:
    """Torchvision's detector of the same size, default boxes and classes, on a trunk of the same kind."""
    layout, classes = model.default_boxes, len(model.classes)
    if model.config["architecture"] == "ssd300_vgg16":
        return ssd300_vgg16(layout, classes, batch_norm=model.config["options"]["batch_norm"])
    twin = models.build(model.config)
    mean, std = model.mean.flatten().tolist(), model.std.flatten().tolist()
    return ssd(layout, classes, Maps(twin), size_px=model.image_size, mean=mean, std=std)


def anchors(model: SSD, grids: Sequence[tuple[int, int]], batch: int, device: torch.device) -> list[Tensor]:
    """Torchvision's default boxes for each image of a batch, in pixels."""
    images = ImageList(torch.zeros(batch, 3, SIZE_PX, SIZE_PX, device=device), [(SIZE_PX, SIZE_PX)] * batch)
    maps = [torch.zeros(batch, 1, *grid, device=device) for grid in grids]
    found: list[Tensor] = model.anchor_generator(images, maps)
    return found


def loss(
    model: SSD, offsets: Tensor, logits: Tensor, targets: Sequence[Target], boxes_px: Sequence[Tensor]
) -> Tensor:
    """Torchvision's matching and loss, as its ``forward`` calls them when training."""
    matched = [
        model.proposal_matcher(box_iou(target["boxes"], boxes))
        for target, boxes in zip(targets, boxes_px, strict=True)
    ]
    head = {"bbox_regression": offsets, "cls_logits": logits}
    parts: Mapping[str, Tensor] = model.compute_loss(list(targets), head, list(boxes_px), matched)
    return parts["bbox_regression"] + parts["classification"]


def targets(truths: Truths, *, size_px: int = SIZE_PX) -> list[Target]:
    """Our truths as torchvision's targets, for square images."""
    return [{"boxes": truth.boxes_xyxy * size_px, "labels": truth.labels} for truth in truths.unpadded()]


def pipeline(size_px: int = SIZE_PX) -> v2.Transform:
    """The training transforms of torchvision's SSD reference, and the resizing that its model does."""
    mean = [round(255 * value) for value in IMAGENET_MEAN]
    return v2.Compose(
        [
            v2.ToImage(),
            v2.RandomPhotometricDistort(),
            v2.RandomZoomOut(fill={tv_tensors.Image: mean, "others": 0}),
            v2.RandomIoUCrop(),
            v2.RandomHorizontalFlip(),
            *_to_input(size_px),
        ]
    )


def resizing(size_px: int = SIZE_PX) -> v2.Transform:
    """The part of :func:`pipeline` in which nothing is drawn at random."""
    return v2.Compose([v2.ToImage(), *_to_input(size_px)])


def _to_input(size_px: int) -> list[v2.Transform]:
    return [
        v2.Resize((size_px, size_px), antialias=True),
        v2.SanitizeBoundingBoxes(),
        v2.ToDtype(torch.float32, scale=True),
    ]


def sample(image: Tensor, truth: Truth) -> tuple[tv_tensors.Image, Target]:
    """An image with its objects in torchvision's types, boxes in its pixels."""
    height, width = image.shape[-2:]
    boxes = tv_tensors.BoundingBoxes(
        truth.boxes_xyxy * truth.boxes_xyxy.new_tensor([width, height, width, height]),
        format="XYXY",
        canvas_size=(height, width),
    )
    return tv_tensors.Image(image), {"boxes": boxes, "labels": truth.labels}
