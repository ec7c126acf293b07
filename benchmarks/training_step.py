"""Images per second of a whole training step: ``python -m benchmarks.training_step``.

SSD300 on VGG-16, on a GPU 32 images a step in bfloat16. Ours runs from decoded images on the device through
augmentation, network, objective, gradients and optimizer. Torchvision's is the same network with its own
reader of JPEG files, transforms in worker processes, loss and optimizer, in automatic mixed precision. The
images are photographs of playing cards, or drawn scenes where there are none. Before anything is timed, both
networks get the same weights and must come to the same loss.

Beside the whole step: the seconds of the first step, which compiles; both networks alone, on images that are
on the device; the share of the rate that the device reaches in a large matrix product (bfloat16 on a GPU,
float32 on a CPU); memory; and the parts of our step, each as the difference it makes when added to those
before it. Everything is printed and written as soon as it is measured.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import photos, same_weights, torchvision_training
from benchmarks import torchvision_side as theirs
from benchmarks.command import Settings, run
from benchmarks.timing import comparison, in_turn, no_host_sync, peak_gib, seconds, synchronize
from ssd_lite import models, recipes, training
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


def measure(chosen: Settings) -> Iterator[dict[str, Any]]:
    """Everything that the module's text promises, part by part."""
    # cuDNN chooses its fastest kernels for both, as in our training; torchvision's reference does not.
    kernels = torch.backends.cudnn.flags(enabled=True, benchmark=True)
    with tempfile.TemporaryDirectory() as place, kernels:
        yield from _Bench(chosen, Path(place)).parts()


class _Bench:
    def __init__(self, chosen: Settings, place: Path) -> None:
        self.chosen, self.device, self.recipe = chosen, chosen.device, recipe(chosen)
        count = chosen.size(quick=4, cpu=16, cuda=512)
        self.folder, self.split, self.kind = photos.folder(count, place, seed=chosen.seed, quick=chosen.quick)
        dataset = VOCFolder(self.folder, self.split, skip_invalid=True)
        torch.manual_seed(chosen.seed)
        self.model = models.MODELS[self.recipe.model](dataset.classes)
        self.reader = torchvision_training.reader(
            self.folder, self.split, dataset.classes, size_px=self.model.image_size, link=place / "link"
        )
        self.source = load(dataset, canvas_px=self.recipe.canvas_px, device=self.device)
        self.batches = photos.endless(self.source, self.recipe.batch, seed=chosen.seed)
        self.batch = next(self.batches).to(self.device)
        self.number = 0

    def parts(self) -> Iterator[dict[str, Any]]:
        """The result, part by part."""
        yield {
            "images": self.kind,
            "model": self.recipe.model,
            "batch": self.recipe.batch,
            "data_kept_in": photos.storage(self.source),
            "workers": self.workers,
            "agreement": same_weights.agree(self.model, self.device, seed=self.chosen.seed),
        }
        yield self.started()
        whole = self.whole()
        speeds = {side: self.recipe.batch / whole[side]["median_s"] for side in ("ours", "torchvision")}
        yield {"comparisons": [whole], "images_per_second": speeds}
        flops, rate = self.flops_per_image(), matrix_rate(self.chosen)
        used = {side: flops * speed / rate for side, speed in speeds.items()}
        print(f"share of the matrix rate: {used['ours']:.3f}, torchvision {used['torchvision']:.3f}")
        yield {"flops_per_image": flops, "matrix_flops_per_second": rate}
        yield {"utilisation": used, "goal_utilisation": GOAL_UTILISATION}
        yield {"comparisons": [self.network()]}
        yield {"parts_s": self.times_of_parts()}
        yield {"host_syncs": self.host_syncs()}

    def started(self) -> dict[str, Any]:
        """Build both sides and take the first step of each, which compiles ours."""
        before = _allocated(self.device)
        began = time.perf_counter()
        # A small rate: many steps in a row are timed and must not diverge.
        still = self.recipe.changed(learning_rate=1e-4)
        self.ours = training.Trainer(self.model, still, device=self.device)
        self.step()
        synchronize(self.device)
        first = {"ours": time.perf_counter() - began}
        self.step()
        memory = {"ours": self.peak(self.step, before)}
        self.augmented = self.ours.augment(self.batch, 0)
        before = _allocated(self.device)
        began = time.perf_counter()
        self.theirs = torchvision_training.Training(self.model, still, self.device)
        self.network_of_torchvision()
        synchronize(self.device)
        first["torchvision"] = time.perf_counter() - began
        memory["torchvision"] = self.peak(self.network_of_torchvision, before)
        print(f"first step: {first['ours']:.1f} s, torchvision {first['torchvision']:.1f} s", flush=True)
        return {"first_step_s": first, "memory_gib": memory}

    def step(self) -> object:
        """Our next step, on the next batch."""
        self.number += 1
        return self.ours.step(next(self.batches).to(self.device), self.number)

    def peak(self, work: Callable[[], object], before: float) -> float | None:
        """Peak GiB of a step on the GPU beyond what was allocated ``before``; None on a CPU."""
        peak = peak_gib(work, device=self.device)
        return None if peak is None else peak - before

    def network_of_torchvision(self) -> Tensor:
        """Torchvision's step on images that are on the device."""
        images, truths = self.augmented
        return self.theirs.step(list(images), self.targets(truths))

    @property
    def workers(self) -> int:
        """Worker processes of torchvision's loader: one per core; none on a CPU, where they slow the step."""
        return torchvision_training.cores() if self.device.type == "cuda" else 0

    def whole(self) -> dict[str, Any]:
        """The whole step of both sides, in turns; torchvision's loader runs in its own turns only."""
        rounds = self.chosen.size(quick=2, cpu=3, cuda=5)
        ours, other = (self.chosen.size(quick=1, cpu=1, cuda=steps) for steps in (50, 25))
        warmup = self.chosen.size(quick=1, cpu=1, cuda=5)
        for _ in range(warmup):
            self.step()
        times: dict[str, list[float]] = {"ours": [], "torchvision": []}
        for _ in range(rounds):
            step = seconds(self.step, device=self.device, calls=ours)
            times["ours"].append(step)
            loaded = self.loaded(warmup + other)
            for images, targets in islice(loaded, warmup):
                self.theirs.step(images, targets)
            step = seconds(lambda: self.theirs.step(*next(loaded)), device=self.device, calls=other)  # noqa: B023
            times["torchvision"].append(step)
        goal = GOAL if self.device.type == "cuda" else None  # on a CPU nearly all is the network's arithmetic
        return comparison("training step, data included", times, goal=goal)

    def loaded(self, steps: int) -> Iterator[Any]:
        """Torchvision's batches for a number of steps."""
        order = shuffled(len(self.reader), self.recipe.batch, steps=steps, seed=self.chosen.seed)
        return torchvision_training.batches(self.reader, order, workers=self.workers, device=self.device)

    def network(self) -> dict[str, Any]:
        """Forward, loss, backward and optimizer of both sides, on augmented images."""
        works: dict[str, Callable[[], object]] = {
            "ours": self.learn,
            "torchvision": self.network_of_torchvision,
        }
        rounds, calls = self.chosen.size(quick=2, cpu=3, cuda=7), self.chosen.size(quick=1, cpu=1, cuda=10)
        times = in_turn(works, device=self.device, rounds=rounds, calls=calls, warmup=1 if calls == 1 else 5)
        return comparison("training step, network and loss", times, goal=None)

    def targets(self, truths: Truths) -> list[theirs.Target]:
        """Augmented truths as torchvision's targets, which its loader makes ahead of the step."""
        return theirs.targets(truths, size_px=self.ours.model.image_size)

    def loss(self) -> Tensor:
        """Our loss on augmented images."""
        images, truths = self.augmented
        total: Tensor = self.ours.loss(*self.ours.predict(images), truths).total
        return total

    def gradients(self) -> None:
        """Our loss on augmented images, and its gradients."""
        self.ours.optimizer.zero_grad(set_to_none=True)
        self.loss().backward()  # type: ignore[no-untyped-call]

    def learn(self) -> None:
        """Our step on augmented images."""
        self.gradients()
        self.ours.optimizer.step()

    def times_of_parts(self) -> dict[str, float]:
        """Seconds that each part adds to our step."""
        works: dict[str, Callable[[], object]] = {
            "augmentation": lambda: self.ours.augment(self.batch, 0),
            "forward": lambda: self.ours.predict(self.augmented[0]),
            "criterion": self.loss,
            "backward": self.gradients,
            "optimizer": self.learn,
        }
        rounds, calls = self.chosen.size(quick=1, cpu=3, cuda=7), self.chosen.size(quick=1, cpu=1, cuda=10)
        times = in_turn(works, device=self.device, rounds=rounds, calls=calls, warmup=1)
        until = {name: median(values) for name, values in times.items()}
        found = {"augmentation": until["augmentation"], "forward": until["forward"]}
        for before, name in (("forward", "criterion"), ("criterion", "backward"), ("backward", "optimizer")):
            found[name] = max(until[name] - until[before], 0.0)
        return found

    def host_syncs(self) -> int | None:
        """0 if a step does not wait for the GPU, else raises ``RuntimeError``; None on a CPU."""
        if self.device.type != "cuda":
            return None
        with no_host_sync(self.device):
            self.step()
        return 0

    def flops_per_image(self) -> float:
        """Operations of the network and its gradients for one image; a multiply-add counts as two."""
        images, truths = self.augmented
        with FlopCounterMode(display=False) as counter:
            self.ours.criterion(*self.model(images), truths).total.backward()
        self.ours.optimizer.zero_grad(set_to_none=True)
        return float(counter.get_total_flops()) / self.recipe.batch


def matrix_rate(chosen: Settings) -> float:
    """Operations per second in a large product of random matrices, in the best of five rounds."""
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
