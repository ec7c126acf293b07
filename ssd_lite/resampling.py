"""Cropping a window from every image of a batch and resizing it, with one sampling grid for all."""

import math
from functools import partial

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from ssd_lite.device import can_read_values, constant, map_chunks

SPARE = 0.35
"""Bilinear sampling shrinks by at most 2 ** SPARE = 1.27; beyond that it samples a halved image."""


def resample(
    images: UInt8[Tensor, "b 3 h w"],
    size: int,
    *,
    sizes_px: Int64[Tensor, "b 2"] | None = None,
    windows_xyxy: Float[Tensor, "b 4"] | None = None,
    flip: Bool[Tensor, " b"] | None = None,
    largest_window: float = 1.0,
) -> Float[Tensor, "b 3 {size} {size}"]:
    """One window of each image as ``size`` × ``size`` pixels in [0, 1], mirrored where ``flip`` is true.

    Images lie in the top left corner of a common canvas; ``sizes_px`` holds their true (height,
    width), by default the whole canvas. Windows are relative to the true image, by default all of
    it. Where a window reaches beyond the image, the pixels of its edge are repeated.

    Sampling is bilinear. A window with many more pixels than the result is sampled from the image
    averaged down to half, a quarter, … of its size, so that fine texture does not alias.
    ``largest_window`` must bound the windows' sides; it decides how many such levels are computed.
    """
    count, _, height, width = images.shape
    if sizes_px is None:
        sizes_px = constant([height, width], images.device).expand(count, 2)
    if windows_xyxy is None:
        windows_xyxy = constant([0.0, 0.0, 1.0, 1.0], images.device).expand(count, 4)
    if flip is None:
        flip = torch.zeros_like(windows_xyxy[:, 0], dtype=torch.bool)
    sample = partial(_sample, size=size, largest_window=largest_window)
    return map_chunks(sample, 1, images, sizes_px, windows_xyxy, flip)[0]


def _sample(
    images: UInt8[Tensor, "b 3 h w"],
    sizes_px: Int64[Tensor, "b 2"] | Float[Tensor, "b 2"],
    windows_xyxy: Float[Tensor, "b 4"],
    flip: Bool[Tensor, " b"],
    *,
    size: int,
    largest_window: float,
) -> tuple[Float[Tensor, "b 3 {size} {size}"]]:
    """The result of :func:`resample` for some images."""
    height, width = images.shape[-2:]
    true_px = sizes_px.flip(-1).float()  # (b, 2) as (width, height), like coordinates
    deepest = max(0, math.ceil(math.log2(max(height, width) * largest_window / size) - SPARE))
    level = _level(windows_xyxy, true_px, size, deepest)
    shallowest = 0
    if can_read_values(level) and len(level):  # compute only the levels in use: 1.2 to 1.4 times as fast
        shallowest, deepest = int(level.min()), int(level.max())
    atlas, corners = _atlas(images, shallowest, deepest)
    xy = _sample_points(windows_xyxy, size, flip)  # (b, size, 2): x of each column, y of each row
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
    """Whether each pixel of :func:`resample`'s result lies inside the image."""
    xy = _sample_points(windows_xyxy, size, flip)
    x, y = ((xy >= 0) & (xy <= 1)).unbind(-1)
    return (x.unsqueeze(1) & y.unsqueeze(2)).unsqueeze(1)


def _sample_points(
    windows_xyxy: Float[Tensor, "b 4"], size: int, flip: Bool[Tensor, " b"] | None
) -> Float[Tensor, "b {size} 2"]:
    """The position of each column (x) and each row (y) of the result, relative to the image."""
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
    """How often to halve each image before sampling, so that a factor of at most 1.27 remains."""
    pixels = ((windows_xyxy[:, 2:] - windows_xyxy[:, :2]) * true_px).clamp(min=1)
    halvings = ((pixels / size).log2().mean(dim=-1) - SPARE).ceil().clamp(min=0)
    most = true_px.amin(dim=-1).log2().floor().clamp(0, deepest)  # at least one pixel must remain
    return halvings.minimum(most).to(torch.int64)


def _atlas(
    images: UInt8[Tensor, "b 3 h w"], shallowest: int, deepest: int
) -> tuple[Float[Tensor, "b 3 y x"], Float[Tensor, "l 2"]]:
    """All levels of the images in one canvas, in [0, 1], and the (x, y) of each level's top left corner.

    The image halved ``shallowest`` times is on the left; to its right, one below the other, are those
    halved more often, up to ``deepest`` times.
    """
    first = images / images.new_full((), 255.0, dtype=torch.float32)  # independent of the default dtype
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
    """The images at half their size: means of 2 × 2 pixels, where an odd last row or column is repeated.

    Adding rows first, which are contiguous, takes half the time of ``avg_pool2d`` on a CPU.
    """
    height, width = images.shape[-2:]
    if height % 2 or width % 2:
        images = pad(images, (0, width % 2, 0, height % 2), mode="replicate")
    rows = images[..., ::2, :] + images[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]).mul_(0.25)
