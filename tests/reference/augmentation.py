"""Patches, crops and colours one at a time, in plain Python floats and the standard library's colorsys."""

import colorsys
import math
import random

from tests.reference.boxes import Box, area, clip, jaccard

WHOLE = [0.0, 0.0, 1.0, 1.0]


def centre_inside(box: Box, patch: Box) -> bool:
    """Touching the edge counts."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return patch[0] <= x <= patch[2] and patch[1] <= y <= patch[3]


def crop(boxes: list[Box], patch: Box) -> list[Box | None]:
    """Each box as seen in the patch, or None where its centre is outside."""
    width, height = patch[2] - patch[0], patch[3] - patch[1]
    seen: list[Box | None] = []
    for x0, y0, x1, y1 in boxes:
        if not centre_inside([x0, y0, x1, y1], patch):
            seen.append(None)
            continue
        relative = [
            (x0 - patch[0]) / width,
            (y0 - patch[1]) / height,
            (x1 - patch[0]) / width,
            (y1 - patch[1]) / height,
        ]
        seen.append(clip(relative))
    return seen


def satisfies(patch: Box, objects: list[Box], least: float, overlap_with: str = "any") -> bool:
    """Whether the patch overlaps one object (or every object) by at least so much; never without objects."""
    if not objects:
        return False
    enough = [jaccard(patch, box) >= least for box in objects]
    return all(enough) if overlap_with == "all" else any(enough)


def _placed(draws: random.Random, width: float, height: float) -> Box:
    x, y = draws.uniform(0, 1 - width), draws.uniform(0, 1 - height)
    return [x, y, x + width, y + height]


def draw_by_area(draws: random.Random, size: tuple[float, float], aspect: tuple[float, float]) -> Box:
    """The area first, then ratios until one fits into the image."""
    share = draws.uniform(*size)
    while True:
        ratio = math.exp(draws.uniform(math.log(aspect[0]), math.log(aspect[1])))
        width, height = math.sqrt(share * ratio), math.sqrt(share / ratio)
        if width <= 1 and height <= 1:
            return _placed(draws, width, height)


def draw_by_side(draws: random.Random, size: tuple[float, float], aspect: tuple[float, float]) -> Box:
    """Both sides on their own, until their ratio is allowed."""
    while True:
        width, height = draws.uniform(*size), draws.uniform(*size)
        if aspect[0] <= width / height <= aspect[1]:
            return _placed(draws, width, height)


def sample_patch(
    draws: random.Random,
    objects: list[Box],
    *,
    min_overlaps: tuple[float, ...],
    order: str,
    trials: int,
) -> Box:
    """One patch, every option (whole, each minimum overlap, any patch) having the same weight.

    ``draw-then-choose`` is what the released code does (GenerateBatchSamples): every sampler has
    its trials, and one of the patches they came up with is picked.
    """

    def attempt(option: int) -> Box | None:
        if option == 0:
            return WHOLE
        for _ in range(trials):
            patch = draw_by_area(draws, (0.1, 1.0), (0.5, 2.0))
            if option > len(min_overlaps) or satisfies(patch, objects, min_overlaps[option - 1]):
                return patch
        return None

    options = range(len(min_overlaps) + 2)
    if order == "choose-then-draw":
        return attempt(draws.choice(options)) or WHOLE
    return draws.choice([patch for patch in map(attempt, options) if patch is not None])


def patch_class(patch: Box, box: Box) -> tuple[int, int]:
    """A coarse drawer for a patch, by its area and by its overlap with a box: what a law is compared by."""
    if max(abs(value - edge) for value, edge in zip(patch, WHOLE, strict=True)) < 1e-6:
        return -1, -1
    return min(int(area(patch) * 4), 3), min(int(jaccard(patch, box) * 5), 4)


def shift_colour(
    rgb: tuple[float, float, float], saturation: float, degrees: float
) -> tuple[float, float, float]:
    """Saturation multiplied and cut to 1, hue turned round the circle."""
    h, s, v = colorsys.rgb_to_hsv(*rgb)
    return colorsys.hsv_to_rgb((h + degrees / 360) % 1.0, min(s * saturation, 1.0), v)


def scaled(rgb: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    red, green, blue = (min(max(value * factor, 0.0), 1.0) for value in rgb)
    return red, green, blue


def bilinear(channel: list[list[float]], x: float, y: float) -> float:
    """A picture's value at a point in pixels, where pixel 0 has its centre at 0.5; its edge goes on."""
    height, width = len(channel), len(channel[0])
    x, y = min(max(x - 0.5, 0.0), width - 1.0), min(max(y - 0.5, 0.0), height - 1.0)
    x0, y0 = int(x), int(y)
    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
    top = channel[y0][x0] * (x0 + 1 - x) + channel[y0][x1] * (x - x0)
    bottom = channel[y1][x0] * (x0 + 1 - x) + channel[y1][x1] * (x - x0)
    return top * (y0 + 1 - y) + bottom * (y - y0)


def resample(channel: list[list[float]], size: int, window: Box, *, flip: bool = False) -> list[list[float]]:
    """A window of one channel, pixel by pixel; right where nothing has to be shrunk much."""
    height, width = len(channel), len(channel[0])
    rows = []
    for i in range(size):
        row = []
        for j in range(size):
            column = size - 1 - j if flip else j
            x = window[0] + (window[2] - window[0]) * (column + 0.5) / size
            y = window[1] + (window[3] - window[1]) * (i + 0.5) / size
            row.append(bilinear(channel, x * width, y * height))
        rows.append(row)
    return rows
