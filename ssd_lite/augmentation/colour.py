"""Colour distortions of a batch of images, each image with its own."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ssd_lite.device import can_read_values, map_chunks
from ssd_lite.random import RandomSource, uniform


@dataclass(frozen=True, kw_only=True)
class Photometric:
    """The colour distortions, each applied with ``probability``; the defaults are the released code's.

    ``brightness`` is added, up to ± 32 of 255 (torchvision multiplies instead:
    ``brightness_by="product"``, by 1 ± the value); ``contrast`` and ``saturation`` are ranges of
    factors; ``hue`` is in degrees on the circle (the released ± 18 of OpenCV's 180 are ± 36 degrees;
    ports took them for 18 degrees).
    ``shuffle`` is the chance that the colour channels are permuted: 0 in the released code, 0.5 in
    four ports. Half of the images have their contrast changed before saturation and hue, the
    others after them. Values are cut to [0, 1] after each step; hue goes round the circle (the
    released code cuts it off at red).
    """

    brightness: float = 32 / 255
    brightness_by: str = "sum"
    contrast: tuple[float, float] = (0.5, 1.5)
    saturation: tuple[float, float] = (0.5, 1.5)
    hue: float = 36.0
    shuffle: float = 0.0
    probability: float = 0.5

    def __post_init__(self) -> None:
        if self.brightness_by not in ("sum", "product"):
            raise ValueError(f"brightness_by must be sum or product, got {self.brightness_by!r}")
        for name in ("probability", "shuffle", "brightness"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)}")
        if not 0 <= self.hue <= 180:
            raise ValueError(f"hue must lie in [0, 180] degrees, got {self.hue}")
        for name in ("contrast", "saturation"):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise ValueError(f"{name} must satisfy 0 <= lowest <= highest, got {(low, high)}")

    def __call__(
        self, images: Float[Tensor, "b 3 h w"], *, generator: RandomSource
    ) -> Float[Tensor, "b 3 h w"]:
        """The images, each with distortions of its own."""
        drawn = self.draw(images, generator)
        return map_chunks(lambda *rows: (self.distort(*rows),), 1, images, *drawn)[0]

    def draw(self, images: Float[Tensor, "b *_"], generator: RandomSource) -> tuple[Tensor, ...]:
        """What :meth:`distort` needs for each of so many images."""
        drawn = uniform(generator, images, 5, len(images), axis=1)
        applies = uniform(generator, images, 5, len(images), axis=1) < self.probability

        def between(row: int, low: float, high: float, neutral: float) -> Float[Tensor, "b 1 1 1"]:
            value = low + (high - low) * drawn[row]
            return torch.where(applies[row], value, neutral).view(-1, 1, 1, 1)

        summed = self.brightness_by == "sum"
        brightness = between(0, -self.brightness, self.brightness, 0.0)
        contrast = between(1, *self.contrast, 1.0)
        early = (drawn[4] < 0.5).view(-1, 1, 1, 1)
        return (
            brightness if summed else 1 + brightness,
            torch.where(early, contrast, 1.0),
            between(2, *self.saturation, 1.0),
            between(3, -self.hue, self.hue, 0.0),
            torch.where(early, 1.0, contrast),
            self._order(images, generator),
        )

    def distort(
        self,
        images: Float[Tensor, "b 3 h w"],
        brightness: Float[Tensor, "b 1 1 1"],
        early_contrast: Float[Tensor, "b 1 1 1"],
        saturation: Float[Tensor, "b 1 1 1"],
        hue: Float[Tensor, "b 1 1 1"],
        late_contrast: Float[Tensor, "b 1 1 1"],
        order: Int64[Tensor, "b 3"],
    ) -> Float[Tensor, "b 3 h w"]:
        """The images with these distortions; those that would change nothing are left out on a CPU."""
        if not _all(brightness, 0.0 if self.brightness_by == "sum" else 1.0):
            changed = images + brightness if self.brightness_by == "sum" else images * brightness
            images = changed.clamp_(0, 1)
        if not _all(early_contrast, 1.0):
            images = (images * early_contrast).clamp_(0, 1)
        if not (_all(saturation, 1.0) and _all(hue, 0.0)):
            images = shift_colours(images, saturation, hue)
        if not _all(late_contrast, 1.0):
            images = (images * late_contrast).clamp_(0, 1)
        return images.gather(1, order[:, :, None, None].expand_as(images)) if self.shuffle else images

    def _order(self, images: Float[Tensor, "b *_"], generator: RandomSource) -> Int64[Tensor, "b 3"]:
        """The order of the channels, red, green, blue but for those that are shuffled."""
        straight = torch.arange(3, device=images.device).expand(len(images), 3)
        if not self.shuffle:
            return straight
        order = uniform(generator, images, len(images), 3).argsort(dim=1)
        shuffled = uniform(generator, images, len(images), 1) < self.shuffle
        return torch.where(shuffled, order, straight)


def _all(values: Tensor, neutral: float) -> bool:
    """Whether all are known to be neutral."""
    return can_read_values(values) and bool((values == neutral).all())


def shift_colours(
    images: Float[Tensor, "b 3 h w"],
    saturation: Float[Tensor, "b 1 1 1"],
    hue: Float[Tensor, "b 1 1 1"],
) -> Float[Tensor, "b 3 h w"]:
    """RGB images in [0, 1] with their HSV saturation multiplied, and their hue turned by degrees."""
    red, green, blue = images.unbind(1)
    value = torch.maximum(torch.maximum(red, green), blue)
    chroma = value - torch.minimum(torch.minimum(red, green), blue)
    divisor = chroma.where(chroma > 0, 1.0)  # grey has no hue; any will do
    sixth = torch.where(
        value == red,
        (green - blue) / divisor,
        torch.where(value == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor),
    )
    sixth = sixth + hue.view(-1, 1, 1) / 60
    chroma = (chroma * saturation.view(-1, 1, 1)).minimum(value)  # saturation is chroma / value, at most 1
    channels = []
    for start in (5, 3, 1):  # red, green, blue: the sixths of the circle where each begins to fall
        position = sixth + start
        position = position - 6 * (position / 6).floor()  # a fraction of remainder's time
        channels.append(value - chroma * (2 - (position - 2).abs()).clamp_(0, 1))
    return torch.stack(channels, dim=1)
