"""The detector: a trunk, extra feature maps, and two small heads on every map."""

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from ssd_lite.detection import Detections, detect
from ssd_lite.resampling import resample
from ssd_lite.scales import DefaultBoxes

OPTIONS = signature(detect).parameters.keys() - {"offsets", "logits", "default_boxes", "variances"}


class SSD(nn.Module):
    """A single-shot detector: one convolution a map for the offsets, one for the class logits.

    ``trunk`` maps normalised images to a list of feature maps, finest first; each of ``extras`` makes a
    coarser map from the last one. ``channels`` are those of all maps. ``classes`` are the objects'
    names, without background. Images come in [0, 1] and are normalised here, with ``mean`` and ``std``,
    so that training and use cannot differ. ``detection`` holds options of
    :func:`ssd_lite.detection.detect` that :meth:`predict` takes unless it is told otherwise.

    Raises ``ValueError`` when classes are missing or named twice, or when maps and default boxes
    disagree.
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
            raise ValueError(f"{len(channels)} maps need as many grids, got {len(default_boxes.grids)}")
        self.trunk, self.extras = trunk, nn.ModuleList(extras)
        self.classes, self.default_boxes = tuple(classes), default_boxes
        self.image_size, self.variances = image_size, (float(variances[0]), float(variances[1]))
        self.detection = dict(detection or {})
        if unknown := self.detection.keys() - OPTIONS:
            raise ValueError(f"detection must hold some of {sorted(OPTIONS)}, got {sorted(unknown)}")
        self.config: dict[str, Any] = {}  # how to build it again; the builders fill it in
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
                f"images of {tuple(images.shape[-2:])} give maps of {grids}, "
                f"but the default boxes are made for {self.default_boxes.grids}"
            )
        offsets = [_per_box(head(m), 4) for head, m in zip(self.offset_heads, maps, strict=True)]
        logits = [
            _per_box(head(m), 1 + len(self.classes)) for head, m in zip(self.logit_heads, maps, strict=True)
        ]
        return torch.cat(offsets, dim=1), torch.cat(logits, dim=1)

    @torch.no_grad()
    def predict(
        self,
        images: Sequence[Tensor] | Tensor,
        *,
        sizes_px: Tensor | None = None,
        relative: bool = False,
        **options: Any,
    ) -> list[Detections]:
        """The detections in each image, as torchvision's detectors return them: boxes in its pixels.

        ``images`` is a list of (3, h, w) of any sizes, or a batch; uint8, or float in [0, 1]. They are
        resampled to the model's size, through uint8; those that all have it are taken as they are. A
        batch on a common canvas comes with the images' true (height, width) as ``sizes_px``.
        ``relative`` leaves the boxes relative to the image. ``options`` go to
        :func:`ssd_lite.detection.detect`, over those of the model's ``detection``. The
        model is put in evaluation mode for the call.
        """
        if len(images) == 0:
            return []
        inputs, sizes = self._inputs(images, sizes_px)
        was_training = self.training
        self.eval()
        offsets, logits = self(inputs)
        self.train(was_training)
        options = {"variances": self.variances} | self.detection | options
        found = detect(offsets.float(), logits.float(), self.default_boxes, **options)
        for detections, (height, width) in zip(
            [] if relative else found, sizes.tolist(), strict=not relative
        ):
            detections["boxes"] *= detections["boxes"].new_tensor([width, height, width, height])
        return found

    def _inputs(
        self, images: Sequence[Tensor] | Tensor, sizes_px: Tensor | None
    ) -> tuple[Float[Tensor, "b 3 s s"], Tensor]:
        """The images at the model's size, and their own (height, width)."""
        device, square = self.mean.device, (3, self.image_size, self.image_size)
        if sizes_px is None and all(image.shape == square for image in images):
            # Nothing to resample, so nothing is rounded: what training's augmentation gives comes here too.
            exact = [image / 255 if image.dtype == torch.uint8 else image for image in images]
            inputs = torch.stack(exact).to(self.mean)
            return inputs, torch.tensor(square[1:], device=device).expand(len(inputs), 2)
        canvas, sizes = _canvas(images) if sizes_px is None else (_as_uint8(images), sizes_px)  # type: ignore[arg-type]
        canvas, sizes = canvas.to(device), sizes.to(device)
        return resample(canvas, self.image_size, sizes_px=sizes), sizes


def _per_box(prediction: Float[Tensor, "b n h w"], values: int) -> Float[Tensor, "b d {values}"]:
    """(b, boxes · values, rows, columns) as (b, d, values), in the order of the default boxes."""
    return prediction.permute(0, 2, 3, 1).reshape(prediction.shape[0], -1, values)


def _canvas(images: Sequence[Tensor] | Tensor) -> tuple[UInt8[Tensor, "b 3 h w"], Tensor]:
    """Images of any sizes on a common canvas, and their (height, width)."""
    images = [_as_uint8(image) for image in images]
    for number, image in enumerate(images):
        if image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
            raise ValueError(f"image {number}: shape must be (3, height, width), got {tuple(image.shape)}")
    sizes = torch.tensor([image.shape[-2:] for image in images], device="cpu")
    height, width = sizes.amax(dim=0).tolist()
    canvas = images[0].new_zeros(len(images), 3, height, width)
    for place, image in zip(canvas, images, strict=True):
        place[:, : image.shape[1], : image.shape[2]] = image
    return canvas, sizes


def _as_uint8(images: Tensor) -> UInt8[Tensor, "..."]:
    """Images as uint8; floats are taken to lie in [0, 1]."""
    return images if images.dtype == torch.uint8 else (images * 255).round().clamp(0, 255).to(torch.uint8)


def _initialise(layer: nn.Module) -> None:
    """Xavier weights and no bias for new convolutions, as in the released code."""
    if isinstance(layer, nn.Conv2d):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
