"""Scenes: a dataset drawn from a seed, with nothing to download; the book's first training set.

Classes differ in shape, in details and in coat, never in colour, which is drawn at random. Boxes are tight.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageOps

from ssd_lite.data.examples import Example
from ssd_lite.data.icons import BACKDROPS, CLUTTER, ICONS, PAINTS, Colour, Icon, Stroke, inks
from ssd_lite.truths import Truth

COATS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "striped": lambda x, y: (5 * x + 3 * y) % 1 < 0.4,
    "spotted": lambda x, y: np.hypot((5 * x + np.floor(5 * y) % 2 / 2) % 1 - 0.5, 5 * y % 1 - 0.5) < 0.32,
    "checked": lambda x, y: (np.floor(6 * x) + np.floor(6 * y)) % 2 == 0,
}
"""Textures that any icon can wear: where its main parts are light, x and y in units of its size."""

SMALLEST, LARGEST = 0.05, 0.9
"""Scales of objects: the square root of an object's area, as a share of that of the image."""

LEAST_VISIBLE, DIFFICULT_BELOW = 0.25, 0.45
"""Shares of an object that can be seen: a dataset's least; and below which it is difficult."""

SMALLEST_SIDE_PX, SMALLEST_IMAGE_PX = 3, 32

SUPERSAMPLING = 2
"""Everything is drawn this many times as large and then reduced, which softens its edges."""

Box = Sequence[float | int]  # said twice, since run-time type checks take no int for a float


CLASSES = ("cat", "dog", "fish", "house", "tree", "car", "balloon", "mushroom")
ALL_CLASSES = (*ICONS, *(f"{coat} {icon}" for coat in COATS for icon in ICONS))


def _paint(
    canvas: ImageDraw.ImageDraw, strokes: list[Stroke], box_px: Box, inks: Mapping[str, Colour | int]
) -> None:
    """Paints strokes into a box of the canvas."""
    left, top, right, bottom = box_px
    across, down = right - left, bottom - top
    size = math.sqrt(across * down)
    for shape, ink, width, unit_points, angles in strokes:
        points = [(left + x * across, top + y * down) for x, y in unit_points]
        if shape == "block":
            canvas.rounded_rectangle(points, radius=0.06 * size, fill=inks[ink])
        else:
            thickness = max(1, round(width * size))
            getattr(canvas, shape)(points, *angles, fill=inks[ink], width=thickness)


def _tile(name: str, size_px: tuple[int, int], main: Colour, trim: Colour) -> Image.Image:
    """A class's icon, (width, height) pixels large, transparent around it."""
    *coat, icon = name.split()
    colours = inks(main, trim)
    # A stroke is painted as the number of its ink, so that a coat knows the main parts by their number.
    numbers = {ink: number for number, ink in enumerate(colours, start=1)}
    width, height = SUPERSAMPLING * size_px[0], SUPERSAMPLING * size_px[1]
    tile = Image.new("L", (width, height))
    _paint(ImageDraw.Draw(tile), ICONS[icon].strokes, (0, 0, width - 1, height - 1), numbers)
    if coat:
        pixels = np.array(tile)
        y, x = (axis / math.sqrt(width * height) for axis in np.ogrid[:height, :width])
        pixels[(pixels == numbers["main"]) & COATS[coat[0]](x, y)] = numbers["light"]
        tile = Image.fromarray(pixels)
    palette = [(0, 0, 0, 0), *((*colour, 255) for colour in colours.values())]
    tile.putpalette([value for colour in palette for value in colour], "RGBA")
    return tile.convert("RGBA").reduce(SUPERSAMPLING)


def _backdrop(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """A soft landscape: a sky, two rows of hills, and clutter over it."""
    height, width = SUPERSAMPLING * size[0], SUPERSAMPLING * size[1]
    above, below, far, near = BACKDROPS[rng.integers(len(BACKDROPS))]
    sky = np.linspace(above, below, height).astype(np.uint8)[:, None]
    scene = Image.fromarray(sky).resize((width, height), Image.Resampling.NEAREST)
    canvas = ImageDraw.Draw(scene)
    for colour, highest in ((far, 0.35), (far, 0.45), (near, 0.65), (near, 0.75)):
        middle, reach, top = rng.random(3) * (width, 0.5 * width, 0.2) + (0, 0.4 * width, highest)
        canvas.ellipse((middle - reach, top * height, middle + reach, 2 * height), fill=colour)
    for _ in range(rng.integers(20, 40)):
        piece = CLUTTER[rng.integers(len(CLUTTER))]
        stretch = math.sqrt(rng.uniform(piece.narrowest, piece.widest))
        scale_px = rng.uniform(0.03, 0.2) * math.sqrt(width * height)
        left, top = (rng.random(2) * 1.1 - 0.1) * (width, height)
        box_px = (left, top, left + scale_px * stretch, top + scale_px / stretch)
        _paint(canvas, piece.strokes, box_px, {"far": far, "near": near, "mist": below})
    return scene.reduce(SUPERSAMPLING)


def _pixels(low: float, high: float, length: int) -> tuple[int, int]:
    """The first pixel of an object and the one after its last, along a side of the image."""
    first = min(round(low * length), length - SMALLEST_SIDE_PX)
    return first, max(round(high * length), first + SMALLEST_SIDE_PX)


def _visible(masks: list[tuple[int, int, np.ndarray]], size: tuple[int, int]) -> np.ndarray:
    """The share of each mask, given with its left and top, that later ones leave to be seen."""
    owners = np.zeros(size, dtype=np.int64)
    for number, (left, top, mask) in enumerate(masks, start=1):
        height, width = mask.shape
        owners[top : top + height, left : left + width][mask] = number
    seen = np.bincount(owners.ravel(), minlength=1 + len(masks))[1:]
    shares: np.ndarray = seen / np.array([np.count_nonzero(mask) for _, _, mask in masks])
    return shares


def draw(
    objects: Sequence[tuple[str, Box]],
    *,
    size: tuple[int, int] = (128, 128),
    seed: int | np.random.Generator = 0,
    classes: Sequence[str] = CLASSES,
    least_visible: float = 0.0,
    name: str = "scene",
) -> Example:
    """A scene of the given objects, each a class name and a relative box; later ones lie in front.

    The seed chooses background, colours and which way each object faces. Boxes are rounded to whole pixels,
    at least three a side; a truth's box is the whole object's, hidden parts included. An object is left out
    if with it less than ``least_visible`` of another could be seen; by default none is. ``size`` is (height,
    width). Raises ``ValueError`` for a name that is not in ``classes`` and a box that leaves the image.
    """
    _check_options(size, classes)
    _check_objects(objects, classes)
    rng = np.random.default_rng(seed)
    scene = _backdrop(size, rng)
    # Taken in turn, so that objects which hide each other differ in colour.
    paints = [PAINTS[paint] for paint in rng.permutation(len(PAINTS))]
    boxes, labels, masks = [], [], list[tuple[int, int, np.ndarray]]()
    for number, (kind, (x0, y0, x1, y1)) in enumerate(objects):
        (left, right), (top, bottom) = _pixels(x0, x1, size[1]), _pixels(y0, y1, size[0])
        main, trim = paints[number % len(paints)], paints[(number + 3) % len(paints)]
        tile = _tile(kind, (right - left, bottom - top), main, trim)
        tile = ImageOps.mirror(tile) if rng.random() < 0.5 else tile
        mask = (left, top, np.asarray(tile.getchannel("A")) >= 128)
        if _visible([*masks, mask], size).min() < least_visible:
            continue
        scene.paste(tile, (left, top), tile)
        masks.append(mask)
        boxes.append((left / size[1], top / size[0], right / size[1], bottom / size[0]))
        labels.append(1 + classes.index(kind))
    image = torch.from_numpy(np.array(scene)).permute(2, 0, 1).contiguous()
    difficult = _visible(masks, size) < DIFFICULT_BELOW
    return Example(image, Truth.of(boxes, labels, difficult.tolist()), name)


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """A dataset of drawn scenes: what is in one depends on the seed and its index alone, not on ``count``.

    A scene has 1 to ``max_objects`` objects, about 2.9 by default, whose boxes are 1/3 to 3 times as wide as
    high and 0.05 to 0.9 of the image in scale. At least a quarter of each can be seen; below 45% it is
    difficult. ``size`` is (height, width); ``classes`` are any of ``ALL_CLASSES``.
    """

    count: int
    size: tuple[int, int] = (128, 128)
    seed: int = 0
    classes: tuple[str, ...] = CLASSES
    max_objects: int = 6

    def __post_init__(self) -> None:
        for option, least in (("count", 0), ("seed", 0), ("max_objects", 1)):
            if getattr(self, option) < least:
                raise ValueError(f"{option} must be at least {least}, got {getattr(self, option)}")
        _check_options(self.size, self.classes)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int, /) -> Example:
        """Scene ``index``, drawn anew. Raises ``IndexError`` unless ``0 <= index < count``."""
        if not 0 <= index < self.count:
            raise IndexError(f"index must lie in [0, {self.count}), got {index}")
        rng = np.random.default_rng([self.seed, index])
        return draw(
            self._objects(rng),
            size=self.size,
            seed=rng,
            classes=self.classes,
            least_visible=LEAST_VISIBLE,
            name=f"scene {index:05d}",
        )

    def size_px(self, index: int) -> tuple[int, int]:
        """Width and height of one scene, known without drawing it."""
        height, width = self.size
        return width, height

    def _objects(self, rng: np.random.Generator) -> list[tuple[str, Box]]:
        """Objects anywhere at random; ``draw`` leaves out those that hide others."""
        objects: list[tuple[str, Box]] = []
        for _ in range(1 + rng.binomial(self.max_objects - 1, 0.42)):
            name = self.classes[rng.integers(len(self.classes))]
            width, height = self._sides(ICONS[name.split()[-1]], rng)
            x, y = rng.random(2) * (1 - width, 1 - height)
            objects.append((name, (x, y, min(1.0, x + width), min(1.0, y + height))))
        return objects

    def _sides(self, icon: Icon, rng: np.random.Generator) -> tuple[float, float]:
        """A width and a height at random, relative to the image and within it."""
        ratio_px = math.exp(rng.uniform(math.log(icon.narrowest), math.log(icon.widest)))
        stretch = math.sqrt(ratio_px * self.size[0] / self.size[1])
        # Log-uniform scales would make half of the objects smaller than 0.21; of these a fifth are.
        scale = SMALLEST * (LARGEST / SMALLEST) ** rng.beta(3, 1.4)
        scale = min(scale, stretch, 1 / stretch)
        return scale * stretch, scale / stretch


def _check_options(size: tuple[int, int], classes: Sequence[str]) -> None:
    """Raises ``ValueError`` unless scenes of this size and of these classes can be drawn."""
    if min(size) < SMALLEST_IMAGE_PX:
        raise ValueError(f"size must be at least {SMALLEST_IMAGE_PX} pixels each way, got {size}")
    if not classes or len(set(classes)) < len(classes):
        raise ValueError(f"classes must be distinct names, at least one, got {tuple(classes)}")
    if unknown := [name for name in classes if name not in ALL_CLASSES]:
        raise ValueError(f"classes must be among scenes.ALL_CLASSES, got {unknown}")


def _check_objects(objects: Sequence[tuple[str, Box]], classes: Sequence[str]) -> None:
    """Raises ``ValueError`` unless every object is of one of the classes and lies in the image."""
    for index, (name, box) in enumerate(objects):
        if name not in classes:
            raise ValueError(f"object {index}: name must be among {tuple(classes)}, got {name!r}")
        if not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
            raise ValueError(
                f"object {index}: box must have 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1, got {box}"
            )
