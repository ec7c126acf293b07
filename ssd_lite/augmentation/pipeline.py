"""The whole augmentation of a batch: zoom-out, crop, flip and resize in one go, then colours."""

from dataclasses import dataclass, field
from math import inf

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from ssd_lite.augmentation.colour import Photometric
from ssd_lite.augmentation.crop import Crop, sample_patches
from ssd_lite.augmentation.geometry import compose_windows, crop_truths, flip_truths, relative_to
from ssd_lite.device import constant, map_chunks
from ssd_lite.random import RandomSource, uniform
from ssd_lite.resampling import inside_image, resample
from ssd_lite.truths import Truths


@dataclass(frozen=True)
class SSDAugmentation:
    """Turns a batch of decoded images and their truths into one that can be trained on.

    ``size`` is the side of the result in pixels. ``crop`` and ``photometric`` hold the laws of patches
    and colours, or None to leave them out; ``flip`` is the chance of mirroring. ``zoom_out`` is the
    chance that the image is first shrunk onto a canvas of up to ``zoom_out_largest`` times its sides,
    filled with the colour ``fill``: not in the text, but in the released code, for small objects.
    """

    size: int
    crop: Crop | None = field(default_factory=Crop)
    photometric: Photometric | None = field(default_factory=Photometric)
    flip: float = 0.5
    zoom_out: float = 0.0
    zoom_out_largest: float = 4.0
    fill: tuple[float, float, float] = (0.485, 0.456, 0.406)  # ImageNet's mean colour

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size must be at least 1 pixel, got {self.size}")
        for name in ("flip", "zoom_out"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        if not 1 <= self.zoom_out_largest < inf:
            raise ValueError(f"zoom_out_largest must be finite and at least 1, got {self.zoom_out_largest}")
        if not all(0 <= value <= 1 for value in self.fill):
            raise ValueError(f"fill must lie in [0, 1], got {self.fill}")

    def numbers(self, images: int) -> int:
        """How many random numbers so many images need: the length of `PredrawnUniforms`."""
        each = 5  # zoom-out and flip
        if self.crop is not None:
            each += 4 * (len(self.crop.min_overlaps) + 1) * self.crop.trials + 1
        if self.photometric is not None:
            each += 14 if self.photometric.shuffle else 10
        return images * each

    def __call__(
        self,
        images: UInt8[Tensor, "b 3 h w"],
        truths: Truths,
        *,
        generator: RandomSource,
        sizes_px: Int64[Tensor, "b 2"] | None = None,
    ) -> tuple[Float[Tensor, "b 3 {self.size} {self.size}"], Truths]:
        """Float images in [0, 1] and the truths seen in them.

        Images lie in the top left corner of a common canvas; ``sizes_px`` holds their true (height,
        width), by default the whole canvas. Truths are relative to the true image.
        """
        windows = self._zoom_windows(truths, generator)
        truths = relative_to(truths, windows)
        if self.crop is not None:
            patches = sample_patches(truths, generator=generator, options=self.crop)
            truths, windows = crop_truths(truths, patches), compose_windows(windows, patches)
        flip = uniform(generator, truths.boxes_xyxy, len(truths)) < self.flip
        if sizes_px is None:
            height, width = images.shape[-2:]
            sizes_px = constant([height, width], images.device).long().expand(len(images), 2)
        colours = () if self.photometric is None else self.photometric.draw(windows, generator)
        (seen,) = map_chunks(self._seen, 1, images, sizes_px, windows, flip, *colours)
        return seen, flip_truths(truths, flip)

    def _seen(
        self,
        images: UInt8[Tensor, "b 3 h w"],
        sizes_px: Int64[Tensor, "b 2"],
        windows: Float[Tensor, "b 4"],
        flip: Bool[Tensor, " b"],
        *colours: Tensor,
    ) -> tuple[Float[Tensor, "b 3 {self.size} {self.size}"]]:
        """What is seen through the windows, with its colours changed."""
        largest = self.zoom_out_largest if self.zoom_out else 1.0
        options = {"sizes_px": sizes_px, "windows_xyxy": windows, "flip": flip}
        result = resample(images, self.size, largest_window=largest, **options)
        if self.photometric is not None:
            result = self.photometric.distort(result, *colours)
        if self.zoom_out:  # last, so that the canvas keeps its colour
            fill = constant(self.fill, result.device).view(1, 3, 1, 1)
            result = torch.where(inside_image(windows, self.size, flip=flip), result, fill)
        return (result,)

    def _zoom_windows(self, truths: Truths, generator: RandomSource) -> Float[Tensor, "b 4"]:
        """What is seen of each image's surroundings: (0, 0, 1, 1), or more where it is zoomed out."""
        chance, ratio, x, y = uniform(generator, truths.boxes_xyxy, 4, len(truths), axis=1).unbind(0)
        ratio = torch.where(chance < self.zoom_out, 1 + (self.zoom_out_largest - 1) * ratio, 1.0)
        low = torch.stack([x, y], dim=-1) * (1 - ratio).unsqueeze(-1)
        return torch.cat([low, low + ratio.unsqueeze(-1)], dim=-1)
