"""Sampling one patch per image: the three options of section 2.2, "Data augmentation"."""

from typing import Annotated, Literal

import torch
from jaxtyping import Bool, Float, Int64
from pydantic import Field, StrictBool, StrictFloat, StrictInt
from torch import Tensor
from torch.nn.functional import pad

from ssd_lite.boxes import centres_inside, jaccard
from ssd_lite.deprecation import warn_renamed
from ssd_lite.device import constant
from ssd_lite.random import RandomSource, uniform
from ssd_lite.settings import settings
from ssd_lite.truths import Truths

Weight = Annotated[StrictFloat, Field(ge=0)]
Overlap = Annotated[StrictFloat, Field(ge=0, le=1)]
Share = Annotated[StrictFloat, Field(gt=0, le=1)]


@settings()
class Crop:
    """How patches are sampled; the defaults follow the text.

    - ``weights``: the relative chances of the whole image, of a patch with a minimum overlap (each of
      ``min_overlaps`` equally likely), and of any patch. The text names three options, (1, 1, 1); the
      released code and most ports count each overlap as an option of its own, (1, 5, 1).
    - ``size``: the smallest and the largest patch, by ``size_of``. ``"area"`` is relative to the image's
      area (the released code draws a scale from 0.3 to 1, an area of 0.09 to 1). ``"side"`` draws width
      and height separately and rejects pairs outside ``aspect_ratio``, as most ports do.
    - ``aspect_ratio``: the smallest and the largest width / height, relative to the image's, as in the
      released code. Drawn uniformly in its logarithm, so that wide and tall patches are equally likely,
      among the ratios that fit into the image.
    - ``overlap_with``: ``"any"`` requires the minimum overlap with at least one object (released code),
      ``"all"`` with every object (three ports; rarely possible in crowded images).
    - ``order``: ``"choose-then-draw"`` picks an option and then tries to draw it (ports);
      ``"draw-then-choose"`` picks among the options that could be drawn (released code).
    - ``keep_empty``: whether a patch may contain no object's centre (text and released code); most ports
      draw again.
    - ``trials``: patches drawn per option. If none of them satisfies the option, the image is used whole.

    Raises ``ValueError`` naming an invalid setting.
    """

    weights: tuple[Weight, Weight, Weight] = (1.0, 1.0, 1.0)
    min_overlaps: Annotated[tuple[Overlap, ...], Field(min_length=1)] = (0.1, 0.3, 0.5, 0.7, 0.9)
    size: tuple[Share, Share] = (0.1, 1.0)
    size_of: Literal["area", "side"] = "area"
    aspect_ratio: tuple[Share, Annotated[StrictFloat, Field(ge=1)]] = (0.5, 2.0)
    overlap_with: Literal["any", "all"] = "any"
    order: Literal["choose-then-draw", "draw-then-choose"] = "choose-then-draw"
    keep_empty: StrictBool = True
    trials: Annotated[StrictInt, Field(ge=1)] = 50

    def __post_init__(self) -> None:
        if sum(self.weights) == 0:
            raise ValueError(f"weights must not be all zero, got {self.weights}")
        if self.size[0] > self.size[1]:
            raise ValueError(f"size must be (smallest, largest), got {self.size}")


DEFAULT = Crop()
"""Made once, since a compiled graph cannot check settings."""


def sample_patches(
    truths: Truths, *, generator: RandomSource, options: Crop | None = None, law: Crop | None = None
) -> Float[Tensor, "b 4"]:
    """One patch per image (xyxy, relative to it): the whole image, or one drawn according to ``options``.

    A patch with a minimum overlap really has it; otherwise the image is used whole. An image without
    objects is used whole whenever an overlap is required. ``law`` is the deprecated name of ``options``.

    Source: section 2.2, data augmentation.
    """
    if law is not None:
        warn_renamed("sample_patches(law=)", "options=")
    options = options or law or DEFAULT
    rules = constant([*options.min_overlaps, -1.0], truths.labels.device)  # -1: any patch
    images, choices = len(truths), len(rules)
    draws = uniform(generator, truths.boxes_xyxy, images, choices * options.trials, 4)
    patches, fits = _candidates(draws, options)
    needed = rules.repeat_interleave(options.trials)
    good = (fits & _satisfies(patches, truths, needed, options)).view(images, choices, options.trials)
    patches = patches.view(images, choices, options.trials, 4)
    # argmax returns the first of equal values. For bytes, torch 2.15 compiles it wrongly for CPUs.
    first = good.float().argmax(dim=-1)
    patches = patches.gather(2, first[:, :, None, None].expand(-1, -1, 1, 4)).squeeze(2)
    whole = constant([0.0, 0.0, 1.0, 1.0], patches.device).expand(images, 1, 4)
    choice = _choose(good.any(dim=-1), uniform(generator, patches, images), options)
    return torch.cat([whole, patches], dim=1).gather(1, choice.view(-1, 1, 1).expand(-1, 1, 4)).squeeze(1)


def _candidates(
    draws: Float[Tensor, "b n 4"], options: Crop
) -> tuple[Float[Tensor, "b n 4"], Bool[Tensor, "b n"]]:
    """Patches from random numbers in [0, 1), and whether each has an allowed aspect ratio."""
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
    """Whether each patch has the overlap needed, and contains the centre of an object if it must."""
    boxes = pad(truths.boxes_xyxy, (0, 0, 0, 1))  # one more row of padding, so that t is never 0
    present = pad(truths.present, (0, 1)).unsqueeze(1)  # (b, 1, t)
    overlaps = jaccard(patches, boxes)  # (b, n, t)
    if options.overlap_with == "any":
        reached = overlaps.masked_fill(~present, -1.0).amax(dim=-1)
    else:
        reached = overlaps.masked_fill(~present, 2.0).amin(dim=-1)
    any_patch = needed < 0
    good = any_patch | ((reached >= needed) & present.any(dim=-1))
    if not options.keep_empty:
        contains = centres_inside(boxes.unsqueeze(1), patches)  # (b, n, t)
        good = good & (contains & present).any(dim=-1)
    return good


def _choose(possible: Bool[Tensor, "b o"], chance: Float[Tensor, " b"], options: Crop) -> Int64[Tensor, " b"]:
    """The option of each image: 0 is the whole image, then come the minimum overlaps, last any patch."""
    whole, overlap, any_patch = options.weights
    share = overlap / len(options.min_overlaps)
    weights = constant([whole, *[share] * len(options.min_overlaps), any_patch], chance.device).expand(
        len(chance), -1
    )
    possible = torch.cat([torch.ones_like(possible[:, :1]), possible], dim=1)
    if options.order == "draw-then-choose":
        weights = weights * possible
    cumulative = weights.cumsum(dim=1)
    choice = (cumulative <= chance.unsqueeze(1) * cumulative[:, -1:]).sum(dim=1)
    choice = choice.where(choice < possible.shape[1], 0)  # no option with a weight was possible
    return choice.where(possible.gather(1, choice.unsqueeze(1)).squeeze(1), 0)
