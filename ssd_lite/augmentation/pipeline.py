"""The whole augmentation of a batch: zoom out, crop, mirror and resize in one go, then distort colours."""

from dataclasses import field
from typing import Annotated

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from pydantic import Field, StrictFloat, StrictInt
from torch import Tensor

from ssd_lite.augmentation.colour import Photometric
from ssd_lite.augmentation.crop import Crop, sample_patches
from ssd_lite.augmentation.geometry import compose_windows, crop_truths, flip_truths, relative_to
from ssd_lite.deprecation import warn_renamed
from ssd_lite.device import constant, map_chunks
from ssd_lite.random import RandomSource, uniform
from ssd_lite.resampling import inside_image, resample
from ssd_lite.settings import settings
from ssd_lite.truths import Truths

Share = Annotated[StrictFloat, Field(ge=0, le=1)]


@settings(kw_only=False)
class SSDAugmentation:
    """Augments a batch of decoded images and their truths for training.

    - ``size``: the side of the resulting images in pixels.
    - ``crop``, ``photometric``: the options of patches and colours; None leaves the step out.
    - ``flip``: the chance of mirroring left to right.
    - ``zoom_out``: the chance of first shrinking the image onto a canvas of up to ``zoom_out_largest``
      times its sides, filled with the colour ``fill``. The text has none; the released code does, for the
      sake of small objects.

    Raises ``ValueError`` naming an invalid setting.
    """

    size: Annotated[StrictInt, Field(ge=1)]
    crop: Crop | None = field(default_factory=Crop)
    photometric: Photometric | None = field(default_factory=Photometric)
    flip: Share = 0.5
    zoom_out: Share = 0.0
    zoom_out_largest: Annotated[StrictFloat, Field(ge=1)] = 4.0
    fill: tuple[Share, Share, Share] = (0.485, 0.456, 0.406)  # ImageNet's mean colour

    def num_uniforms(self, images: int) -> int:
        """The length of the :class:`ssd_lite.random.PredrawnUniforms` that so many images need."""
        each = 5  # zoom-out and flip
        if self.crop is not None:
            each += 4 * (len(self.crop.min_overlaps) + 1) * self.crop.trials + 1
        if self.photometric is not None:
            each += 14 if self.photometric.shuffle else 10
        return images * each

    def numbers(self, images: int) -> int:
        """Deprecated name of :meth:`num_uniforms`."""
        warn_renamed("SSDAugmentation.numbers", "SSDAugmentation.num_uniforms")
        return self.num_uniforms(images)

    def __call__(
        self,
        images: UInt8[Tensor, "b 3 h w"],
        truths: Truths,
        *,
        generator: RandomSource,
        sizes_px: Int64[Tensor, "b 2"] | None = None,
    ) -> tuple[Float[Tensor, "b 3 {self.size} {self.size}"], Truths]:
        """The augmented images, in [0, 1], and their truths.

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
        (pixels,) = map_chunks(self._render, 1, images, sizes_px, windows, flip, *colours)
        return pixels, flip_truths(truths, flip)

    def _render(
        self,
        images: UInt8[Tensor, "b 3 h w"],
        sizes_px: Int64[Tensor, "b 2"],
        windows: Float[Tensor, "b 4"],
        flip: Bool[Tensor, " b"],
        *colours: Tensor,
    ) -> tuple[Float[Tensor, "b 3 {self.size} {self.size}"]]:
        """The windows of the images, resized and with their colours distorted."""
        largest = self.zoom_out_largest if self.zoom_out else 1.0
        options = {"sizes_px": sizes_px, "windows_xyxy": windows, "flip": flip}
        result = resample(images, self.size, largest_window=largest, **options)
        if self.photometric is not None:
            result = self.photometric.distort(result, *colours)
        if self.zoom_out:  # last, so that the canvas keeps its exact colour
            fill = constant(self.fill, result.device).view(1, 3, 1, 1)
            result = torch.where(inside_image(windows, self.size, flip=flip), result, fill)
        return (result,)

    def _zoom_windows(self, truths: Truths, generator: RandomSource) -> Float[Tensor, "b 4"]:
        """The window of each image: (0, 0, 1, 1), or a larger one where the image is zoomed out."""
        chance, ratio, x, y = uniform(generator, truths.boxes_xyxy, 4, len(truths), axis=1).unbind(0)
        ratio = torch.where(chance < self.zoom_out, 1 + (self.zoom_out_largest - 1) * ratio, 1.0)
        low = torch.stack([x, y], dim=-1) * (1 - ratio).unsqueeze(-1)
        return torch.cat([low, low + ratio.unsqueeze(-1)], dim=-1)
