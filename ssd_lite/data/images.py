"""Images on disk: their size from the header alone, and their pixels, upright and in RGB."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import ExifTags, Image, UnidentifiedImageError
from torch import Tensor

MAX_PIXELS = 100_000_000
"""Larger images are refused before they are decoded: in RGB this many take 300 MB."""

FORMATS = (
    *("JPEG", "MPO", "PNG", "BMP", "DIB", "WEBP", "GIF", "TIFF", "JPEG2000", "AVIF"),
    *("PPM", "TGA", "ICO", "PCX", "SGI", "QOI", "DDS", "PSD"),
)
"""What is read, as far as Pillow was built with it: formats whose header tells the size, and whose
decoder starts no other program, as that of EPS does."""

Box = tuple[float, float, float, float]
Size = tuple[int, int]


class ImageError(ValueError):
    """An image that cannot be read; the message is the rule it breaks, without its path."""


class Turn(NamedTuple):
    """What brings the pixels of a file upright: swap the axes, then mirror."""

    swaps_axes: bool = False
    mirrors_x: bool = False
    mirrors_y: bool = False


UPRIGHT = Turn()
# By the number that EXIF's orientation tag holds; any other number, and no tag, is upright.
TURNS = {
    2: Turn(False, True, False),
    3: Turn(False, True, True),
    4: Turn(False, False, True),
    5: Turn(True, False, False),
    6: Turn(True, True, False),
    7: Turn(True, True, True),
    8: Turn(True, False, True),
}


class Header(NamedTuple):
    """What a file says of its image: the size of its pixels as they are stored, and how they are turned."""

    raw_size_px: Size
    turn: Turn

    @property
    def size_px(self) -> Size:
        """Width and height of the image as it is displayed."""
        width, height = self.raw_size_px
        return (height, width) if self.turn.swaps_axes else (width, height)


def read_header(path: str | os.PathLike[str]) -> Header:
    """The image's sizes and turn, without decoding its pixels. Raises ``ImageError``, as ``read_image``."""
    with _opened(path) as image:
        return Header(_raw_size(image), _turn(image))


def read_image(path: str | os.PathLike[str], *, max_side: int | None = None) -> UInt8[Tensor, "3 h w"]:
    """The image as it is displayed, in RGB.

    EXIF's orientation is applied. Transparent pixels show white, as a viewer shows them. Grey of 16 bits is
    stretched from the bits that the image uses, 10, 12, 14 or 16, to 8; grey of floats from its range, unless
    that lies in [0, 1]. Of an animation the first frame is read; colour profiles are ignored.

    With ``max_side`` a larger image is shrunk, antialiased, until its longer side has that many
    pixels; relative boxes stay as they are.

    Raises ``ImageError`` when the file is missing, no image in one of ``FORMATS``, broken or cut off,
    or of more than ``MAX_PIXELS`` pixels, which its header tells before anything is decoded.
    """
    check_max_side(max_side)
    with _opened(path) as image:
        turn = UPRIGHT if image.format == "TIFF" else _turn(image)  # Pillow turns TIFF itself
        pixels = np.asarray(_shrunk(image, bounded(image.size, max_side)))
    # Copied by NumPy: torch would start threads for it, where a loader's processes fill the cores already.
    return torch.from_numpy(np.array(_turned(pixels.transpose(2, 0, 1), turn), order="C"))


def check_max_side(max_side: int | None) -> None:
    """Raises ``ValueError`` unless the longest side allowed is a number of pixels, or ``None``."""
    if max_side is not None and max_side < 1:
        raise ValueError(f"max_side must be at least 1 pixel, got {max_side}")


def turned_box(box_xyxy: Box, turn: Turn) -> Box:
    """The relative box brought upright with its image."""
    x0, y0, x1, y1 = box_xyxy
    if turn.swaps_axes:
        x0, y0, x1, y1 = y0, x0, y1, x1
    if turn.mirrors_x:
        x0, x1 = 1 - x1, 1 - x0
    if turn.mirrors_y:
        y0, y1 = 1 - y1, 1 - y0
    return x0, y0, x1, y1


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """An image whose header has been read; whatever fails until it closes becomes an ``ImageError``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large images and odd metadata: the checks here decide
        try:
            with Image.open(path, formats=_formats()) as image:
                _check_pixels(image.size)
                yield image
        except ImageError:
            raise
        except FileNotFoundError:
            raise ImageError("file must exist") from None
        except UnidentifiedImageError:
            raise ImageError(f"file must be an image, one of {', '.join(_formats())}") from None
        except Image.DecompressionBombError as error:
            raise ImageError(f"image must have at most {MAX_PIXELS:,} pixels: {error}") from None
        except Exception as error:  # decoders raise OSError, SyntaxError, struct.error, zlib.error, …
            raise ImageError(f"image must be whole: {type(error).__name__}: {error}") from None


@cache
def _formats() -> tuple[str, ...]:
    Image.init()  # which imports Pillow's readers
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _check_pixels(size_px: Size) -> None:
    width, height = size_px
    if not 0 < width * height <= MAX_PIXELS:
        raise ImageError(f"image must have from 1 to {MAX_PIXELS:,} pixels, got {width} × {height}")


def _raw_size(image: Image.Image) -> Size:
    """The size as stored; Pillow states that of a TIFF as it is displayed."""
    width, height = image.size
    return (height, width) if image.format == "TIFF" and _turn(image).swaps_axes else (width, height)


def _turn(image: Image.Image) -> Turn:
    try:
        # Not image.getexif(): that of PNG decodes all pixels to look for metadata behind them.
        exif = Image.Image.getexif(image)
        return TURNS.get(exif.get(ExifTags.Base.Orientation, 1), UPRIGHT)
    except Exception:  # broken metadata says nothing about the turn, and spoils no pixel
        return UPRIGHT


def _turned(pixels: np.ndarray, turn: Turn) -> np.ndarray:
    """The pixels (3, h, w) brought upright, as a view."""
    if turn.swaps_axes:
        pixels = pixels.swapaxes(1, 2)
    return pixels[:, :: -1 if turn.mirrors_y else 1, :: -1 if turn.mirrors_x else 1]


def bounded(size_px: Size, max_side: int | None) -> Size:
    """The size of an image shrunk until its longer side has ``max_side`` pixels; a smaller one stays."""
    longest = max(size_px)
    if max_side is None or longest <= max_side:
        return size_px
    width, height = (max(1, round(side * max_side / longest)) for side in size_px)
    return width, height


def _shrunk(image: Image.Image, size_px: Size) -> Image.Image:
    """The image in RGB at the given size."""
    if image.size == size_px:
        return _rgb(image)
    # JPEG decodes to a half, a fourth or an eighth at little cost; what stays at least twice as large
    # as the goal leaves enough for the last, antialiased step. Other formats ignore the draft.
    draft = image.draft(None, (2 * size_px[0], 2 * size_px[1]))
    box = None if draft is None else draft[1]  # not quite the whole when the sides do not divide
    return _rgb(image).resize(size_px, Image.Resampling.BILINEAR, box=box, reducing_gap=2.0)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):  # which Pillow would clip at 255
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _eight_bits(grey: np.ndarray) -> UInt8[np.ndarray, "h w"]:
    """Grey of more than 8 bits, or of floats, as 8 bits."""
    if grey.dtype.kind == "f":
        grey = np.nan_to_num(grey.astype(np.float64), posinf=0.0, neginf=0.0)
        low, high = (0.0, 1.0) if grey.min() >= 0 and grey.max() <= 1 else (grey.min(), grey.max())
        stretched: np.ndarray = (grey - low) * (255 / max(high - low, 1e-12))
        return stretched.round().astype(np.uint8)
    positive = np.clip(grey, 0, 0xFFFF)
    # Cameras of 10, 12 or 14 bits store them as 16: of the upper 8 alone little would be seen.
    bits = next(bits for bits in (8, 10, 12, 14, 16) if positive.max() < 2**bits)
    shifted: np.ndarray = positive >> (bits - 8)
    return shifted.astype(np.uint8)
