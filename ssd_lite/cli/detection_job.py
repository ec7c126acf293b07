"""The work of ``ssd-lite detect``: reading, detecting and drawing, a batch at a time."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from torch import Tensor

from ssd_lite import plotting
from ssd_lite.cli.detection_files import Result
from ssd_lite.cli.inputs import is_animation
from ssd_lite.cli.video import VideoError, VideoFrame, VideoWriter, read_video, video_info
from ssd_lite.data import read_image
from ssd_lite.data.images import ImageError
from ssd_lite.messages import plural
from ssd_lite.models import SSD
from ssd_lite.training import ProgressCallback


@dataclass
class Job:
    """Detection in all inputs: how, and what came of it so far. ``pictures`` is their folder, if any."""

    detector: SSD
    pictures: Path | None
    threshold: float
    batch: int
    num_inputs: int
    results: list[Result] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    animations: int = 0
    done: int = 0

    def images(self, paths: Sequence[Path], on_progress: ProgressCallback) -> None:
        """Detect objects in images, which several threads read, a batch at a time."""
        with ThreadPoolExecutor() as pool:
            for start in range(0, len(paths), self.batch):
                chosen = paths[start : start + self.batch]
                read = list(zip(chosen, pool.map(_read, chosen), strict=True))
                self.unreadable += [
                    f"{path}: {error}" for path, error in read if isinstance(error, Exception)
                ]
                images = [(path, image) for path, image in read if isinstance(image, Tensor)]
                for (path, image), result in zip(images, self._detect(images), strict=True):
                    self._finish(path, image, result)
                on_progress("detecting", start + len(chosen), len(paths))

    def _finish(self, path: Path, image: Tensor, result: Result) -> None:
        self.results.append(result)
        self.animations += is_animation(path)
        if self.pictures is not None:
            suffix = ".jpg" if path.suffix.lower() in (".jpg", ".jpeg") else ".png"
            plotting.save(self._drawn(image, result), self.pictures / self._name(path, suffix))
        self.done += 1

    def video(self, path: Path, every: int, on_progress: ProgressCallback) -> None:
        """Detect objects in a video, a batch of frames at a time, and draw them into a copy."""
        try:
            info = video_info(path)
            if self.pictures is None:
                self._frames(path, every, info.frames, None, on_progress)
            else:
                target = self.pictures / self._name(path, ".mp4")
                with VideoWriter(target, rate=info.rate / every) as writer:
                    self._frames(path, every, info.frames, writer, on_progress)
        except VideoError as error:
            self.unreadable.append(f"{path}: {error}")
        self.done += 1

    def _frames(
        self, path: Path, every: int, count: int, writer: VideoWriter | None, on_progress: ProgressCallback
    ) -> None:
        for frames in _batches(read_video(path, every=every), self.batch):
            results = self._detect([(path, frame.image) for frame in frames])
            for frame, result in zip(frames, results, strict=True):
                at = result._replace(frame=frame.number, seconds=round(frame.seconds, 3))
                self.results.append(at)
                if writer is not None:
                    writer.write(plotting.to_pixels(self._drawn(frame.image, at)))
            seen = frames[-1].number + 1
            on_progress(path.name, seen, max(count, seen + 1))

    def _detect(self, images: Sequence[tuple[Path, Tensor]]) -> list[Result]:
        found = self.detector.predict([image for _, image in images], score_threshold=self.threshold)
        return [
            Result(
                path, (image.shape[-2], image.shape[-1]), {name: value.cpu() for name, value in one.items()}
            )
            for (path, image), one in zip(images, found, strict=True)
        ]

    def _drawn(self, image: Tensor, result: Result) -> Any:
        classes = self.detector.classes
        return plotting.detected(image, result.detections, classes, threshold=self.threshold)

    def _name(self, path: Path, suffix: str) -> str:
        """The name of a picture; numbered if there are several, since files may share a name."""
        return f"{path.stem}{suffix}" if self.num_inputs == 1 else f"{self.done:04d}-{path.stem}{suffix}"

    def summary(self) -> str:
        """How many objects were found in how many images and videos."""
        objects = sum(len(result.detections["scores"]) for result in self.results)
        frames = [result for result in self.results if result.frame is not None]
        images, videos = len(self.results) - len(frames), len({result.source for result in frames})
        parts = [plural(images, "image")] if images or not videos else []
        parts += [f"{plural(len(frames), 'frame')} of {plural(videos, 'video')}"] if videos else []
        return f"{plural(objects, 'object')} in {' and '.join(parts)}"


def _read(path: Path) -> Tensor | ImageError:
    try:
        return read_image(path)
    except ImageError as error:
        return error


def _batches(frames: Iterator[VideoFrame], size: int) -> Iterator[list[VideoFrame]]:
    while chosen := list(islice(frames, size)):
        yield chosen
