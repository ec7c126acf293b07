"""Scenes: a dataset drawn from a seed, with nothing to download; the book's first training set.

Classes differ in shape, in details and in coat, never in colour, which is drawn at random. Boxes are tight.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageColor, ImageDraw, ImageOps

from ssd_lite.data.examples import Example
from ssd_lite.truths import Truth

SHEET = """
cat 0.6 1.05
  arc     shade .11 : .50 .48 1 .99 -75 90
  ellipse main  : .13 .45 .75 1.3
  ellipse light : .28 .58 .60 1.1
  polygon main  : .03 .40 .05 0 .40 .18 | .85 .40 .83 0 .48 .18
  polygon trim  : .11 .26 .11 .10 .26 .18 | .77 .26 .77 .10 .62 .18
  ellipse main  : 0 .11 .88 .60
  line    shade .05 : .34 .13 .35 .23 | .44 .12 .44 .25 | .54 .13 .53 .23
  ellipse light : .16 .27 .36 .43 | .52 .27 .72 .43 | .20 .90 .43 1.06 | .45 .90 .68 1.06
  ellipse dark  : .22 .27 .32 .43 | .56 .27 .66 .43
  polygon dark  : .38 .45 .50 .45 .44 .51
  line    dark  .02 : .02 .42 .24 .47 | .02 .52 .24 .50 | .86 .42 .64 .47 | .86 .52 .64 .50
dog 0.9 1.6
  block   shade : .34 .60 .45 1 | .70 .60 .81 1
  block   main  : .24 .60 .36 1 | .80 .55 .92 1 | .22 .42 .92 .78 | 0 .19 .28 .40
  polygon main  : .80 .50 .95 .15 1 .18 .92 .62 | .20 .30 .42 .30 .50 .50 .24 .66
  ellipse main  : .10 0 .46 .44
  block   trim  : .21 .42 .44 .49
  ellipse light : .52 .40 .82 .64 | .15 .09 .26 .22
  ellipse dark  : .17 .12 .24 .21 | 0 .17 .10 .28
  line    dark  .02 : .04 .34 .16 .35
  ellipse trim  : .05 .35 .12 .45
  ellipse shade : .30 .05 .46 .47
fish 1.4 3
  polygon trim  : .70 .50 1 0 .91 .5 1 1 | .24 .22 .50 0 .66 .24 | .34 .80 .54 1 .58 .78
  ellipse main  : 0 .08 .80 .92
  arc     shade .04 : .06 .16 .34 .84 -75 75
  arc     shade .05 : .36 .28 .52 .52 -80 80 | .50 .28 .66 .52 -80 80 | .43 .50 .59 .74 -80 80
  polygon trim  : .30 .56 .46 .60 .40 .76
  ellipse light : .09 .26 .23 .54
  ellipse dark  : .12 .32 .20 .48
  line    dark  .02 : .02 .62 .10 .64
house 0.7 1.4
  block   shade : .70 .04 .84 .40
  block   main  : .08 .34 .92 1 | .08 .60 .92 1
  polygon trim  : 0 .46 0 .38 .5 0 1 .38 1 .46
  ellipse light : .42 .18 .58 .34
  block   dark  : .40 .64 .60 1.04
  block   light : .15 .56 .33 .80 | .67 .56 .85 .80
  line    dark  .02 : .24 .56 .24 .80 | .15 .68 .33 .68 | .76 .56 .76 .80 | .67 .68 .85 .68
  ellipse trim  : .53 .80 .57 .84
tree 0.33 0.75
  block   dark  : .41 .74 .59 1
  polygon main  : .5 .36 1 .88 0 .88
  polygon shade : .5 .26 .90 .66 .10 .66
  polygon main  : .5 .20 .88 .61 .12 .61
  polygon shade : .5 .10 .78 .39 .22 .39
  polygon main  : .5 0 .76 .35 .24 .35
  polygon light : .5 0 .61 .14 .5 .12 .39 .14
  ellipse trim  : .36 .24 .46 .29 | .54 .48 .64 .53 | .30 .53 .40 .58 | .66 .76 .76 .81 | .36 .74 .46 .79
car 1.5 3
  polygon main  : .14 .50 .28 0 .66 0 .86 .50
  block   main  : 0 .40 1 .84
  polygon light : .23 .42 .32 .09 .46 .09 .46 .42 | .51 .42 .51 .09 .63 .09 .77 .42
  block   trim  : 0 .60 1 .70
  line    dark  .02 : .485 .44 .485 .80
  ellipse light : .93 .46 1 .60
  ellipse dark  : .12 .58 .34 1 | .66 .58 .88 1
  ellipse light : .18 .70 .28 .88 | .72 .70 .82 .88
balloon 0.45 0.85
  polygon main  : .05 .50 .95 .50 .60 .84 .40 .84
  ellipse main  : 0 0 1 .74
  polygon trim  : .20 .50 .80 .50 .57 .84 .43 .84
  ellipse trim  : .17 0 .83 .74
  polygon main  : .36 .50 .64 .50 .53 .84 .47 .84
  ellipse main  : .34 0 .66 .74
  line    dark  .02 : .42 .83 .40 .92 | .58 .83 .60 .92
  block   light : .36 .83 .64 .86
  block   dark  : .37 .90 .63 1
mushroom 0.7 1.3
  pieslice shade : 0 .30 1 .74 0 180
  block   light : .34 .50 .66 1
  line    shade .02 : .44 .66 .44 .92 | .55 .62 .55 .86
  pieslice main  : 0 0 1 1.1 180 360
  ellipse light : .10 .26 .30 .46 | .40 .08 .62 .32 | .68 .24 .86 .44 | .46 .42 .56 .52
boat 0.7 1.5
  line    dark  .04 : .5 .03 .5 .8
  polygon trim  : .54 0 .54 .64 1 .64
  polygon light : .46 .10 .46 .64 .06 .64
  polygon main  : 0 .70 1 .70 .82 1 .16 1
  line    light .04 : .07 .78 .94 .78
butterfly 0.9 1.7
  ellipse trim  : .08 .46 .48 1 | .52 .46 .92 1
  ellipse main  : 0 0 .48 .62 | .52 0 1 .62
  ellipse light : .10 .14 .32 .40 | .68 .14 .90 .40
  ellipse dark  : .18 .62 .34 .84 | .66 .62 .82 .84
  line    dark  .03 : .5 .2 .38 .03 | .5 .2 .62 .03
  ellipse dark  : .45 .14 .55 .92
flower 0.4 0.8
  line    dark  .06 : .5 .4 .5 .99
  polygon trim  : .5 .96 .38 .74 .04 .66 .16 .88 | .5 .90 .62 .66 .96 .58 .84 .80
  ellipse main  : .29 0 .71 .27 | .29 .30 .71 .57 | 0 .07 .44 .32 | .56 .07 1 .32
  ellipse main  : 0 .25 .44 .50 | .56 .25 1 .50
  ellipse light : .32 .18 .68 .39
  ellipse shade : .40 .23 .60 .34
rocket 0.35 0.7
  polygon light : .34 .80 .66 .80 .60 .90 .5 1 .40 .90
  polygon trim  : .28 .46 0 .72 0 .92 .34 .78 | .72 .46 1 .72 1 .92 .66 .78
  pieslice main  : .18 0 .82 1.04 180 360
  polygon main  : .18 .52 .82 .52 .68 .86 .32 .86
  pieslice trim  : .18 0 .82 1.04 240 300
  polygon main  : .30 .20 .70 .20 .82 .52 .18 .52
  ellipse dark  : .32 .30 .68 .50
  ellipse light : .38 .333 .62 .467
  line    shade .04 : .24 .64 .76 .64
"""
"""The icons, in a small language: a class with its least and greatest ratio of width to height, then strokes:
a shape, an ink, a width if it has one, and figures. An icon is drawn in the unit square, x to the right and
y down, and touches all four sides of it, so that boxes are tight. Shapes are Pillow's, in the box x0 y0 x1 y1
(arc and pieslice from and to an angle) or through points; a ``block`` is a rectangle with rounded corners.
"""

CLUTTER = """
leaf 0.6 1.8
  polygon far   : 0 1 .05 .5 .4 .1 1 0 .9 .6 .5 .95
  line    near  .04 : 0 1 .8 .2
tuft 0.5 1
  polygon near  : .4 1 0 .2 .5 1 | .4 1 .5 0 .6 1 | .5 1 1 .3 .6 1
cloud 1.5 3
  ellipse mist  : 0 .4 .5 1 | .2 0 .7 1 | .5 .3 1 1
pebble 0.8 2
  ellipse far   : 0 0 1 1
ripple 1 4
  arc     near  .04 : 0 0 .5 1 180 360 | .5 0 1 1 180 360
twig 0.5 2
  line    far   .05 : 0 1 1 0 | .4 .6 .5 .2
bush 1.2 2.5
  ellipse near  : 0 .4 .5 1.2 | .2 0 .75 1 | .5 .3 1 1.1
specks 0.7 1.5
  ellipse mist  : 0 .1 .2 .3 | .4 0 .5 .1 | .3 .7 .5 .9
  ellipse far   : .7 .4 .9 .6 | .9 0 1 .1
moon 1 1
  ellipse mist  : 0 0 1 1
"""
"""What lies about in the background and belongs to no class, written as the icons are."""

PAINTS = "#e4674f #eaa93b #2a9d8f #44659f #94508a #6a994e #3f9bd1 #e0788f #b04a3a #7a6ac0"
"""The colours of objects: one for the main parts of an icon, another for its trim."""

LIGHT, DARK = (253, 246, 227), (47, 49, 72)

BACKDROPS = (
    "#d6ecf0 #f7f4e4 #cbe0c2 #aecda6",  # meadow
    "#fbe0d2 #fff5e4 #efd0c6 #deb7b6",  # dawn
    "#f2e8d0 #fbf6e8 #e6d5b3 #d3bd94",  # sand
    "#c6cae4 #f2e5ec #bbbdda #9c9fc6",  # dusk
    "#d0ebee #eef8f4 #b0dcde #8cc7cc",  # sea
    "#3a426e #6f6d9e #4f5486 #3c406e",  # night
)
"""The colours of a background: the sky above, the sky below, what lies far, what lies near."""

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
Colour = tuple[int, ...]


class Stroke(NamedTuple):
    """One figure of an icon: its points (x, y), and from and to which angle an arc or a pieslice goes."""

    shape: str
    ink: str
    width: float
    points: list[tuple[float, float]]
    angles: list[float]


class Icon(NamedTuple):
    """The strokes of a class, and between which ratios of width to height it is drawn."""

    narrowest: float
    widest: float
    strokes: list[Stroke]


def _read(sheet: str) -> dict[str, Icon]:
    """The icons of a sheet, by name."""
    icons: dict[str, Icon] = {}
    for line in sheet.strip().splitlines():
        if not line.startswith(" "):
            name, narrowest, widest = line.split()
            icons[name] = Icon(float(narrowest), float(widest), [])
            continue
        head, figures = line.split(":")
        shape, ink, *width = head.split()
        for figure in figures.split("|"):
            numbers = [float(word) for word in figure.split()]
            corners = 4 if shape in ("arc", "pieslice") else len(numbers)
            points = list(zip(numbers[:corners:2], numbers[1:corners:2], strict=True))
            icons[name].strokes.append(Stroke(shape, ink, float(*width), points, numbers[corners:]))
    return icons


def _colours(text: str) -> list[Colour]:
    """The colours of a text, as red, green and blue."""
    return [ImageColor.getrgb(word) for word in text.split()]


ICONS, _CLUTTER, _PAINTS = _read(SHEET), list(_read(CLUTTER).values()), _colours(PAINTS)
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
    shade = tuple(round(0.72 * value) for value in main)
    inks = {"main": main, "shade": shade, "trim": trim, "light": LIGHT, "dark": DARK}
    # A stroke is painted as the number of its ink, so that a coat knows the main parts by their number.
    numbers = {ink: number for number, ink in enumerate(inks, start=1)}
    width, height = SUPERSAMPLING * size_px[0], SUPERSAMPLING * size_px[1]
    tile = Image.new("L", (width, height))
    _paint(ImageDraw.Draw(tile), ICONS[icon].strokes, (0, 0, width - 1, height - 1), numbers)
    if coat:
        pixels = np.array(tile)
        y, x = (axis / math.sqrt(width * height) for axis in np.ogrid[:height, :width])
        pixels[(pixels == numbers["main"]) & COATS[coat[0]](x, y)] = numbers["light"]
        tile = Image.fromarray(pixels)
    palette = [(0, 0, 0, 0), *((*colour, 255) for colour in inks.values())]
    tile.putpalette([value for colour in palette for value in colour], "RGBA")
    return tile.convert("RGBA").reduce(SUPERSAMPLING)


def _backdrop(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """A soft landscape: a sky, two rows of hills, and clutter over it."""
    height, width = SUPERSAMPLING * size[0], SUPERSAMPLING * size[1]
    above, below, far, near = _colours(BACKDROPS[rng.integers(len(BACKDROPS))])
    sky = np.linspace(above, below, height).astype(np.uint8)[:, None]
    scene = Image.fromarray(sky).resize((width, height), Image.Resampling.NEAREST)
    canvas = ImageDraw.Draw(scene)
    for colour, highest in ((far, 0.35), (far, 0.45), (near, 0.65), (near, 0.75)):
        middle, reach, top = rng.random(3) * (width, 0.5 * width, 0.2) + (0, 0.4 * width, highest)
        canvas.ellipse((middle - reach, top * height, middle + reach, 2 * height), fill=colour)
    for _ in range(rng.integers(20, 40)):
        piece = _CLUTTER[rng.integers(len(_CLUTTER))]
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
    paints = [_PAINTS[paint] for paint in rng.permutation(len(_PAINTS))]
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
