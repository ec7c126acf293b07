"""``ssd-lite detect`` on videos: every frame with its time, a copy with boxes, and what cannot be read."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ssd_lite.cli import video
from ssd_lite.cli.video import VideoWriter, read_video, video_info
from ssd_lite.data import Scenes
from tests.cli.helpers import run, write_detector

pytestmark = pytest.mark.plain  # run-time type checks would refuse in their own words

av = pytest.importorskip("av")
FRAMES, RATE = 10, 5


def write_video(path: Path, size: tuple[int, int] = (96, 128)) -> Path:
    """A video of (height, width) whose frames are flat greys, each a little lighter."""
    container = av.open(str(path), "w")
    stream = container.add_stream("mpeg4", rate=RATE)
    stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
    for number in range(FRAMES):
        pixels = np.full((*size, 3), 20 * number + 20, dtype=np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
    container.mux(stream.encode())
    container.close()
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_video(tmp_path / "clip.mp4")


def test_frames_come_in_order_with_their_times(clip: Path) -> None:
    frames = list(read_video(clip))
    assert [frame.number for frame in frames] == list(range(FRAMES))
    assert [frame.seconds for frame in frames] == pytest.approx([number / RATE for number in range(FRAMES)])
    assert all(frame.image.shape == (3, 96, 128) and frame.image.dtype == torch.uint8 for frame in frames)
    greys = [float(frame.image.float().mean()) for frame in frames]
    assert greys == pytest.approx([20 * number + 20 for number in range(FRAMES)], abs=4)
    assert [frame.number for frame in read_video(clip, every=4)] == [0, 4, 8]
    assert (video_info(clip).rate, video_info(clip).frames) == (RATE, FRAMES)


def test_a_video_is_streamed(clip: Path) -> None:
    """The first frame is there before the last is decoded."""
    frames = read_video(clip)
    assert next(frames).number == 0
    frames.close()


def test_detections_of_a_video(clip: Path, tmp_path: Path) -> None:
    weights = write_detector(tmp_path / "model.safetensors")
    options = ("--out", tmp_path / "found", "--threshold", "0.3", "--format", "csv", "--format", "coco")
    code, said = run("detect", weights, clip, *options, "--batch", "4", "--every", "2")
    assert code == 0, said
    assert "5 frames of 1 video" in said
    boxes = json.loads((tmp_path / "found/detections.json").read_text())[str(clip)]
    assert boxes
    assert {box["frame"] for box in boxes} <= {0, 2, 4, 6, 8}
    assert all(box["seconds"] == pytest.approx(box["frame"] / RATE) for box in boxes)
    with (tmp_path / "found/detections.csv").open(newline="") as file:
        assert [int(row["frame"]) for row in csv.DictReader(file)] == [box["frame"] for box in boxes]
    described = json.loads((tmp_path / "found/images.coco.json").read_text())
    assert [image["frame"] for image in described["images"]] == [0, 2, 4, 6, 8]
    assert len({image["id"] for image in described["images"]}) == 5
    copy = list(read_video(tmp_path / "found/clip.mp4"))
    assert len(copy) == 5
    assert copy[0].image.shape == (3, 96, 128)
    assert float(video_info(tmp_path / "found/clip.mp4").rate) == pytest.approx(RATE / 2)


def test_odd_sides_are_written_even(tmp_path: Path) -> None:
    pixels = Scenes(count=1, size=(51, 73))[0].image.permute(1, 2, 0).numpy()
    with VideoWriter(
        tmp_path / "new/odd.mp4", rate=video_info(write_video(tmp_path / "a.mp4")).rate
    ) as writer:
        writer.write(pixels)
    frame = next(iter(read_video(tmp_path / "new/odd.mp4")))
    assert frame.image.shape == (3, 50, 72)
    assert abs(frame.image.permute(1, 2, 0).numpy().astype(int) - pixels[:50, :72]).mean() < 12


def test_a_video_that_was_not_finished_leaves_no_file(clip: Path, tmp_path: Path) -> None:
    def interrupted() -> None:
        with VideoWriter(tmp_path / "new/x.mp4", rate=video_info(clip).rate) as writer:
            writer.write(np.zeros((48, 64, 3), dtype=np.uint8))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert not list((tmp_path / "new").iterdir())


def test_a_phones_video_is_turned_upright() -> None:
    class Frame:
        """Stored lying on its side: to be shown turned a quarter clockwise."""

        rotation = -90

        def to_ndarray(self, *, format: str) -> np.ndarray:
            pixels = np.zeros((2, 3, 3), dtype=np.uint8)
            pixels[0, 0] = 255  # top left
            return pixels

    upright = video._upright(Frame())
    assert upright.shape == (3, 3, 2)
    assert upright[0].nonzero().tolist() == [[0, 1]]  # top right


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    container = av.open(str(path), "w")
    stream = container.add_stream("aac", rate=16_000)
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
    frame.sample_rate = 16_000
    container.mux(stream.encode(frame))
    container.mux(stream.encode())
    container.close()
    with pytest.raises(video.VideoError, match="holds only other streams"):
        video_info(path)
