"""Files that are no images, or too large, or damaged: each is read or refused."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from ssd_lite.data.images import MAX_PIXELS, ImageError, read_header, read_image
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
