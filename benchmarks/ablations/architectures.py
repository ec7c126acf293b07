"""Detectors for the study of feature maps: one to five maps with the same scales, and one map on an image
pyramid.

All have six default boxes per cell and the same five scales as ``ssd_tiny``. With fewer maps, the coarsest
one left takes over the scales of those that are missing. On a pyramid, one map sees the image at five sizes,
with one pair of heads for all of them.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import interpolate

from ssd_lite.models import SSD, ssd_tiny, tiny_default_boxes
from ssd_lite.models.backbones import TinyTrunk
from ssd_lite.scales import DefaultBoxes

MAPS = {
    "one map": (1, 1, 1, 1, 1),
    "two maps": (0, 1, 1, 1, 1),
    "three maps": (0, 1, 2, 2, 2),
}
"""Which of ``ssd_tiny``'s maps, finest first, predicts each scale."""

PYRAMIDS = {
    "pyramid from 128 pixels": (0, (128, 64, 32, 16, 8)),
    "pyramid from 256 pixels": (1, (256, 128, 64, 32, 16)),
}
"""Which of the trunk's maps is used, of stride 8 or 16, and the sizes of the image, for 16 to 1 cells."""

ARCHITECTURES = ("ssd_tiny", *MAPS, *PYRAMIDS)


def build(
    architecture: str, classes: Sequence[str], default_boxes: DefaultBoxes | None = None, **options: Any
) -> SSD:
    """One of ``ARCHITECTURES`` for 128 × 128 pixels; raises ``ValueError`` for another name.

    ``options`` are those of ``ssd_tiny``; the others have none.
    """
    boxes = default_boxes or tiny_default_boxes()
    if architecture == "ssd_tiny":
        return ssd_tiny(classes, default_boxes=boxes, **options)
    if architecture in MAPS:
        return _with_maps(MAPS[architecture], classes, boxes)
    if architecture in PYRAMIDS:
        return _with_pyramid(*PYRAMIDS[architecture], classes, boxes)
    raise ValueError(f"architecture must be one of {', '.join(ARCHITECTURES)}, got {architecture!r}")


def _with_maps(chosen: Sequence[int], classes: Sequence[str], boxes: DefaultBoxes) -> SSD:
    whole = ssd_tiny(classes)
    trunk = ChosenMaps(whole.trunk, list(whole.extras)[: max(chosen) - 1], chosen)
    grids = tuple(boxes.grids[number] for number in chosen)
    fine, coarse = TinyTrunk().channels
    channels = [fine if number == 0 else coarse for number in chosen]
    return _detector(trunk, channels, classes, replace(boxes, grids=grids))


def _with_pyramid(number: int, sizes: Sequence[int], classes: Sequence[str], boxes: DefaultBoxes) -> SSD:
    trunk = TinyTrunk()
    model = _detector(Pyramid(trunk, number, sizes), [trunk.channels[number]] * len(sizes), classes, boxes)
    for heads in (model.offset_heads, model.logit_heads):
        for level in range(1, len(heads)):
            heads[level] = heads[0]
    return model


def _detector(trunk: nn.Module, channels: Sequence[int], classes: Sequence[str], boxes: DefaultBoxes) -> SSD:
    normalised = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
    return SSD(trunk, [], channels, classes=classes, default_boxes=boxes, image_size=128, **normalised)


class ChosenMaps(nn.Module):
    """A trunk and extra maps, of which some are chosen, any of them repeatedly."""

    def __init__(self, trunk: nn.Module, extras: Sequence[nn.Module], chosen: Sequence[int]) -> None:
        super().__init__()
        self.trunk, self.extras, self.chosen = trunk, nn.ModuleList(extras), tuple(chosen)

    def forward(self, images: Tensor) -> list[Tensor]:
        """The chosen maps."""
        maps = self.trunk(images)
        for extra in self.extras:
            maps.append(extra(maps[-1]))
        return [maps[number] for number in self.chosen]


class Pyramid(nn.Module):
    """One map of a trunk, computed for the image at several sizes."""

    def __init__(self, trunk: TinyTrunk, number: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.stages = nn.ModuleList([trunk.stride8, trunk.stride16][: number + 1])
        self.sizes = tuple(sizes)

    def forward(self, images: Tensor) -> list[Tensor]:
        """The map at each size, largest image first."""
        return [self._map(self._resized(images, size)) for size in self.sizes]

    def _map(self, images: Tensor) -> Tensor:
        for stage in self.stages:
            images = stage(images)
        return images

    def _resized(self, images: Tensor, size: int) -> Tensor:
        if images.shape[-1] == size:
            return images
        return interpolate(images, size=(size, size), mode="bilinear", antialias=True)
