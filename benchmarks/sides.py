"""The two sides of :mod:`benchmarks.time_to_map`, and the loop that trains a side for a number of seconds."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from benchmarks import torchvision_training
from benchmarks.photos import endless
from benchmarks.timing import synchronize
from ssd_lite import training
from ssd_lite.data import Decoded
from ssd_lite.data.loading import shuffled
from ssd_lite.evaluation import AveragePrecision
from ssd_lite.models import MODELS, SSD
from ssd_lite.recipes import Recipe

POINTS = 10
"""How often a side is evaluated."""

NUMBERS = 1_000_000
"""Steps of the schedule that is spread over the time: many more than either side takes."""


class Side(Protocol):
    """A detector in training."""

    def steps(self) -> Iterator[Any]:
        """What each step takes, without end."""

    def step(self, batch: Any, number: int) -> Tensor:
        """Take a step; returns its loss."""

    def evaluate(self) -> AveragePrecision:
        """The mAP on the test images that are watched."""


class Ours:
    """Our detector on images that are on the device."""

    def __init__(self, run: Recipe, train: Decoded, test: Decoded, device: torch.device) -> None:
        self.run, self.device, self.test = run, device, test
        self.train = train.to(device)
        self.trainer = training.Trainer(_model(run, train.classes), run, device=device)

    def steps(self) -> Iterator[Any]:
        return endless(self.train, self.run.batch, seed=self.run.seed)

    def step(self, batch: Any, number: int) -> Tensor:
        return self.trainer.step(batch, number).total

    def evaluate(self) -> AveragePrecision:
        return training.evaluate(self.trainer.model, self.test)


class Torchvision:
    """Torchvision's detector on images that its loader reads; ``link`` is a folder for its reader."""

    def __init__(
        self, run: Recipe, root: Path, link: Path, train: Decoded, test: Decoded, device: torch.device
    ) -> None:
        self.run, self.device, self.test = run, device, test
        model = _model(run, train.classes)
        self.reader = torchvision_training.reader(
            root,
            run.train_split,
            train.classes,
            size_px=model.image_size,
            link=link,
            names=train.names,
        )
        self.training = torchvision_training.Training(model, run, device)

    def steps(self) -> Iterator[Any]:
        order = shuffled(len(self.reader), self.run.batch, steps=10**9, seed=self.run.seed)
        workers = torchvision_training.cores() if self.device.type == "cuda" else 0
        return torchvision_training.batches(self.reader, order, workers=workers, device=self.device)

    def step(self, batch: Any, number: int) -> Tensor:
        return self.training.step(*batch, number)

    def evaluate(self) -> AveragePrecision:
        return self.training.evaluate(self.test)


def _model(run: Recipe, classes: tuple[str, ...]) -> SSD:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.seed)
        return MODELS[run.model](classes, **run.model_options)


def train_for(
    side_of: Callable[[], Side], seconds: float, *, device: torch.device, points: int = POINTS
) -> Iterator[dict[str, Any]]:
    """Train a side for so many seconds, building it included; yields its state at every point.

    ``diverged`` is set, and nothing follows, when the loss is not finite.
    """
    before, began = 0.0, time.perf_counter()
    with torch.backends.cudnn.flags(enabled=True, benchmark=True):  # the fastest kernels, for both sides
        side = side_of()
        number, steps, first_step, due = -1, 0, 0.0, 1
        curve: list[dict[str, Any]] = []
        for batch in side.steps():
            elapsed = before + time.perf_counter() - began
            number = max(number + 1, min(int(NUMBERS * elapsed / seconds), NUMBERS - 1))
            loss = side.step(batch, number)
            steps += 1
            if steps == 1:
                synchronize(device)
                first_step = before + time.perf_counter() - began
            if before + time.perf_counter() - began < due * seconds / points:
                continue
            synchronize(device)
            before += time.perf_counter() - began
            state = {"steps": steps, "seconds": round(before, 2), "first_step_seconds": round(first_step, 2)}
            if not loss.isfinite():
                yield state | {"curve": curve, "diverged": True}
                return
            metrics = side.evaluate()
            curve = [*curve, {"step": steps, "seconds": round(before, 3), "map": metrics.mean}]
            yield state | {"curve": curve, "metrics": metrics.to_dict()}
            due = int(points * before / seconds) + 1
            if due > points:
                return
            began = time.perf_counter()
