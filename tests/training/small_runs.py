"""A run of a few seconds, and ways to disturb it."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ssd_lite import recipes, training

SMALL = recipes.scenes().changed(
    train_images=12,
    test_images=6,
    steps=7,
    batch=4,
    warmup=2,
    milestones=(5,),
    log_every=3,
    checkpoint_every=3,
)


def stop_after(steps: int, folder: Path, data: tuple) -> None:
    """Press Ctrl-C while a run in ``folder / "run"`` takes its ``steps``-th step."""
    data = disturbed(data, steps, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(training.InterruptedRunError, match=f"stopped after step {steps}"):
        training.train(SMALL, run_dir=folder / "run", data=data, show=False, device="cpu")


def disturbed(data: tuple, step: int, act: Callable[[], object]) -> tuple:
    """The data; ``act`` is called when the images of a step are taken."""

    class Disturbed:
        def __init__(self, source) -> None:
            self.classes, self.problems = source.classes, source.problems
            self.names, self.source = source.names, source

        def __len__(self) -> int:
            return len(self.source)

        def batches(self, order):
            for number, batch in enumerate(self.source.batches(order), start=1):
                if number == step:
                    act()
                yield batch

    return Disturbed(data[0]), data[1]


def equal(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    """Whether two models have the same weights and statistics, to the last bit."""
    one, two = a.state_dict(), b.state_dict()
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)
