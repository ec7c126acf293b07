"""Runs: begin one in a folder of its own, or go on with one that was stopped."""

import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch

from ssd_lite.data.loading import BatchSource
from ssd_lite.files import write_atomic
from ssd_lite.models import MODELS, SSD, build
from ssd_lite.recipes import Recipe
from ssd_lite.training import checkpoint, identity
from ssd_lite.training.distributed import ProcessGroup, default_device, join
from ssd_lite.training.loop import CheckpointCallback, Result, Run
from ssd_lite.training.sources import ProgressCallback, sources

RECIPE = "recipe.json"


def train(
    recipe: Recipe,
    *,
    run_dir: str | Path,
    data: tuple[BatchSource, BatchSource] | None = None,
    device: torch.device | str | None = None,
    skip_invalid: bool = False,
    show: bool = True,
    on_progress: ProgressCallback | None = None,
    on_checkpoint: CheckpointCallback | None = None,
) -> Result:
    """Train a detector by a recipe, evaluate it, and leave everything in ``run_dir``.

    The folder then holds ``recipe.json``, ``log.jsonl``, ``tensorboard/``, ``checkpoints/``,
    ``model.safetensors`` and ``results.json``. ``data`` are training and test images to use instead of
    the recipe's. ``show`` draws a progress bar on the standard error output; ``report`` hears of
    reading and evaluating. ``watch`` is called whenever the state has just been saved (see ``Watch``);
    what it raises ends the run, which can go on. Started by ``torchrun``, all processes share each batch,
    and the first writes.

    Raises ``ValueError`` when the folder holds a run already, :class:`ssd_lite.data.DatasetError` for
    data that is not sound, :class:`NonFiniteLossError` when training diverges, and
    :class:`InterruptedRunError` after Ctrl-C or SIGTERM, when the state is saved.
    """
    run_dir = Path(run_dir)
    device, ranks = _place(device)
    if ranks.is_main:
        _refuse_another(run_dir)
    recipe = recipe.changed(skip_invalid=True) if skip_invalid else recipe
    data = data or sources(recipe, device=device, on_progress=on_progress if ranks.is_main else None)
    model = _new_model(recipe, data[0].classes)
    with _held(run_dir, ranks):
        if ranks.is_main:
            _refuse_another(run_dir)  # that began meanwhile
            _write_recipe(recipe, run_dir)
        run = Run(
            recipe,
            run_dir,
            model,
            data,
            device=device,
            ranks=ranks,
            show=show,
            on_progress=on_progress,
            on_checkpoint=on_checkpoint,
        )
        return run.finish()


def resume(
    run_dir: str | Path,
    *,
    data: tuple[BatchSource, BatchSource] | None = None,
    device: torch.device | str | None = None,
    skip_invalid: bool = False,
    show: bool = True,
    on_progress: ProgressCallback | None = None,
    on_checkpoint: CheckpointCallback | None = None,
) -> Result:
    """Go on with a run from its last checkpoint, to the end that it would have come to anyway.

    ``skip_invalid`` need not be said again where the run began with it. Raises ``ValueError`` when the
    folder holds no run, another process trains it, no checkpoint of it can be read, or its recipe or
    its images are no longer those that the checkpoint was made with.
    """
    run_dir = Path(run_dir)
    recipe = _read_recipe(run_dir)
    if skip_invalid and not recipe.skip_invalid:
        recipe = recipe.changed(skip_invalid=True)
    device, ranks = _place(device)
    with _held(run_dir, ranks):
        state = checkpoint.newest(run_dir / "checkpoints")
        if state is not None:
            identity.check_recipe(recipe, state, run_dir)
        data = data or sources(recipe, device=device, on_progress=on_progress if ranks.is_main else None)
        if state is None:  # it was stopped before its first checkpoint
            model = _new_model(recipe, data[0].classes)
        else:
            identity.check_images(data[0], state, run_dir)
            model = build(state["config"])
        if ranks.is_main:
            _write_recipe(recipe, run_dir)
        run = Run(
            recipe,
            run_dir,
            model,
            data,
            device=device,
            ranks=ranks,
            show=show,
            on_progress=on_progress,
            on_checkpoint=on_checkpoint,
        )
        if state is not None:
            run.go_on_from(state)
        return run.finish()


def _place(device: torch.device | str | None) -> tuple[torch.device, ProcessGroup]:
    """The device to train on, and the processes to train with."""
    chosen = torch.device(device) if device is not None else default_device()
    return chosen, join(chosen)


def _held(run_dir: Path, ranks: ProcessGroup) -> AbstractContextManager[None]:
    """The run, kept from other processes than these."""
    return checkpoint.locked(run_dir) if ranks.is_main else nullcontext()


def _refuse_another(run_dir: Path) -> None:
    if (run_dir / RECIPE).exists():
        raise ValueError(f"{run_dir} holds a run already: resume it, or choose another folder")


def _read_recipe(run_dir: Path) -> Recipe:
    try:
        return Recipe.from_dict(json.loads((run_dir / RECIPE).read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{run_dir} holds no run that could go on: {error}") from error


def _write_recipe(recipe: Recipe, run_dir: Path) -> None:
    write_atomic(run_dir / RECIPE, json.dumps(recipe.to_dict(), indent=1).encode())


def _new_model(recipe: Recipe, classes: tuple[str, ...]) -> SSD:
    """The model that a run begins with. Raises ``ValueError`` for options that its builder does not have."""
    options = dict(recipe.model_options)
    if recipe.weights is not None:
        options["weights"] = recipe.weights
    with torch.random.fork_rng(devices=[]):  # the seed decides the new layers, and nothing else notices
        torch.manual_seed(recipe.seed)
        try:
            return MODELS[recipe.model](classes, default_boxes=recipe.default_boxes, **options)
        except TypeError as error:
            raise ValueError(f"model_options and weights must fit {recipe.model}: {error}") from error
