"""Pixels of images: every format and mode, upright and in RGB."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from ssd_lite.data.images import TURNS, read_header, read_image, turned_box
from ssd_lite.data.paths import IMAGE_SUFFIXES
from tests.data.folders import write_image


def pixels(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds hardly a pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "webp", "jpg"])
def test_each_format_gives_channels_height_width(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    path = write_image(tmp_path / f"x.{suffix}", (40, 30), **options)
    image = read_image(path)
    assert image.shape == (3, 30, 40)
    assert image.dtype == torch.uint8
    assert image.is_contiguous()
    with Image.open(path) as reference:
        assert torch.equal(image, pixels(reference))


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 100, (100, 100, 100)),
        ("1", 1, (255, 255, 255)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
        ("LA", (0, 0), (255, 255, 255)),
        ("I;16", 0, (0, 0, 0)),
        ("I;16", 0x8000, (128, 128, 128)),
        ("I;16", 0xFFFF, (255, 255, 255)),
    ],
)
def test_each_mode_becomes_rgb(tmp_path: Path, mode: str, colour: object, expected: tuple[int, ...]) -> None:
    Image.new(mode, (5, 4), colour).save(tmp_path / "x.png")
    assert torch.equal(
        read_image(tmp_path / "x.png"),
        torch.tensor(expected, dtype=torch.uint8).view(3, 1, 1).expand(3, 4, 5),
    )


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    values = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)
    Image.fromarray(values).save(tmp_path / "x.png")
    assert torch.equal(read_image(tmp_path / "x.png")[1], torch.from_numpy((values >> 8).astype(np.uint8)))


def test_palette_with_and_without_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    image.save(tmp_path / "solid.png")
    image.save(tmp_path / "clear.png", transparency=bytes([255, 0]))
    assert read_image(tmp_path / "solid.png").flatten(1).T.tolist() == [[255, 0, 0], [0, 0, 255]]
    assert read_image(tmp_path / "clear.png").flatten(1).T.tolist() == [[255, 0, 0], [255, 255, 255]]


def test_cmyk(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "x.jpg")
    red, green, blue = read_image(tmp_path / "x.jpg").float().mean((1, 2)).tolist()
    assert red > 240
    assert green < 15
    assert blue < 15


def test_one_pixel_is_an_image_of_its_own(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "x.png")
    image = read_image(tmp_path / "x.png")
    image += 1
    assert image.flatten().tolist() == [2, 3, 4]


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_that_of_pillow(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = write_image(tmp_path / f"x.{suffix}", (40, 30), orientation=orientation)
    with Image.open(path) as reference:
        expected = pixels(ImageOps.exif_transpose(reference))
    assert torch.equal(read_image(path), expected)
    header = read_header(path)
    assert header.raw_size_px == (40, 30)
    assert header.size_px == (expected.shape[2], expected.shape[1])


@pytest.mark.parametrize("orientation", sorted(TURNS))
def test_boxes_turn_with_their_image(tmp_path: Path, orientation: int) -> None:
    raw = Image.new("L", (40, 30))
    raw.paste(255, (4, 3, 20, 9))
    exif = Image.Exif()
    exif[0x0112] = orientation
    raw.save(tmp_path / "x.png", exif=exif)
    image = read_image(tmp_path / "x.png")[0]
    x0, y0, x1, y1 = turned_box((4 / 40, 3 / 30, 20 / 40, 9 / 30), TURNS[orientation])
    rows, columns = image.nonzero().T
    height, width = image.shape
    found = [
        columns.min() / width,
        rows.min() / height,
        (columns.max() + 1) / width,
        (rows.max() + 1) / height,
    ]
    assert [x0, y0, x1, y1] == pytest.approx([float(side) for side in found])


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\xff", b"Exif\0\0"])
def test_broken_metadata_spoils_nothing(tmp_path: Path, exif: bytes) -> None:
    path = write_image(tmp_path / "x.jpg", exif=exif)
    assert read_header(path).size_px == (40, 30)
    assert read_image(path).shape == (3, 30, 40)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_max_side_shrinks_with_antialiasing(tmp_path: Path, suffix: str) -> None:
    path = write_image(tmp_path / f"x.{suffix}", (400, 300), orientation=6)
    small = read_image(path, max_side=60)
    assert small.shape == (3, 60, 45)
    whole = torch.nn.functional.interpolate(
        read_image(path)[None].float(), (60, 45), mode="bilinear", antialias=True
    )
    assert (small - whole[0]).abs().mean() < 2.0
    assert read_image(path, max_side=400).shape == (3, 400, 300)


def test_max_side_of_a_jpeg_whose_sides_no_power_of_two_divides(tmp_path: Path) -> None:
    path = write_image(
        tmp_path / "x.jpg", (1001, 1001)
    )  # decoded to an eighth: 126 pixels, 125.125 of them full
    whole = torch.nn.functional.interpolate(
        read_image(path)[None].float(), (60, 60), mode="bilinear", antialias=True
    )
    bias = (read_image(path, max_side=60) - whole[0]).mean((1, 2))
    assert bias.abs().max() < 0.4  # 0.9 when all 126 are taken for full


def test_max_side_averages_fine_stripes(tmp_path: Path) -> None:
    stripes = np.zeros((64, 64), dtype=np.uint8)
    stripes[:, ::2] = 200
    Image.fromarray(stripes).save(tmp_path / "x.png")
    small = read_image(tmp_path / "x.png", max_side=16).float()
    assert (small[:, 2:-2, 2:-2] - 100).abs().max() < 12


def test_max_side_keeps_one_pixel(tmp_path: Path) -> None:
    assert read_image(write_image(tmp_path / "x.png", (500, 2)), max_side=10).shape == (3, 1, 10)


def test_max_side_must_be_positive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="max_side must be at least 1 pixel, got 0"):
        read_image(write_image(tmp_path / "x.png"), max_side=0)


@pytest.mark.parametrize(
    "suffix", ["tif", "tiff", "ppm", "tga", "jp2", "avif", "pcx", "sgi", "qoi", "dds", "dib"]
)
def test_what_pillow_reads_is_read(tmp_path: Path, suffix: str) -> None:
    Image.init()
    if Image.registered_extensions().get(f".{suffix}") not in Image.OPEN.keys() & Image.SAVE.keys():
        pytest.skip(f"this Pillow does not read or does not write {suffix}")
    path = write_image(tmp_path / f"x.{suffix}", (40, 30))
    with Image.open(path) as reference:
        assert torch.equal(read_image(path), pixels(reference))
    assert read_header(path).size_px == (40, 30)
    assert f".{suffix}" in IMAGE_SUFFIXES


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pillow_turns_tiff_by_itself(tmp_path: Path, orientation: int) -> None:
    tiff = write_image(tmp_path / "x.tiff", (40, 30), orientation=orientation)
    png = write_image(tmp_path / "x.png", (40, 30), orientation=orientation)
    assert read_header(tiff) == read_header(png)
    assert torch.equal(read_image(tiff), read_image(png))


@pytest.mark.parametrize("mode", ["png", "tif"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_grey_of_few_of_sixteen_bits_is_stretched(tmp_path: Path, bits: int, mode: str) -> None:
    values = np.linspace(0, 2**bits - 1, 1024).astype(np.uint16).reshape(32, 32)
    Image.fromarray(values).save(tmp_path / f"x.{mode}")
    found = read_image(tmp_path / f"x.{mode}")[0]
    assert torch.equal(found, torch.from_numpy((values >> (bits - 8)).astype(np.uint8)))
    assert found.max() == 255


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.0, 700.0), (5.0, 5.0)])
def test_grey_of_floats(tmp_path: Path, low: float, high: float) -> None:
    values = np.linspace(low, high, 64, dtype=np.float32).reshape(8, 8)
    values[0, 0] = low
    Image.fromarray(values).save(tmp_path / "x.tif")
    found = read_image(tmp_path / "x.tif")[1].flatten()
    assert found[0] == 0
    assert found[-1] == (255 if high > low else 0)


def test_floats_that_are_no_numbers_are_black(tmp_path: Path) -> None:
    Image.fromarray(np.array([[np.nan, np.inf], [0, 1]], dtype=np.float32)).save(tmp_path / "x.tif")
    assert read_image(tmp_path / "x.tif")[0].tolist() == [[0, 0], [0, 255]]
