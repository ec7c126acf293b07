"""Runs: start one in a folder of its own, or resume one that was stopped."""

import json
import time
from collections.abc import Sized
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ssd_lite.data import BatchSource, Dataset, DatasetError, Datasets, load, open_datasets
from ssd_lite.deprecation import renamed_arguments
from ssd_lite.files import write_atomic
from ssd_lite.messages import plural
from ssd_lite.models import MODELS, SSD, build
from ssd_lite.recipes import Recipe
from ssd_lite.training import checkpoint
from ssd_lite.training.distributed import ProcessGroup, default_device, join
from ssd_lite.training.logging import ProgressCallback
from ssd_lite.training.loop import Run, RunOptions
from ssd_lite.training.result import CheckpointCallback, Result

RECIPE = "recipe.json"


@renamed_arguments(report="on_progress", watch="on_checkpoint")
def train(
    recipe: Recipe,
    *,
    run_dir: str | Path,
    data: tuple[BatchSource, BatchSource] | None = None,
    device: torch.device | str | None = None,
    skip_invalid: bool = False,
    show: bool = True,
    stop_after_s: float | None = None,
    on_progress: ProgressCallback | None = None,
    on_checkpoint: CheckpointCallback | None = None,
) -> Result:
    """Train a detector by a recipe, evaluate it, and write everything to ``run_dir``.

    The folder then holds ``recipe.json``, ``log.jsonl``, ``tensorboard/``, ``checkpoints/``,
    ``model.safetensors`` and ``results.json``. ``data`` are training and test images to use instead of
    the recipe's. ``show`` draws a progress bar on the standard error output; ``on_progress`` is called while
    images are read and evaluated, ``on_checkpoint`` after each checkpoint, every ``recipe.checkpoint_every``
    steps; what it raises ends the run, which can be resumed. ``stop_after_s`` seconds after this call the run
    saves its state and stops as after Ctrl-C; evaluating at the end may take longer. Started by ``torchrun``,
    all processes share each batch, and the main one writes.

    Raises ``ValueError`` when the folder holds a run already, :class:`ssd_lite.data.DatasetError` for
    invalid data, :class:`NonFiniteLossError` when training diverges, and :class:`InterruptedRunError` once
    the state is saved after Ctrl-C, SIGTERM or ``stop_after_s``.
    """
    options, run_dir = _options(device, show, stop_after_s, on_progress, on_checkpoint), Path(run_dir)
    is_main = options.group.is_main
    if is_main:
        _check_unused(run_dir)
    recipe = recipe.changed(skip_invalid=True) if skip_invalid else recipe
    data = data or open_sources(recipe, device=options.device, on_progress=options.on_progress)
    _check_not_empty(*data)
    model = _new_model(recipe, data[0].classes)
    with _lock(run_dir, options.group):
        if is_main:
            _check_unused(run_dir)  # another run may have started meanwhile
        run = Run(recipe, run_dir, model, data, options)
        if is_main:
            _write_recipe(recipe, run_dir)
        return run.run()


@renamed_arguments(report="on_progress", watch="on_checkpoint")
def resume(
    run_dir: str | Path,
    *,
    data: tuple[BatchSource, BatchSource] | None = None,
    device: torch.device | str | None = None,
    skip_invalid: bool = False,
    show: bool = True,
    stop_after_s: float | None = None,
    on_progress: ProgressCallback | None = None,
    on_checkpoint: CheckpointCallback | None = None,
) -> Result:
    """Resume a run from its last checkpoint; it ends as it would have without the interruption.

    The options are those of :func:`train`; ``skip_invalid`` is remembered from the start of the run. Raises
    ``ValueError`` when the folder holds no run, another process trains it, none of its checkpoints can be
    read, or its recipe or its images are not those that the checkpoint was made with.
    """
    options, run_dir = _options(device, show, stop_after_s, on_progress, on_checkpoint), Path(run_dir)
    recipe = _read_recipe(run_dir)
    if skip_invalid and not recipe.skip_invalid:
        recipe = recipe.changed(skip_invalid=True)
    with _lock(run_dir, options.group):
        state = checkpoint.newest(run_dir / "checkpoints")
        if state is not None:
            checkpoint.check_recipe(recipe, state, run_dir)
        data = data or open_sources(recipe, device=options.device, on_progress=options.on_progress)
        _check_not_empty(*data)
        if state is None:  # it was stopped before its first checkpoint
            model = _new_model(recipe, data[0].classes)
        else:
            checkpoint.check_images(data[0], state, run_dir)
            model = build(state["config"])
        if options.group.is_main:
            _write_recipe(recipe, run_dir)
        return Run(recipe, run_dir, model, data, options, state=state).run()


def open_sources(
    recipe: Recipe,
    *,
    device: torch.device | str = "cpu",
    skip_invalid: bool = False,
    on_progress: ProgressCallback | None = None,
) -> tuple[BatchSource, BatchSource]:
    """The training and the test images of a recipe, ready to be taken batch by batch.

    ``skip_invalid``, here or in the recipe, skips invalid images and objects. Raises
    :class:`ssd_lite.data.DatasetError` with all problems of both datasets before any image is decoded, and
    when one of them is empty.
    """
    skip_invalid = skip_invalid or recipe.skip_invalid
    datasets = open_recipe_datasets(recipe, skip_invalid=skip_invalid)
    _check_not_empty(*datasets)

    def loaded(dataset: Dataset) -> BatchSource:
        progress = None if on_progress is None else partial(on_progress, f"reading {len(dataset)} images")
        options: dict[str, Any] = {"canvas_px": recipe.canvas_px, "keep": recipe.keep, "device": device}
        return load(dataset, skip_invalid=skip_invalid, progress=progress, **options)

    return loaded(datasets.train), loaded(datasets.test)


def open_recipe_datasets(recipe: Recipe, *, skip_invalid: bool = False) -> Datasets:
    """The training and the test dataset of a recipe; nothing is decoded yet."""
    return open_datasets(
        recipe.data,
        root=recipe.root,
        train_split=recipe.train_split,
        test_split=recipe.test_split,
        classes=recipe.classes,
        train_images=recipe.train_images,
        test_images=recipe.test_images,
        image_size_px=recipe.image_size_px,
        canvas_px=recipe.canvas_px,
        seed=recipe.seed,
        skip_invalid=skip_invalid or recipe.skip_invalid,
        download=recipe.download,
        layout=recipe.layout,
        boxes=recipe.boxes,
        scale_boxes=recipe.scale_boxes,
    )


def _check_not_empty(train: Sized, test: Sized) -> None:
    """Raises :class:`ssd_lite.data.DatasetError` unless there are images to train on and to evaluate on."""
    for images, purpose in ((train, "train on"), (test, "evaluate on")):
        if len(images) == 0:
            raise DatasetError(
                f"there is no image to {purpose}: the data has {plural(len(train), 'training image')} and "
                f"{plural(len(test), 'test image')}; add images, or choose other splits"
            )


def _options(
    device: torch.device | str | None,
    show: bool,
    stop_after_s: float | None,
    on_progress: ProgressCallback | None,
    on_checkpoint: CheckpointCallback | None,
) -> RunOptions:
    """The options of a run that starts now, in this process and those that it is joined to."""
    deadline = float("inf") if stop_after_s is None else time.perf_counter() + stop_after_s
    chosen = torch.device(device) if device is not None else default_device()
    group = join(chosen)
    on_progress = on_progress if group.is_main else None
    return RunOptions(chosen, group, show and group.is_main, deadline, on_progress, on_checkpoint)


def _lock(run_dir: Path, group: ProcessGroup) -> AbstractContextManager[None]:
    """Lock the run against other groups of processes."""
    return checkpoint.locked(run_dir) if group.is_main else nullcontext()


def _check_unused(run_dir: Path) -> None:
    if (run_dir / RECIPE).exists():
        raise ValueError(f"{run_dir} holds a run already: resume it, or choose another folder")


def _read_recipe(run_dir: Path) -> Recipe:
    path = run_dir / RECIPE
    if not path.exists():
        raise ValueError(f"{run_dir} holds no run to resume: there is no {RECIPE}")
    try:
        return Recipe.from_dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} holds no recipe to resume a run by: {error}") from error


def _write_recipe(recipe: Recipe, run_dir: Path) -> None:
    write_atomic(run_dir / RECIPE, json.dumps(recipe.to_dict(), indent=1).encode())


def _new_model(recipe: Recipe, classes: tuple[str, ...]) -> SSD:
    """The model that a run starts with. Raises ``ValueError`` for options that its builder does not have."""
    options = dict(recipe.model_options)
    if recipe.weights is not None:
        options["weights"] = recipe.weights
    with torch.random.fork_rng(devices=[]):  # new layers depend on the seed alone, and nothing else on them
        torch.manual_seed(recipe.seed)
        try:
            return MODELS[recipe.model](classes, default_boxes=recipe.default_boxes, **options)
        except TypeError as error:
            raise ValueError(f"model_options and weights must fit {recipe.model}: {error}") from error
