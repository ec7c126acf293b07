"""A run that several processes share, for ``test_distributed``: started by torchrun, or imported.

``plain`` is a detector without batch norms, whose statistics would differ with the number of processes.
"""

import sys
from functools import partial
from pathlib import Path

import torch
from torch import nn

from ssd_lite import models, recipes, scales, training
from ssd_lite.models.ssd import SSD

BOXES = scales.paper((8, 4))


class Trunk(nn.Module):
    """Two maps, of 8 and 4 cells."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 5, stride=4, padding=2), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU())
        self.third = nn.Sequential(nn.Conv2d(16, 16, 3, stride=2, padding=1), nn.ReLU())

    def forward(self, images):
        finer = self.second(self.first(images))
        return [finer, self.third(finer)]


def plain(classes, *, default_boxes=None, mean=(0.5,) * 3, std=(0.25,) * 3, variances=(0.1, 0.2)) -> SSD:
    model = SSD(
        Trunk(),
        [],
        (16, 16),
        classes=classes,
        default_boxes=default_boxes or BOXES,
        image_size=64,
        mean=mean,
        std=std,
        variances=variances,
    )
    return models.zoo._with_config(model, "plain")


models.MODELS["plain"] = plain

RECIPE = recipes.scenes().changed(
    model="plain",
    default_boxes=None,
    canvas_px=64,
    train_images=14,
    test_images=7,
    batch=5,  # 3 + 2: the last batch of an evaluation is short as well
    steps=6,
    warmup=0,
    milestones=(),
    learning_rate=0.01,
    log_every=2,
    checkpoint_every=2,
    compile=False,
)


COMPILE = torch.compile


def compiled() -> None:
    """Let everything be compiled from now on, without the slow part of it."""
    torch.compile = partial(COMPILE, backend="aot_eager")


def main(run_dir: Path, *, stop_after: int | None) -> None:
    """Train or resume, until a step where every process is asked to stop; or compiled, with a stop at 0."""
    torch.set_num_threads(1)
    if stop_after == 0:
        compiled()
        stop_after = None
    if stop_after is not None:
        seen = training.loop.Run._stops
        training.loop.Run._stops = lambda run, asked: seen(run, run.progress.step >= stop_after)
    begin = training.resume if (run_dir / "recipe.json").exists() else training.train
    arguments = () if begin is training.resume else (RECIPE.changed(compile=torch.compile is not COMPILE),)
    try:
        result = begin(*arguments, run_dir=run_dir, device="cpu", show=False)
    except training.InterruptedRunError:
        return
    # Every process has the same result.
    rank = training.distributed.join(torch.device("cpu")).rank
    torch.save(result.metrics.mean, run_dir / f"mean-{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), stop_after=int(sys.argv[2]) if len(sys.argv) > 2 else None)
