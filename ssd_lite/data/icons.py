"""The pictures that scenes are made of: icons, clutter and colours, written in a small language."""

from typing import NamedTuple

from PIL import ImageColor

Colour = tuple[int, ...]

_ICONS = """
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

_CLUTTER = """
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

_PAINTS = "#e4674f #eaa93b #2a9d8f #44659f #94508a #6a994e #3f9bd1 #e0788f #b04a3a #7a6ac0"
"""The colours of objects: one for the main parts of an icon, another for its trim."""

LIGHT, DARK = (253, 246, 227), (47, 49, 72)

_BACKDROPS = (
    "#d6ecf0 #f7f4e4 #cbe0c2 #aecda6",  # meadow
    "#fbe0d2 #fff5e4 #efd0c6 #deb7b6",  # dawn
    "#f2e8d0 #fbf6e8 #e6d5b3 #d3bd94",  # sand
    "#c6cae4 #f2e5ec #bbbdda #9c9fc6",  # dusk
    "#d0ebee #eef8f4 #b0dcde #8cc7cc",  # sea
    "#3a426e #6f6d9e #4f5486 #3c406e",  # night
)
"""The colours of a background: the sky above, the sky below, what lies far, what lies near."""


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


def inks(main: Colour, trim: Colour) -> dict[str, Colour]:
    """The colours of an icon's strokes, by ink; the shade is the main colour, darker."""
    shade = tuple(round(0.72 * value) for value in main)
    return {"main": main, "shade": shade, "trim": trim, "light": LIGHT, "dark": DARK}


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


ICONS = _read(_ICONS)
CLUTTER = list(_read(_CLUTTER).values())
PAINTS = _colours(_PAINTS)
BACKDROPS = [_colours(colours) for colours in _BACKDROPS]
