import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps

from ssd_lite.data.images import MAX_PIXELS, TURNS, ImageError, read_header, read_image, turned_box
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


@pytest.mark.parametrize("size", [(10_001, 10_000), (30_000, 30_000)])
def test_huge_images_are_refused_from_their_header(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(png_header(*size))
    for read in (read_header, read_image):
        with pytest.raises(ImageError, match=f"{MAX_PIXELS:,} pixels"):
            read(path)


def test_large_images_below_the_cap_give_no_warning(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(png_header(10_000, 10_000))  # above the 89 million pixels at which Pillow warns
    assert read_header(path).size_px == (10_000, 10_000)


def test_a_header_is_read_without_the_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(png_header(400, 300))
    decoded = []
    with monkeypatch.context() as patched:
        # A plain list.append would not be called as a method, and its error be taken for broken metadata.
        patched.setattr(ImageFile.ImageFile, "load", lambda image: decoded.append(image.size))
        assert read_header(path).size_px == (400, 300)
    assert decoded == []
    with pytest.raises(ImageError, match="image must be whole"):
        read_image(path)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "file must be an image, one of JPEG, PNG"),
        (b"no image", "file must be an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "file must be an image"),
        (b"\xff\xd8\xff\xe0", "image must be whole|file must be an image"),
    ],
)
def test_what_is_no_image(tmp_path: Path, content: bytes, rule: str) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(ImageError, match=rule):
        read_image(tmp_path / "x.jpg")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="file must exist"):
        read_image(tmp_path / "x.jpg")
    with pytest.raises(ImageError, match=r"IsADirectoryError|PermissionError"):
        read_image(tmp_path)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(suffix=st.sampled_from(["jpg", "png", "webp", "gif", "bmp"]), data=st.data())
def test_damaged_files_are_read_or_refused(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    path = tmp_path / f"x.{suffix}"
    if not path.exists():
        write_image(path)
    damaged = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(0, len(damaged))) :]
    copy = path.with_stem("damaged")
    copy.write_bytes(bytes(damaged))
    try:
        image = read_image(copy)
    except ImageError:
        return
    assert image.shape[0] == 3


def test_a_cut_off_jpeg_is_refused(tmp_path: Path) -> None:
    path = write_image(tmp_path / "x.jpg", (200, 200))
    path.write_bytes(path.read_bytes()[:-500])
    assert read_header(path).size_px == (200, 200)
    with pytest.raises(ImageError, match="image must be whole: OSError: image file is truncated") as caught:
        read_image(path)
    assert caught.value.__suppress_context__
