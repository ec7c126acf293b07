"""Ablations: the same short run with one setting changed, over several seeds.

A study names its variants. Every run is written to a file of its own, named for its settings, so a study
that was cut off goes on, and studies share the base's runs. All runs of a study together become
``benchmarks/results/ablation_NAME.cpu.json``. The base is the recipe ``scenes``, shortened until a run
takes about a minute of one core: short runs exaggerate what makes learning faster, which is what these
studies are to show.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from rich.progress import track

from benchmarks.results_file import RESULTS, commit, write
from ssd_lite import models, recipes, training
from ssd_lite.criterion import MultiBoxCriterion
from ssd_lite.data.loading import BatchSource, shuffled
from ssd_lite.recipes import Recipe
from ssd_lite.training.schedule import learning_rate, parameter_groups
from ssd_lite.training.sources import sources
from ssd_lite.training.step import train_step

RUNS = Path("runs/ablations")
STEPS, BATCH, RATE = 1000, 4, 0.01
MEASURED_EVERY, LOGGED_EVERY = 250, 20


def base(**changes: Any) -> Recipe:
    """The short run that the studies vary."""
    short = recipes.scenes().with_steps(STEPS).changed(batch=BATCH, learning_rate=RATE)
    return short.changed(name="ablation", compile=False, precision="float32", **changes)


@dataclass(frozen=True, kw_only=True)
class Study:
    """``variants`` are changes of the base recipe by name, the base itself among them with none."""

    name: str
    variants: Mapping[str, Mapping[str, Any]]
    base: Recipe = field(default_factory=base)


def run(recipe: Recipe) -> dict[str, Any]:
    """What one recipe comes to: its mAP every 250 steps, its losses every 20."""
    train, test = _data(recipe.seed, recipe.train_images, recipe.test_images, recipe.canvas_px)
    torch.manual_seed(recipe.seed)
    model = models.MODELS[recipe.model](
        train.classes, default_boxes=recipe.default_boxes, **recipe.model_options
    )
    model = model.to(memory_format=torch.channels_last).train()
    generator = torch.Generator()
    options = {"variances": model.variances, "generator": generator} | dict(recipe.criterion)
    criterion = MultiBoxCriterion(model.default_boxes, **options)
    optimizer = torch.optim.SGD(
        parameter_groups(model, recipe.weight_decay), lr=recipe.learning_rate, momentum=recipe.momentum
    )
    augmentation = recipe.augmentation(model.image_size)
    measured, log = [], []
    order = shuffled(len(train), recipe.batch, steps=recipe.steps, seed=recipe.seed)
    for step, batch in enumerate(train.batches(order)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(
                step, base=recipe.learning_rate, warmup=recipe.warmup, milestones=recipe.milestones
            )
        generator.manual_seed(recipe.seed * 1_000_003 + step)
        loss = train_step(model, criterion, optimizer, augmentation, batch, generator=generator)
        if not loss.total.isfinite():
            return {"diverged": step + 1, "map": measured, "log": log}
        if (step + 1) % LOGGED_EVERY == 0:
            parts = {"localization": loss.localization.item(), "confidence": loss.confidence.item()}
            log.append({"step": step + 1, **parts, "matched": int(loss.num_matched)})
        if (step + 1) % MEASURED_EVERY == 0 or step + 1 == recipe.steps:
            measured.append([step + 1, training.evaluate(model, test).mean])
    return {"map": measured, "log": log}


@lru_cache(maxsize=2)
def _data(seed: int, train_images: int, test_images: int, canvas_px: int) -> tuple[BatchSource, BatchSource]:
    recipe = recipes.scenes().changed(
        seed=seed, train_images=train_images, test_images=test_images, canvas_px=canvas_px
    )
    return sources(recipe)


def _one(task: tuple[Recipe, Path]) -> None:
    recipe, path = task
    result = run(recipe)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result))
    part.replace(path)


def _single_threaded() -> None:
    torch.set_num_threads(1)


def measure(study: Study, *, seeds: Sequence[int], jobs: int, folder: Path = RUNS) -> None:
    """Run what is missing of a study, seed by seed, so that one cut short is still balanced."""
    wanted = [(recipe, _path(folder, recipe)) for seed in seeds for recipe in _recipes(study, seed).values()]
    tasks = [(recipe, path) for recipe, path in wanted if not path.exists()]
    context = multiprocessing.get_context("spawn")
    with context.Pool(jobs, initializer=_single_threaded) as pool:
        for _ in track(pool.imap(_one, tasks), total=len(tasks), description=study.name):
            pass


def collect(study: Study, *, seeds: Sequence[int], folder: Path = RUNS) -> dict[str, Any]:
    """All runs of a study with their settings; seeds that not every variant has run are left out."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in study.variants}
    for seed in seeds:
        paths = {name: _path(folder, recipe) for name, recipe in _recipes(study, seed).items()}
        if all(path.exists() for path in paths.values()):
            for name, path in paths.items():
                found[name].append({"seed": seed, **json.loads(path.read_text())})
    settings = study.base.to_dict()
    changes = {
        name: {key: value for key, value in recipe.to_dict().items() if value != settings[key]}
        for name, recipe in _recipes(study, study.base.seed).items()
    }
    return {"study": study.name, "base": settings, "variants": changes, "runs": found}


def _recipes(study: Study, seed: int) -> dict[str, Recipe]:
    return {name: study.base.changed(seed=seed, **changes) for name, changes in study.variants.items()}


def _path(folder: Path, recipe: Recipe) -> Path:
    settings = json.dumps(recipe.to_dict(), sort_keys=True)
    return folder / f"{hashlib.sha256(settings.encode()).hexdigest()[:16]}.json"


def main(study: Study) -> None:
    """Run a study from the command line."""
    parser = argparse.ArgumentParser(description=f"Ablation: {study.name}.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time, a core each")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON")
    parser.add_argument("--collect", action="store_true", help="write what has been run so far")
    arguments = parser.parse_args()
    of, seeds = commit(), range(arguments.seeds)
    if not arguments.collect:
        measure(study, seeds=seeds, jobs=arguments.jobs)
    torch.set_num_threads(1)  # as the runs had it, for the record
    found = collect(study, seeds=seeds)
    name = f"ablation_{study.name}"
    path = write(name, found, device=torch.device("cpu"), of=of, folder=arguments.out)
    print(f"{study.name}: {[len(runs) for runs in found['runs'].values()]} runs; written to {path}")
