"""From stored images to a batch to train on: ``python -m benchmarks.data_loading``.

Ours in its three ways, each with augmentation: decoded on the device, decoded in host memory (pinned, if the
device is a GPU), and streamed from disk by worker processes. Torchvision's ``VOCDetection`` with its
transforms in a ``DataLoader`` with as many workers. The result holds images per second, the time to load, and
how both grow with four times as many images. First, all ways must serve the same images and boxes.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks import photos, torchvision_training
from benchmarks import torchvision_side as theirs
from benchmarks.command import Settings, run
from benchmarks.timing import comparison, summary, synchronize
from ssd_lite.augmentation import SSDAugmentation
from ssd_lite.data import BatchSource, Streamed, VOCFolder, load
from ssd_lite.data.examples import Subset
from ssd_lite.data.loading import shuffled
from ssd_lite.training.step import AugmentationGraph, draw_uniforms

CANVAS_PX, MORE = 512, 4

Batches = Callable[[int], Iterator[Any]]
"""Yields a number of batches, each on the device when it is yielded or soon after."""


def measure(chosen: Settings) -> Iterator[dict[str, Any]]:
    """All ways of serving images, side by side."""
    with tempfile.TemporaryDirectory() as place:
        yield _Bench(chosen, Path(place)).measured()


class _Bench:
    def __init__(self, chosen: Settings, place: Path) -> None:
        self.chosen, self.device = chosen, chosen.device
        count = chosen.size(quick=8, cpu=32, cuda=512)
        root, split, self.kind = photos.folder(count, place, seed=chosen.seed, quick=chosen.quick)
        self.dataset = VOCFolder(root, split, skip_invalid=True, max_side=CANVAS_PX)
        self.batch = chosen.size(quick=2, cpu=8, cuda=32)
        self.workers = 0 if chosen.quick else torchvision_training.cores()
        self.augmentation = SSDAugmentation(theirs.SIZE_PX, zoom_out=0.5)
        self.generator = torch.Generator(self.device).manual_seed(chosen.seed)
        seen = AugmentationGraph(self.augmentation)
        self.seen: Any = torch.compile(seen, dynamic=False) if chosen.full else seen
        link, classes = place / "link", self.dataset.classes
        self.reader = torchvision_training.reader(root, split, classes, size_px=theirs.SIZE_PX, link=link)

    def measured(self) -> dict[str, Any]:
        sources, loading = self.loaded(self.dataset)
        agreement = check(list(sources.values()), self.reader, self.dataset.classes)
        ways: dict[str, Batches] = {way: self.augmented(source) for way, source in sources.items()}
        times = self.rounds(ways | {"torchvision": self.torchvision})
        several = Subset(self.dataset, list(range(len(self.dataset))) * MORE)
        more, loading_more = self.loaded(several)
        # The same ways, one after the other with fewer and with more images.
        grown: dict[str, Batches] = {}
        for way in sources:
            grown |= {way: ways[way], f"{way}, {MORE} times": self.augmented(more[way])}
        growth = {name: median(values) for name, values in self.rounds(grown).items()}
        each = {name: [t / self.batch for t in values] for name, values in times.items()}
        return {
            "images": self.kind,
            "images_number": len(self.dataset),
            "batch": self.batch,
            "workers": self.workers,
            "unit": "one image, augmented and on the device",
            "agreement": agreement,
            "images_per_second": {name: 1 / median(values) for name, values in each.items()},
            "loading_seconds": loading,
            "growth": {
                way: {
                    "images": MORE,
                    "step_s": [growth[way], growth[f"{way}, {MORE} times"]],
                    "loading_s": [loading[way], loading_more[way]],
                }
                for way in sources
            },
            "torchvision": summary(each["torchvision"]),
            "comparisons": [comparison(f"data from {way}", each, goal=None, side=way) for way in sources],
        }

    def loaded(self, dataset: Any) -> tuple[dict[str, BatchSource], dict[str, float]]:
        """The dataset in every way that this device can serve it, and the seconds that loading took."""
        keeps = ("device", "memory") if self.device.type == "cuda" else ("memory",)
        sources: dict[str, BatchSource] = {}
        seconds: dict[str, float] = {}
        for keep in keeps:
            began = time.perf_counter()
            sources[keep] = load(dataset, canvas_px=CANVAS_PX, device=self.device, keep=keep)
            synchronize(self.device)
            seconds[keep] = time.perf_counter() - began
        sources["disk"] = Streamed(dataset, canvas_px=CANVAS_PX, workers=self.workers)
        return sources, seconds | {"disk": 0.0}

    def augmented(self, source: BatchSource) -> Batches:
        """Our batches, moved to the device if necessary and augmented there."""

        def batches(steps: int) -> Iterator[Any]:
            for found in source.batches(self.order(len(source), steps)):
                batch = found.to(self.device)
                size = len(batch.images)
                uniforms = draw_uniforms(self.augmentation, size, self.generator, self.device)
                yield self.seen(batch.images, batch.sizes_px, batch.truths, uniforms, size, 0)

        return batches

    def torchvision(self, steps: int) -> Iterator[Any]:
        """Torchvision's batches, on the device."""
        order = self.order(len(self.reader), steps)
        return torchvision_training.batches(self.reader, order, workers=self.workers, device=self.device)

    def order(self, images: int, steps: int) -> Iterator[list[int]]:
        """A shuffled order of a number of steps."""
        return shuffled(images, self.batch, steps=steps, seed=self.chosen.seed)

    def rounds(self, ways: dict[str, Batches]) -> dict[str, list[float]]:
        """Seconds per batch of each way, in turns; the first batches of a turn, which start its workers, do
        not count.
        """
        number = self.chosen.size(quick=1, cpu=3, cuda=5)
        warmup, steps = self.chosen.size(quick=(1, 2), cpu=(2, 6), cuda=(8, 40))
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(number):
            for name, batches in ways.items():
                served = batches(warmup + steps)
                for _ in islice(served, warmup):
                    pass
                synchronize(self.device)
                began = time.perf_counter()
                for _ in served:
                    pass
                synchronize(self.device)
                times[name].append((time.perf_counter() - began) / steps)
        return times


def check(sources: Sequence[BatchSource], reader: Any, classes: Sequence[str], *, number: int = 2) -> str:
    """Compare: all of ours must serve equal pixels, and torchvision's reader equal boxes and labels."""
    indices = list(range(min(number, len(reader))))
    first, *others = (next(source.batches([indices])) for source in sources)
    sizes = first.sizes_px.tolist()
    for other in others:
        assert other.sizes_px.tolist() == sizes, "sizes differ"
        for a, b, (height, width) in zip(first.images, other.images, sizes, strict=True):
            assert a[:, :height, :width].cpu().equal(b[:, :height, :width].cpu()), "pixels differ"
    plain, reader.transforms.transforms = reader.transforms.transforms, theirs.resizing()
    for index, truth in zip(indices, first.truths.to("cpu").unpadded(), strict=True):
        image, target = reader[index]
        assert image.float().std() > 0, f"image {index} is of one colour, so nothing is compared"
        torch.testing.assert_close(
            target["boxes"].as_subclass(torch.Tensor) / theirs.SIZE_PX, truth.boxes_xyxy, atol=1e-4, rtol=0
        )
        assert target["labels"].equal(truth.labels), f"labels of image {index} differ"
    reader.transforms.transforms = plain
    return "equal pixels from all of ours, equal boxes and labels from torchvision"


if __name__ == "__main__":
    run("data_loading", __doc__, measure)
