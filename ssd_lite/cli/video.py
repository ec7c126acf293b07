"""Videos read and written frame by frame, through PyAV."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ssd_lite.files import UNFINISHED

CODECS = ("libx264", "mpeg4")
"""What videos are written with: the first that PyAV was built with."""


class VideoError(ValueError):
    """A video that cannot be read; the message says why, without its path."""


class VideoFrame(NamedTuple):
    """One frame as it is displayed, its number from 0, and its time in seconds."""

    image: Tensor
    number: int
    seconds: float


class VideoInfo(NamedTuple):
    """Frames per second, and about how many frames there are; 0 if the file does not say."""

    rate: Fraction
    frames: int


def import_av() -> Any:
    """PyAV. Raises ``ImportError`` naming the extra that installs it."""
    try:
        import av  # noqa: PLC0415 - an extra that most do without
    except ImportError as error:
        raise ImportError("videos need PyAV: pip install ssd-lite[video]") from error
    return av


def video_info(path: Path) -> VideoInfo:
    """What the file says of its first video. Raises ``VideoError`` if it holds none that can be read."""
    with _opened(path) as container:
        stream = container.streams.video[0]
        rate = Fraction(stream.average_rate or 25)
        seconds = float(stream.duration * stream.time_base) if stream.duration else 0.0
        return VideoInfo(rate, stream.frames or round(seconds * rate))


def read_video(path: Path, *, every: int = 1) -> Iterator[VideoFrame]:
    """Every so many-th frame of a video's first stream, decoded when it is asked for.

    Raises ``VideoError`` for a file that is no video, or is damaged; frames before the damage are given.
    """
    av = import_av()
    with _opened(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        try:
            for number, frame in enumerate(container.decode(stream)):
                if number % every == 0:
                    yield VideoFrame(_upright(frame), number, float(frame.time or 0.0))
        except av.error.FFmpegError as error:
            raise VideoError(f"video must be whole: {error.strerror}") from error


def _opened(path: Path) -> Any:
    av = import_av()
    try:
        container = av.open(str(path))
    except av.error.FFmpegError as error:
        raise VideoError(f"file must be a video: {error.strerror}") from error
    if not container.streams.video:
        container.close()
        raise VideoError("file must hold a video, and holds only other streams")
    return container


def _upright(frame: Any) -> Tensor:
    """The frame in RGB (3, h, w), turned as its metadata says: phones store videos lying on their side."""
    pixels = np.rot90(frame.to_ndarray(format="rgb24"), round(getattr(frame, "rotation", 0) / 90))
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


class VideoWriter:
    """Writes frames to an MP4 file, under a temporary name until it is complete; a context manager."""

    def __init__(self, path: Path, *, rate: Fraction) -> None:
        self._path, self._unfinished = path, path.with_name(path.name + UNFINISHED)
        self._rate, self._av = rate, import_av()
        self._stream: Any = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._container = self._av.open(str(self._unfinished), "w", format="mp4")

    def __enter__(self) -> "VideoWriter":
        return self

    def write(self, pixels: np.ndarray) -> None:
        """Add a frame, uint8 (height, width, 3); all must have the size of the first."""
        even = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]  # as the codecs need it
        if self._stream is None:
            codec = next(name for name in CODECS if name in self._av.codecs_available)
            stream = self._container.add_stream(codec, rate=self._rate.limit_denominator(60_000))
            stream.height, stream.width, stream.pix_fmt = even.shape[0], even.shape[1], "yuv420p"
            self._stream = stream
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        self._container.mux(self._stream.encode(frame))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None and kind is None:
            self._container.mux(self._stream.encode())
        complete = self._stream is not None and kind is None
        self._container.close()
        if complete:
            self._unfinished.replace(self._path)
        else:
            self._unfinished.unlink(missing_ok=True)
