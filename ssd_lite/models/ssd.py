"""The detector: a trunk, extra feature maps, and two small heads on every map."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ssd_lite.detection import DetectionOptions, Detections, detect
from ssd_lite.models.heads import apply_heads
from ssd_lite.models.inputs import as_batch
from ssd_lite.models.mode import evaluation_mode
from ssd_lite.scales import DefaultBoxes


class SSD(nn.Module):
    """A single-shot detector: on each feature map one convolution for offsets, one for class logits.

    ``trunk`` maps normalised images to a list of feature maps, finest first; each of ``extras`` makes a
    coarser map from the last one; ``channels`` lists the channels of all of them. ``classes`` are the
    names of the objects, without background. Images come in [0, 1] and are normalised here with ``mean``
    and ``std``, so that training and prediction cannot differ. ``detection`` holds defaults for the
    options of :meth:`predict`.

    Raises ``ValueError`` for missing or repeated classes, for another number of maps than the default
    boxes have grids, and for unknown or invalid options of detection.
    """

    def __init__(
        self,
        trunk: nn.Module,
        extras: Sequence[nn.Module],
        channels: Sequence[int],
        *,
        classes: Sequence[str],
        default_boxes: DefaultBoxes,
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        variances: Sequence[float] = (0.1, 0.2),
        detection: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if isinstance(classes, str) or not classes or len(set(classes)) != len(classes):
            raise ValueError(f"classes must be a list of different names, got {classes!r}")
        if len(channels) != len(default_boxes.grids):
            grids = len(default_boxes.grids)
            raise ValueError(
                f"default_boxes must have a grid for each of the {len(channels)} maps, got {grids}"
            )
        self.trunk, self.extras = trunk, nn.ModuleList(extras)
        self.classes, self.default_boxes = tuple(classes), default_boxes
        self.image_size, self.variances = image_size, (float(variances[0]), float(variances[1]))
        self.detection = dict(detection or {})
        DetectionOptions(**self.detection)
        self.config: dict[str, Any] = {}  # how to build the model again; filled in by the builders
        pairs = list(zip(channels, default_boxes.per_location, strict=True))
        self.offset_heads = nn.ModuleList(nn.Conv2d(c, 4 * n, 3, padding=1) for c, n in pairs)
        self.logit_heads = nn.ModuleList(nn.Conv2d(c, (1 + len(classes)) * n, 3, padding=1) for c, n in pairs)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.mean: Tensor
        self.std: Tensor
        for new in (self.extras, self.offset_heads, self.logit_heads):
            new.apply(_initialise)

    def forward(
        self, images: Float[Tensor, "b 3 h w"]
    ) -> tuple[Float[Tensor, "b d 4"], Float[Tensor, "b d c"]]:
        """Offsets and class logits of every default box, for images in [0, 1]."""
        maps = self.trunk((images - self.mean) / self.std)
        for extra in self.extras:
            maps.append(extra(maps[-1]))
        grids = tuple((m.shape[-2], m.shape[-1]) for m in maps)
        if grids != self.default_boxes.grids:
            raise ValueError(
                f"images must be {self.image_size} × {self.image_size} pixels: {tuple(images.shape[-2:])} "
                f"give maps of {grids}, but the default boxes are made for {self.default_boxes.grids}"
            )
        return apply_heads(maps, self.offset_heads, self.logit_heads, num_classes=1 + len(self.classes))

    @torch.no_grad()
    def predict(
        self,
        images: Sequence[Tensor] | Tensor,
        *,
        sizes_px: Tensor | None = None,
        relative: bool = False,
        **options: Any,
    ) -> list[Detections]:
        """The detections in each image, in torchvision's form, with boxes in the image's own pixels.

        ``images`` is a list of (3, h, w) of any sizes, or a batch; uint8, or float in [0, 1]. They are
        rounded to uint8 and resampled to the model's size, unless all have that size already. For a
        batch on a common canvas, ``sizes_px`` (b, 2) gives each image's true (height, width).
        ``relative=True`` leaves the boxes relative to the image. ``options`` are those of
        :func:`ssd_lite.detection.detect` and override the model's ``detection``.

        The network runs in evaluation mode; afterwards every submodule has its own mode again. Raises
        ``ValueError`` for an image that is not (3, height, width), naming its index.
        """
        if len(images) == 0:
            return []
        inputs, sizes = as_batch(images, sizes_px, size=self.image_size, like=self.mean)
        with evaluation_mode(self):
            offsets, logits = self(inputs)
        options = {"variances": self.variances} | self.detection | options
        found = detect(offsets.float(), logits.float(), self.default_boxes, **options)
        for detections, (height, width) in zip(found, sizes.tolist(), strict=True):
            detections.classes = self.classes
            if not relative:
                detections["boxes"] *= detections["boxes"].new_tensor([width, height, width, height])
        return found


def _initialise(layer: nn.Module) -> None:
    """Xavier weights and no bias for new convolutions, as in the released code."""
    if isinstance(layer, nn.Conv2d):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
