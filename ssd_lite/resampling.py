"""Cutting a window out of every image of a batch and bringing it to one size, in one go."""

import math
from functools import partial

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from ssd_lite.device import can_read_values, constant, map_chunks

SPARE = 0.35
"""Bilinear sampling may shrink by up to 2 ** SPARE = 1.27; beyond that a halved image is read."""


def resample(
    images: UInt8[Tensor, "b 3 h w"],
    size: int,
    *,
    sizes_px: Int64[Tensor, "b 2"] | None = None,
    windows_xyxy: Float[Tensor, "b 4"] | None = None,
    flip: Bool[Tensor, " b"] | None = None,
    largest_window: float = 1.0,
) -> Float[Tensor, "b 3 {size} {size}"]:
    """The windows of the images as ``size`` × ``size`` pixels in [0, 1], mirrored where ``flip`` says so.

    Images lie in the top left corner of a common canvas; ``sizes_px`` holds their true (height,
    width), by default the whole canvas. Windows are relative to the true image, by default all of
    it. Where a window reaches beyond the image, the image's edge goes on.

    Sampling is bilinear. A window with many more pixels than the result is read from an image
    shrunk by averaging to half, a quarter, … so that fine texture does not alias.
    ``largest_window`` bounds the windows' sides and thereby how many such images are made.
    """
    count, _, height, width = images.shape
    if sizes_px is None:
        sizes_px = constant([height, width], images.device).expand(count, 2)
    if windows_xyxy is None:
        windows_xyxy = constant([0.0, 0.0, 1.0, 1.0], images.device).expand(count, 4)
    if flip is None:
        flip = torch.zeros_like(windows_xyxy[:, 0], dtype=torch.bool)
    read = partial(_read, size=size, largest_window=largest_window)
    return map_chunks(read, 1, images, sizes_px, windows_xyxy, flip)[0]


def _read(
    images: UInt8[Tensor, "b 3 h w"],
    sizes_px: Int64[Tensor, "b 2"] | Float[Tensor, "b 2"],
    windows_xyxy: Float[Tensor, "b 4"],
    flip: Bool[Tensor, " b"],
    *,
    size: int,
    largest_window: float,
) -> tuple[Float[Tensor, "b 3 {size} {size}"]]:
    """What :func:`resample` gives for each of the images."""
    height, width = images.shape[-2:]
    true_px = sizes_px.flip(-1).float()  # (b, 2) as (width, height), like coordinates
    deepest = max(0, math.ceil(math.log2(max(height, width) * largest_window / size) - SPARE))
    level = _level(windows_xyxy, true_px, size, deepest)
    shallowest = 0
    if can_read_values(level) and len(level):
        shallowest, deepest = int(level.min()), int(level.max())
    atlas, corners = _atlas(images, shallowest, deepest)
    xy = _sample_points(windows_xyxy, size, flip)  # (b, size, 2), one row for each axis
    shrink = torch.exp2(level.float()).view(-1, 1, 1)
    pixel = (xy * true_px.unsqueeze(1)) / shrink - 0.5
    last = ((true_px.unsqueeze(1) / shrink).floor() - 1).clamp(min=0)
    pixel = pixel.clamp(min=0).minimum(last) + corners[level - shallowest].unsqueeze(1)
    scale = 2 / constant([atlas.shape[-1], atlas.shape[-2]], images.device)
    x, y = ((pixel + 0.5) * scale - 1).unbind(-1)
    x, y = x.unsqueeze(1).expand(-1, size, -1), y.unsqueeze(2).expand(-1, -1, size)
    grid = torch.stack([x, y], dim=-1)
    return (grid_sample(atlas, grid, padding_mode="border", align_corners=False),)


def inside_image(
    windows_xyxy: Float[Tensor, "b 4"], size: int, *, flip: Bool[Tensor, " b"] | None = None
) -> Bool[Tensor, "b 1 {size} {size}"]:
    """Which pixels of :func:`resample`'s result lie on the image, not beyond its edge."""
    xy = _sample_points(windows_xyxy, size, flip)
    x, y = ((xy >= 0) & (xy <= 1)).unbind(-1)
    return (x.unsqueeze(1) & y.unsqueeze(2)).unsqueeze(1)


def _sample_points(
    windows_xyxy: Float[Tensor, "b 4"], size: int, flip: Bool[Tensor, " b"] | None
) -> Float[Tensor, "b {size} 2"]:
    """Where each column (x) and each row (y) of the result lies, relative to the image."""
    steps = (torch.arange(size, dtype=torch.float32, device=windows_xyxy.device) + 0.5) / size
    low, high = windows_xyxy[:, None, :2], windows_xyxy[:, None, 2:]
    along = steps.view(1, size, 1).expand(len(windows_xyxy), size, 2)
    if flip is not None:
        mirrored = torch.stack([flip, torch.zeros_like(flip)], dim=-1).unsqueeze(1)
        along = torch.where(mirrored, 1 - along, along)
    return low + along * (high - low)


def _level(
    windows_xyxy: Float[Tensor, "b 4"], true_px: Float[Tensor, "b 2"], size: int, deepest: int
) -> Int64[Tensor, " b"]:
    """How often each image is to be halved before it is read: a factor of at most 1.27 is left."""
    pixels = ((windows_xyxy[:, 2:] - windows_xyxy[:, :2]) * true_px).clamp(min=1)
    halvings = ((pixels / size).log2().mean(dim=-1) - SPARE).ceil().clamp(min=0)
    most = true_px.amin(dim=-1).log2().floor().clamp(0, deepest)  # at least a pixel must be left
    return halvings.minimum(most).to(torch.int64)


def _atlas(
    images: UInt8[Tensor, "b 3 h w"], shallowest: int, deepest: int
) -> tuple[Float[Tensor, "b 3 y x"], Float[Tensor, "l 2"]]:
    """The images in [0, 1], halved ``shallowest`` times, and to their right up to ``deepest`` times.

    Those on the right stand one below the other. The second value holds the (x, y) where each starts.
    """
    first = images / images.new_full((), 255.0, dtype=torch.float32)  # not of PyTorch's default type
    for _ in range(shallowest):
        first = _halved(first)
    levels, corners, below = [first], [(0, 0)], 0
    for _ in range(deepest - shallowest):
        levels.append(_halved(levels[-1]))
        corners.append((first.shape[-1], below))
        below += levels[-1].shape[-2]
    origin = constant(corners, images.device)
    if len(levels) == 1:
        return first, origin
    height, width = max(first.shape[-2], below), first.shape[-1] + levels[1].shape[-1]
    atlas = first.new_zeros(*images.shape[:2], height, width)
    for image, (x, y) in zip(levels, corners, strict=True):
        atlas[:, :, y : y + image.shape[-2], x : x + image.shape[-1]] = image
    return atlas, origin


def _halved(images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 y x"]:
    """The means of 2 × 2 pixels; a last row or column that has no partner is its own.

    Rows first, which lie one after the other in memory: half the time of ``avg_pool2d`` on a CPU.
    """
    height, width = images.shape[-2:]
    if height % 2 or width % 2:
        images = pad(images, (0, width % 2, 0, height % 2), mode="replicate")
    rows = images[..., ::2, :] + images[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)
