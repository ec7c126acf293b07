"""Which patch of each image is seen: the sampling strategies of section 2.2, "Data augmentation"."""

from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.functional import pad

from ssd_lite.boxes import centres_inside, jaccard
from ssd_lite.device import constant
from ssd_lite.random import RandomSource, uniform
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
