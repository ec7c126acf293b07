"""One run: its images, its model, its training, and its results."""

from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from benchmarks.ablations import architectures
from benchmarks.ablations.measuring import mean_precision, measure
from benchmarks.ablations.study import Run
from benchmarks.drawn import first
from ssd_lite import training
from ssd_lite.data import Decoded, Scenes, decode
from ssd_lite.data.loading import shuffled
from ssd_lite.files import write_atomic
from ssd_lite.models import SSD
from ssd_lite.recipes import Recipe
from ssd_lite.scales import fit
from ssd_lite.truths import Truths

MEASURED, LOGGED_EVERY = 3, 50
"""How often a run is measured, and every how many steps its losses are kept."""

DRAWN = {"train": 3000, "test": 300}
"""Scenes that are drawn for each seed; a run that wants fewer takes the first ones."""


def run(task: Run, *, device: torch.device, scenes: Path) -> dict[str, Any]:
    """Train with the package's own harness; mAP over the steps, losses, and the final results.

    ``diverged`` is the step of the first loss that was not finite; such a run ends at its next measurement.
    """
    recipe = task.recipe
    train, test = images(recipe, device=device, scenes=scenes)
    trainer = training.Trainer(new_model(task, train), recipe, device=device, compile=False)
    times = {round(recipe.steps * part / MEASURED) for part in range(1, MEASURED + 1)}
    losses: list[torch.Tensor] = []  # on the device, since reading them would wait for it
    measured: list[list[float]] = []
    order = shuffled(len(train), recipe.batch, steps=recipe.steps, seed=recipe.seed)
    for step, batch in enumerate(train.batches(order), start=1):
        loss = trainer.step(batch, step - 1)
        losses.append(torch.stack([loss.localization, loss.confidence, loss.num_matched.float()]).detach())
        if step in times:
            if (diverged := _first_not_finite(losses)) is not None:
                return {"diverged": diverged, "map": measured, "log": _log(losses)}
            measured.append([step, mean_precision(trainer.model, test)])
    results = measure(trainer.model, test, robustness=task.robustness)
    return {"map": measured, "metrics": results, "log": _log(losses)}


def _first_not_finite(losses: list[torch.Tensor]) -> int | None:
    """The first step, counted from 1, with a loss that is not finite."""
    finite = torch.stack(losses).isfinite().all(dim=1)
    return None if finite.all() else int(finite.int().argmin()) + 1


def _log(losses: list[torch.Tensor]) -> list[dict[str, float]]:
    """The finite losses of every fiftieth step."""
    table = torch.stack(losses).double().cpu()
    names = ("localization", "confidence", "matched")
    return [
        {"step": step} | {name: round(value, 5) for name, value in zip(names, row.tolist(), strict=True)}
        for step, row in enumerate(table, start=1)
        if step % LOGGED_EVERY == 0 and row.isfinite().all()
    ]


def new_model(task: Run, train: Decoded) -> SSD:
    """The model that a run starts from; its weights depend on the seed alone."""
    boxes = task.recipe.default_boxes
    if task.fitted:
        boxes = fit(train.truths.to("cpu"), like=boxes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(task.recipe.seed)
        return architectures.build(task.architecture, train.classes, boxes, **task.recipe.model_options)


@lru_cache(maxsize=2)  # a process runs the seeds one after the other
def _drawn(seed: int, canvas_px: int, device: torch.device, scenes: Path) -> tuple[Decoded, Decoded]:
    train, test = (_read(draw(scenes, part, seed, canvas_px)).to(device) for part in DRAWN)
    return train, test


def images(recipe: Recipe, *, device: torch.device, scenes: Path) -> tuple[Decoded, Decoded]:
    """Training and test scenes of a recipe on the device; drawn once per seed, into the folder ``scenes``."""
    train, test = _drawn(recipe.seed, recipe.canvas_px, device, scenes)
    return first(train, recipe.train_images), first(test, recipe.test_images)


def draw(scenes: Path, part: str, seed: int, canvas_px: int) -> Path:
    """The file of the scenes of a seed, drawn now if it does not exist."""
    path = scenes / f"{part}-{seed}-{canvas_px}.pt"
    if not path.exists():
        number = 2 * seed + list(DRAWN).index(part)  # as the recipe draws them
        drawn = decode(Scenes(count=DRAWN[part], size=(canvas_px, canvas_px), seed=number))
        state = {"classes": drawn.classes, "images": drawn.images, "sizes_px": drawn.sizes_px}
        truths = drawn.truths
        state |= {"boxes": truths.boxes_xyxy, "labels": truths.labels, "difficult": truths.difficult}
        buffer = BytesIO()
        torch.save(state, buffer)
        write_atomic(path, buffer.getvalue())
    return path


def _read(path: Path) -> Decoded:
    state = torch.load(path, weights_only=True)
    truths = Truths(state["boxes"], state["labels"], state["difficult"])
    names = [f"{path.stem}-{number:05d}" for number in range(len(truths))]
    return Decoded(tuple(state["classes"]), state["images"], state["sizes_px"], truths, names)
