"""Data augmentation: patches, flips and colours, for a whole batch at once, on any device.

Section 2.2, "Data augmentation": each training image is the whole image, or a patch that overlaps
an object enough, or any patch; then it is resized, mirrored half of the time, and distorted in
colour. Nothing here loops over images: candidates for all images and all trials are drawn
together, and one sampling grid crops, zooms, mirrors and resizes.
"""

from dataclasses import dataclass, field
from math import inf

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor
from torch.nn.functional import pad

from ssd_lite.boxes import centres_inside, jaccard
from ssd_lite.device import can_read_values, constant, map_chunks
from ssd_lite.random import RandomSource, uniform
from ssd_lite.resampling import inside_image, resample
from ssd_lite.truths import Truths


@dataclass(frozen=True, kw_only=True)
class Crop:
    """The law by which patches are drawn; the defaults follow the text.

    ``weights`` are the chances of the whole image, of a patch with a minimum overlap (each of
    ``min_overlaps`` alike), and of any patch. The text names three options, (1, 1, 1); the released
    code and most ports give each overlap a share of its own, (1, 5, 1).

    ``size`` bounds a patch and ``size_of`` says what of it: ``"area"`` as a share of the image's (the
    released code draws a scale from 0.3 to 1, area 0.09 to 1), or ``"side"``, width and height drawn
    on their own and rejected by their ratio, as in most ports. ``aspect_ratio`` is width to height
    relative to the image, as in the released code; it is drawn evenly in its logarithm, so wide
    and tall are alike, and only such as fit the image.

    ``overlap_with="any"`` asks for the minimum overlap with at least one object (released code),
    ``"all"`` with every object (three ports; hardly possible in crowded images).

    ``order="choose-then-draw"`` picks the option first and then tries to draw it (ports);
    ``"draw-then-choose"`` picks among the options that could be drawn (released code). With ``keep_empty``
    a patch may hold no object's centre (text and released code); most ports draw again.
    When none of ``trials`` patches satisfies its rule, the image is used whole.
    """

    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    min_overlaps: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    size: tuple[float, float] = (0.1, 1.0)
    size_of: str = "area"
    aspect_ratio: tuple[float, float] = (0.5, 2.0)
    overlap_with: str = "any"
    order: str = "choose-then-draw"
    keep_empty: bool = True
    trials: int = 50

    def __post_init__(self) -> None:
        for name, allowed in (
            ("size_of", ("area", "side")),
            ("overlap_with", ("any", "all")),
            ("order", ("choose-then-draw", "draw-then-choose")),
        ):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if len(self.weights) != 3 or not all(0 <= weight < inf for weight in self.weights):
            raise ValueError(f"weights must be three finite numbers, not negative, got {self.weights}")
        if sum(self.weights) == 0:
            raise ValueError(f"weights must not be all zero, got {self.weights}")
        if not 0 < self.size[0] <= self.size[1] <= 1:
            raise ValueError(f"size must satisfy 0 < smallest <= largest <= 1, got {self.size}")
        if not 0 < self.aspect_ratio[0] <= 1 <= self.aspect_ratio[1]:
            raise ValueError(f"aspect_ratio must span 1, got {self.aspect_ratio}")
        if not self.min_overlaps or not all(0 <= overlap <= 1 for overlap in self.min_overlaps):
            raise ValueError(f"min_overlaps must be one or more in [0, 1], got {self.min_overlaps}")
        if self.trials < 1:
            raise ValueError(f"trials must be at least 1, got {self.trials}")


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


def sample_patches(
    truths: Truths, *, generator: RandomSource, options: Crop | None = None
) -> Float[Tensor, "b 4"]:
    """One patch for each image (xyxy, relative to it): all of it, or one that the law has drawn.

    A patch that must overlap an object does, or the image is used whole; so is an image without
    objects when such a patch is asked for. Source: section 2.2, data augmentation.
    """
    options = options or Crop()
    rules = constant([*options.min_overlaps, -1.0], truths.labels.device)  # -1: any patch will do
    images, choices = len(truths), len(rules)
    draws = uniform(generator, truths.boxes_xyxy, images, choices * options.trials, 4)
    patches, fits = _candidates(draws, options)
    needed = rules.repeat_interleave(options.trials)
    good = (fits & _satisfies(patches, truths, needed, options)).view(images, choices, options.trials)
    patches = patches.view(images, choices, options.trials, 4)
    # Of equal values argmax takes the first. In bytes, torch 2.15 compiled it wrongly on a CPU.
    first = good.float().argmax(dim=-1)
    patches = patches.gather(2, first[:, :, None, None].expand(-1, -1, 1, 4)).squeeze(2)
    whole = constant([0.0, 0.0, 1.0, 1.0], patches.device).expand(images, 1, 4)
    chosen = _choose(good.any(dim=-1), uniform(generator, patches, images), options)
    return torch.cat([whole, patches], dim=1).gather(1, chosen.view(-1, 1, 1).expand(-1, 1, 4)).squeeze(1)


def _candidates(
    draws: Float[Tensor, "b n 4"], options: Crop
) -> tuple[Float[Tensor, "b n 4"], Bool[Tensor, "b n"]]:
    """Patches from numbers in [0, 1), and which of them have an allowed shape."""
    (smallest, largest), (lowest, highest) = options.size, options.aspect_ratio
    first = smallest + (largest - smallest) * draws[..., 0]
    if options.size_of == "area":
        low, high = first.clamp(min=lowest).log(), (1 / first).clamp(max=highest).log()
        ratio = (low + (high - low) * draws[..., 1]).exp()
        sides = torch.stack([(first * ratio).sqrt(), (first / ratio).sqrt()], dim=-1).clamp(max=1)
        fits = torch.ones_like(ratio, dtype=torch.bool)
    else:
        second = smallest + (largest - smallest) * draws[..., 1]
        sides = torch.stack([first, second], dim=-1)
        fits = (first / second >= lowest) & (first / second <= highest)
    corner = draws[..., 2:] * (1 - sides)
    return torch.cat([corner, (corner + sides).clamp(max=1)], dim=-1), fits


def _satisfies(
    patches: Float[Tensor, "b n 4"], truths: Truths, needed: Float[Tensor, " n"], options: Crop
) -> Bool[Tensor, "b n"]:
    """Which patches overlap the objects as needed, and hold a centre if they must."""
    boxes = pad(truths.boxes_xyxy, (0, 0, 0, 1))  # one row of padding more, so that t is never 0
    present = pad(truths.present, (0, 1)).unsqueeze(1)  # (b, 1, t)
    overlaps = jaccard(patches, boxes)  # (b, n, t)
    if options.overlap_with == "any":
        reached = overlaps.masked_fill(~present, -1.0).amax(dim=-1)
    else:
        reached = overlaps.masked_fill(~present, 2.0).amin(dim=-1)
    free = needed < 0
    good = free | ((reached >= needed) & present.any(dim=-1))
    if not options.keep_empty:
        held = centres_inside(boxes.unsqueeze(1), patches)  # (b, n, t)
        good = good & (held & present).any(dim=-1)
    return good


def _choose(possible: Bool[Tensor, "b o"], chance: Float[Tensor, " b"], options: Crop) -> Int64[Tensor, " b"]:
    """Which option each image takes: 0 the whole image, then the minimum overlaps, last any patch."""
    whole, overlap, free = options.weights
    share = overlap / len(options.min_overlaps)
    weights = constant([whole, *[share] * len(options.min_overlaps), free], chance.device).expand(
        len(chance), -1
    )
    possible = torch.cat([torch.ones_like(possible[:, :1]), possible], dim=1)
    if options.order == "draw-then-choose":
        weights = weights * possible
    steps = weights.cumsum(dim=1)
    chosen = (steps <= chance.unsqueeze(1) * steps[:, -1:]).sum(dim=1)
    chosen = chosen.where(chosen < possible.shape[1], 0)  # nothing with a weight was possible
    return chosen.where(possible.gather(1, chosen.unsqueeze(1)).squeeze(1), 0)


def crop_truths(truths: Truths, patches_xyxy: Float[Tensor, "b 4"]) -> Truths:
    """The objects as seen in the patches: those whose centre lies inside, clipped, relative to the patch.

    The others become padding. A centre on the patch's edge lies inside. Source: section 2.2:
    "We keep the overlapped part of the ground truth box if the center of it is in the sampled patch".
    """
    kept = centres_inside(truths.boxes_xyxy, patches_xyxy) & truths.present
    seen = relative_to(truths, patches_xyxy)
    return Truths(seen.boxes_xyxy.clamp(0, 1), seen.labels, seen.difficult).without(~kept)


def relative_to(truths: Truths, windows_xyxy: Float[Tensor, "b 4"]) -> Truths:
    """The same objects in the coordinates of a window, which may be larger than the image; padding is 0."""
    low, high = windows_xyxy[:, None, :2], windows_xyxy[:, None, 2:]
    boxes = (truths.boxes_xyxy - torch.cat([low, low], -1)) / torch.cat([high - low, high - low], -1)
    return Truths(boxes, truths.labels, truths.difficult).without(~truths.present)


def flip_truths(truths: Truths, flip: Bool[Tensor, " b"]) -> Truths:
    """The objects of mirrored images; padding stays as it is."""
    x0, y0, x1, y1 = truths.boxes_xyxy.unbind(-1)
    mirrored = torch.stack([1 - x1, y0, 1 - x0, y1], dim=-1)
    turned = (flip.unsqueeze(1) & truths.present).unsqueeze(-1)
    return Truths(torch.where(turned, mirrored, truths.boxes_xyxy), truths.labels, truths.difficult)


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
            truths, windows = crop_truths(truths, patches), _compose(windows, patches)
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


def _compose(windows_xyxy: Float[Tensor, "b 4"], patches_xyxy: Float[Tensor, "b 4"]) -> Float[Tensor, "b 4"]:
    """Patches of windows, in the coordinates of the image."""
    low, size = windows_xyxy[:, :2], windows_xyxy[:, 2:] - windows_xyxy[:, :2]
    return torch.cat([low + patches_xyxy[:, :2] * size, low + patches_xyxy[:, 2:] * size], dim=-1)
