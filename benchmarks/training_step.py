"""Images a second of a whole step of training: ``python -m benchmarks.training_step``.

SSD300 on VGG-16, 32 images a step and bfloat16 on a GPU. Ours: from decoded images on the device through
augmentation, network, objective, gradients and optimizer. Torchvision's: the same network with its own
reader of JPEG files, transforms in worker processes, loss and optimizer, in automatic mixed precision. The
images are photos of playing cards where ``SSD_LITE_SHARED`` has them, or drawn scenes. Before anything is
timed, both networks get the same weights and must come to the same loss.

Beside the whole step: both networks alone, on images that lie on the device; the share of the rate that
the device reaches in a large matrix product (bfloat16 on a GPU, float32 on a CPU); memory; and the parts of
our step, each the difference that it makes when it is added to those before it.
"""

import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import our_training, photos, same_weights, torchvision_training
from benchmarks import torchvision_side as theirs
from benchmarks.command import Settings, run
from benchmarks.timing import comparison, in_turn, no_host_sync, peak_gib, seconds
from ssd_lite import models, recipes
from ssd_lite.data import VOCFolder, load
from ssd_lite.data.loading import shuffled
from ssd_lite.recipes import Recipe
from ssd_lite.truths import Truths

GOAL = 1 / 3
"""Share of torchvision's time that ours may take."""

GOAL_UTILISATION = 0.5
"""Share of the device's matrix rate that a GPU should reach."""


def recipe(chosen: Settings) -> Recipe:
    """Model, batch and augmentation of both sides."""
    whole = recipes.voc0712().changed(weights=None, seed=chosen.seed, zoom_out=0.5)
    if chosen.quick:
        return whole.changed(model="ssd_tiny", batch=2, canvas_px=128)
    return whole.changed(batch=chosen.size(quick=4, cpu=2, cuda=32))


def measure(chosen: Settings) -> dict[str, Any]:
    """Everything that the module's text promises."""
    # cuDNN chooses its fastest kernels for both, as our training has it; torchvision's reference does not.
    kernels = torch.backends.cudnn.flags(enabled=True, benchmark=True)
    with tempfile.TemporaryDirectory() as place, kernels:
        return _Bench(chosen, Path(place)).measured()


class _Bench:
    def __init__(self, chosen: Settings, place: Path) -> None:
        self.chosen, self.device, self.recipe = chosen, chosen.device, recipe(chosen)
        count = chosen.size(quick=4, cpu=16, cuda=512)
        self.folder, self.split, self.kind = photos.folder(count, place, seed=chosen.seed, quick=chosen.quick)
        dataset = VOCFolder(self.folder, self.split, skip_invalid=True)
        torch.manual_seed(chosen.seed)
        model = models.MODELS[self.recipe.model](dataset.classes)
        self.checked = same_weights.agree(model, self.device, seed=chosen.seed)
        self.reader = torchvision_training.reader(
            self.folder, self.split, dataset.classes, size_px=model.image_size, link=place / "link"
        )
        source = load(dataset, canvas_px=self.recipe.canvas_px, device=self.device)
        self.kept = source.storage
        self.batches = our_training.endless(source, self.recipe.batch, self.device, seed=chosen.seed)
        self.batch = next(self.batches)
        before = _allocated(self.device)
        self.ours = our_training.Training(model, self.recipe, self.device)
        self.ours.step(self.batch)  # compiles, and the optimizer takes its memory
        ours_gib = self.peak(lambda: self.ours.step(self.batch), before)
        self.augmented = self.ours.augmented(self.batch)
        before = _allocated(self.device)
        still = self.recipe.changed(learning_rate=1e-4)
        self.theirs = torchvision_training.Training(model, still, self.device)
        self.network_of_torchvision()
        self.memory = {"ours": ours_gib, "torchvision": self.peak(self.network_of_torchvision, before)}

    def peak(self, work: Callable[[], object], before: float) -> float | None:
        """GiB that a step takes at most on the GPU beyond what lay there before; None on a CPU."""
        peak = peak_gib(work, device=self.device)
        return None if peak is None else peak - before

    def network_of_torchvision(self) -> Tensor:
        """Torchvision's step on images that lie ready."""
        images, truths = self.augmented
        return self.theirs.step(list(images), self.targets(truths))

    def measured(self) -> dict[str, Any]:
        whole, network = self.whole(), self.network()
        flops, rate = self.flops_an_image(), matrix_rate(self.chosen)
        speeds = {side: self.recipe.batch / whole[side]["median_s"] for side in ("ours", "torchvision")}
        return {
            "images": self.kind,
            "model": self.recipe.model,
            "batch": self.recipe.batch,
            "precision": "bfloat16" if self.ours.half else "float32",
            "agreement": self.checked,
            "images_per_second": speeds,
            "data_kept_in": self.kept,
            "workers": self.workers,
            "flops_an_image": flops,
            "matrix_flops_per_second": rate,
            "utilisation": {side: flops * speed / rate for side, speed in speeds.items()},
            "goal_utilisation": GOAL_UTILISATION,
            "host_syncs": self.host_syncs(),
            "memory_gib": self.memory,
            "parts_s": self.parts(),
            "comparisons": [whole, network],
        }

    @property
    def workers(self) -> int:
        """Worker processes of torchvision's loader: one a core; on a small CPU they would fight the step."""
        return torchvision_training.cores() if self.device.type == "cuda" else 0

    def whole(self) -> dict[str, Any]:
        """The whole step of both sides, round by round; torchvision's loader runs in its own turns alone."""
        rounds = self.chosen.size(quick=2, cpu=3, cuda=5)
        ours, other = (self.chosen.size(quick=1, cpu=1, cuda=steps) for steps in (50, 25))
        warmup = self.chosen.size(quick=1, cpu=1, cuda=5)
        for _ in range(warmup):
            self.ours.step(next(self.batches))
        times: dict[str, list[float]] = {"ours": [], "torchvision": []}
        for _ in range(rounds):
            step = seconds(lambda: self.ours.step(next(self.batches)), device=self.device, calls=ours)
            times["ours"].append(step)
            loaded = self.loaded(warmup + other)
            for images, targets in islice(loaded, warmup):
                self.theirs.step(images, targets)
            step = seconds(lambda: self.theirs.step(*next(loaded)), device=self.device, calls=other)  # noqa: B023
            times["torchvision"].append(step)
        goal = GOAL if self.device.type == "cuda" else None  # on a CPU nearly all is the network's arithmetic
        return comparison("training step, data included", times, goal=goal)

    def loaded(self, steps: int) -> Iterator[Any]:
        """Torchvision's batches for so many steps."""
        order = shuffled(len(self.reader), self.recipe.batch, steps=steps, seed=self.chosen.seed)
        return torchvision_training.batches(self.reader, order, workers=self.workers, device=self.device)

    def network(self) -> dict[str, Any]:
        """Forward, loss, backward and optimizer of both sides, on images that lie ready."""
        works: dict[str, Callable[[], object]] = {
            "ours": lambda: self.ours.learned(*self.augmented),
            "torchvision": self.network_of_torchvision,
        }
        rounds, calls = self.chosen.size(quick=2, cpu=3, cuda=7), self.chosen.size(quick=1, cpu=1, cuda=10)
        times = in_turn(works, device=self.device, rounds=rounds, calls=calls, warmup=1 if calls == 1 else 5)
        return comparison("training step, network and loss", times, goal=None)

    def targets(self, truths: Truths) -> list[theirs.Target]:
        """Torchvision's targets of augmented images; made in advance of a step, by its loader."""
        return theirs.targets(truths, size_px=self.ours.model.image_size)

    def parts(self) -> dict[str, float]:
        """Seconds of each part of our step, by what it adds."""
        images, truths = self.augmented

        def gradients() -> None:
            self.ours.optimizer.zero_grad(set_to_none=True)
            self.ours.lost(images, truths).backward()  # type: ignore[no-untyped-call]

        works: dict[str, Callable[[], object]] = {
            "augmentation": lambda: self.ours.augmented(self.batch),
            "forward": lambda: self.ours.predicted(images),
            "criterion": lambda: self.ours.lost(images, truths),
            "backward": gradients,
            "optimizer": lambda: self.ours.learned(images, truths),
        }
        rounds, calls = self.chosen.size(quick=1, cpu=3, cuda=7), self.chosen.size(quick=1, cpu=1, cuda=10)
        times = in_turn(works, device=self.device, rounds=rounds, calls=calls, warmup=1)
        until = {name: median(values) for name, values in times.items()}
        found = {"augmentation": until["augmentation"], "forward": until["forward"]}
        for before, name in (("forward", "criterion"), ("criterion", "backward"), ("backward", "optimizer")):
            found[name] = max(until[name] - until[before], 0.0)
        return found

    def host_syncs(self) -> int | None:
        """0 where a step was seen not to wait for the host; raises if it waits; None on a CPU."""
        if self.device.type != "cuda":
            return None
        with no_host_sync(self.device):
            self.ours.step(next(self.batches))
        return 0

    def flops_an_image(self) -> float:
        """Operations of network and gradients for one image, counted; a multiply-add is two."""
        images, truths = self.augmented
        with FlopCounterMode(display=False) as counter:
            total = self.ours.criterion(*self.ours.model(images), truths).total
            total.backward()
        self.ours.optimizer.zero_grad(set_to_none=True)
        return float(counter.get_total_flops()) / self.recipe.batch


def matrix_rate(chosen: Settings) -> float:
    """Operations a second of a large matrix product of random numbers: the best of some rounds."""
    side = chosen.size(quick=128, cpu=2048, cuda=8192)
    dtype = torch.bfloat16 if chosen.device.type == "cuda" else torch.float32
    a, b = (torch.randn(side, side, device=chosen.device, dtype=dtype) for _ in range(2))
    calls = chosen.size(quick=1, cpu=1, cuda=10)
    times = in_turn({"product": lambda: a @ b}, device=chosen.device, rounds=5, calls=calls)
    return float(2 * side**3 / min(times["product"]))


def _allocated(device: torch.device) -> float:
    return torch.cuda.memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0


if __name__ == "__main__":
    run("training_step", __doc__, measure)
