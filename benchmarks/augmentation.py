"""From a decoded photograph to a training image of 300 × 300: ``python -m benchmarks.augmentation``.

Photometric distortion, zoom-out, IoU crop, flip and resize on both sides. Ours augments a batch at once, on
the device; torchvision's transforms go image by image, on one core of the CPU. On a CPU ours has one core as
well. The two sides draw their random numbers differently, so randomly augmented images cannot be compared;
with nothing random both must give the same image and the same boxes, which is checked first. Both start from
decoded images of 378 × 504 pixels: photographs of playing cards, or drawn scenes where there are none.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Any

import torch
from torch.nn.functional import avg_pool2d

from benchmarks import photos
from benchmarks import torchvision_side as theirs
from benchmarks.command import Settings, run
from benchmarks.timing import comparison, in_turn, no_host_sync, peak_gib
from ssd_lite.augmentation import SSDAugmentation
from ssd_lite.data import Batch, Example
from ssd_lite.data.loading import in_order
from ssd_lite.training.step import AugmentationGraph, draw_uniforms

SIZE_PX = theirs.SIZE_PX
CPU_GOAL = 1 / 4
"""Share of torchvision's time per image and core that ours may take on a CPU."""

CUDA_GOAL = 20_000
"""Images per second that a GPU should augment."""


def measure(chosen: Settings) -> Iterator[dict[str, Any]]:
    """Images per second of both sides, after they have agreed on images without random changes."""
    batch = chosen.size(quick=2, cpu=32, cuda=32)
    images, kind = photos.examples(chosen.size(quick=2, cpu=32, cuda=256), seed=chosen.seed)
    agreement = check(images[: min(len(images), 8)])
    with one_thread():
        works, per_call = _works(images, batch, chosen)
        for name, work in works.items():
            if name != "torchvision":
                work()
                with no_host_sync(chosen.device):
                    work()
        rounds = chosen.size(quick=2, cpu=9, cuda=15)
        times = in_turn(works, device=chosen.device, rounds=rounds)
        memory = {name: peak_gib(work, device=chosen.device) for name, work in works.items()}
    each = {name: [t / per_call[name] for t in values] for name, values in times.items()}
    goal = CPU_GOAL if chosen.device.type == "cpu" else None
    compared = [
        comparison(_title(name), each, goal=goal, side=name) for name in works if name != "torchvision"
    ]
    speeds = {name: 1 / sorted(values)[len(values) // 2] for name, values in each.items()}
    yield {
        "images": kind,
        "image_px": [photos.HEIGHT, photos.WIDTH],
        "batch": batch,
        "unit": "one image; one core of the CPU for torchvision, and for ours where it runs on a CPU",
        "agreement": agreement,
        "images_per_second": speeds,
        "goal_images_per_second": CUDA_GOAL if chosen.device.type == "cuda" else None,
        "host_syncs": 0 if chosen.device.type == "cuda" else None,
        "memory_gib": memory,
        "comparisons": compared,
    }


def check(images: list[Example]) -> str:
    """Resize on both sides and compare: equal boxes, and means of 10 × 10 pixels within 1 of 255 on average.

    Single pixels may differ by more, since the two filters smooth fine texture differently. An image shifted
    by one pixel would differ by 2 or more on these photographs. Raises ``AssertionError`` otherwise.
    """
    still = SSDAugmentation(SIZE_PX, crop=None, photometric=None, flip=0.0)
    batch = _batch(images)
    ours, truths = still(batch.images, batch.truths, generator=torch.Generator(), sizes_px=batch.sizes_px)
    resizing, worst = theirs.resizing(), 0.0
    for number, (example, truth) in enumerate(zip(images, truths.unpadded(), strict=True)):
        image, target = resizing(*theirs.sample(example.image, example.truth))
        torch.testing.assert_close(truth.boxes_xyxy * SIZE_PX, target["boxes"].float(), atol=1e-2, rtol=0)
        difference = avg_pool2d(ours[number] - image, 10).abs().mean().item()
        assert difference < 1 / 255, f"image {number}: means differ by {255 * difference:.2f} of 255"
        assert image.std() > 0, f"image {number} is of one colour, so nothing is compared"
        worst = max(worst, difference)
    return f"resized only: equal boxes, means of 10 × 10 pixels within {255 * worst:.2f} of 255"


def _works(
    images: list[Example], batch: int, chosen: Settings
) -> tuple[dict[str, Callable[[], object]], dict[str, int]]:
    """One call of each side, and how many images it takes."""
    # One canvas and one number of rows of padded truths, so that compiling happens once.
    order = in_order(len(images), batch)
    batches = cycle([part.to(chosen.device) for part in photos.decoded(images).batches(order)])
    augment = SSDAugmentation(SIZE_PX, zoom_out=0.5)
    generator = torch.Generator(chosen.device).manual_seed(chosen.seed)

    def of(side: Callable[..., Any]) -> Callable[[], object]:
        def work() -> object:
            found = next(batches)
            uniforms = draw_uniforms(augment, batch, generator, chosen.device)
            return side(found.images, found.sizes_px, found.truths, uniforms, batch, 0)

        return work

    sides: dict[str, Callable[..., Any]] = {"ours": AugmentationGraph(augment)}
    if chosen.full:  # as in training
        sides["ours, compiled"] = torch.compile(sides["ours"], fullgraph=True, dynamic=False)
    samples = cycle([theirs.sample(example.image, example.truth) for example in images])
    transform, several = theirs.pipeline(), chosen.size(quick=2, cpu=8, cuda=8)

    def torchvision() -> list[Any]:
        return [transform(*next(samples)) for _ in range(several)]

    works = {name: of(side) for name, side in sides.items()}
    return works | {"torchvision": torchvision}, dict.fromkeys(works, batch) | {"torchvision": several}


def _batch(images: list[Example]) -> Batch:
    return next(photos.decoded(images).batches([range(len(images))]))


def _title(side: str) -> str:
    _, _, how = side.partition(", ")
    return "augmentation" + (f", {how}" if how else "")


@contextmanager
def one_thread() -> Iterator[None]:
    """Use one core of the CPU inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    run("augmentation", __doc__, measure)
