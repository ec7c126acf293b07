"""A whole training from scratch, ours and torchvision's: ``python -m benchmarks.full_run --data FOLDER``.

``FOLDER`` is in VOC's layout with the splits ``trainval`` and ``test`` (the defaults are made for
``fod-a``, about the size of VOC2007 trainval). Both sides train SSD300 with a VGG-16 trunk with batch norm on
the same images, with the same default boxes, batch, number of steps, learning rates, momentum and decay:
ours by ``training.train``, torchvision's model with its own reader, transforms and loss. One after the
other; evaluation does not count in the time of training, loading the images is told apart. Torchvision's
extra maps have no batch norm, ours have.

After ``--minutes`` the command saves its state in ``--work`` and stops; called again it goes on. It writes
the curves of mAP over seconds of training for both sides. ``--toy`` is a tiny model on twelve images.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks import torchvision_training
from benchmarks.command import Settings, finish, parser, settings
from benchmarks.parts import Clock, Curve, OutOfTimeError
from benchmarks.results_file import commit
from benchmarks.timing import synchronize
from ssd_lite import training
from ssd_lite.augmentation import Crop
from ssd_lite.data import BatchSource
from ssd_lite.data.loading import in_order, shuffled
from ssd_lite.evaluation import AveragePrecision, VOCEvaluator
from ssd_lite.models import MODELS
from ssd_lite.recipes import Recipe
from ssd_lite.training import checkpoint

STEPS = 3000
"""About 29 passes over fod-a: meant to take both sides at most 9 minutes on one H200."""

MEASURED = 6
"""How often each side is measured and saved."""

GOAL = 1 / 3
"""Share of torchvision's seconds of training that ours may take."""


RATE = 5e-3
"""Learning rate: half of what batch norm everywhere might take, since torchvision's extra maps have none."""


def recipe(root: Path, *, steps: int, seed: int, rate: float = RATE, toy: bool = False) -> Recipe:
    """The settings of both sides; augmentation and matching are each side's own."""
    chosen = Recipe(
        name="full_run",
        data="folder",
        root=str(root),
        train_split="trainval",
        model_options={"batch_norm": True},
        crop=Crop(keep_empty=False),
        zoom_out=0.5,
        steps=120_000,
        learning_rate=rate,
        warmup=6_000,
        seed=seed,
    )
    if toy:
        chosen = chosen.changed(model="ssd_tiny", model_options={}, batch=4, canvas_px=128, log_every=2)
    return chosen.with_steps(steps).changed(checkpoint_every=max(1, -(-steps // MEASURED)))


def ours(
    chosen: Recipe, data: tuple[BatchSource, BatchSource], work: Path, device: Any, clock: Clock
) -> dict[str, Any]:
    """Our side, from where it was left."""
    run = work / "ours"
    state = checkpoint.newest(run / "checkpoints")
    curve = Curve(work / "ours.jsonl", until=state["step"] if state else 0)

    def on_checkpoint(step: int, seconds: float, model: nn.Module) -> None:
        curve.add(step, seconds, training.evaluate(model, data[1]))  # type: ignore[arg-type]
        if step < chosen.steps:
            clock.check()

    options: dict[str, Any] = {
        "run_dir": run,
        "data": data,
        "device": device,
        "show": False,
        "on_checkpoint": on_checkpoint,
    }
    if (run / "recipe.json").exists():
        result = training.resume(**options)
    else:
        result = training.train(chosen, **options)
    return _told(chosen, curve, result.seconds, result.metrics)


def torchvision(
    chosen: Recipe, data: tuple[BatchSource, BatchSource], work: Path, device: Any, clock: Clock
) -> dict[str, Any]:
    """Torchvision's side, from where it was left."""
    like = MODELS[chosen.model](data[0].classes, default_boxes=chosen.default_boxes, **chosen.model_options)
    side = torchvision_training.Training(like, chosen, device)
    state = checkpoint.newest(work / "torchvision", device)
    if state is not None:
        side.restore(state)
    reader = torchvision_training.reader(
        Path(chosen.root),
        chosen.train_split,
        data[0].classes,
        size_px=like.image_size,
        link=work / "link",
        names=getattr(data[0], "names", None),
    )
    order = shuffled(len(reader), chosen.batch, steps=chosen.steps, seed=chosen.seed, start=side.step_number)
    workers = torchvision_training.cores() if device.type == "cuda" else 0
    batches = torchvision_training.batches(reader, order, workers=workers, device=device)
    curve = Curve(work / "torchvision.jsonl", until=side.step_number)
    # cuDNN's fastest kernels for images of one size, as our training has them.
    with torch.backends.cudnn.flags(enabled=True, benchmark=True):
        seconds = before = state["seconds"] if state is not None else 0.0
        metrics = None
        for seconds, metrics in _parts(side, batches, data[1], work / "torchvision", before):
            curve.add(side.step_number, seconds, metrics)
            if side.step_number < chosen.steps:
                clock.check()
    return _told(chosen, curve, seconds, metrics or evaluated(side, data[1]))


def _parts(
    side: torchvision_training.Training,
    batches: Iterable[Any],
    test: BatchSource,
    folder: Path,
    seconds: float,
) -> Iterator[tuple[float, AveragePrecision]]:
    """Train from checkpoint to checkpoint: the seconds of training so far, and how good it is."""
    every, last = side.recipe.checkpoint_every, side.recipe.steps
    began = time.perf_counter() - seconds
    for images, targets in batches:
        loss = side.step(images, targets)
        if side.step_number % every == 0 or side.step_number == last:
            synchronize(side.device)
            seconds = time.perf_counter() - began
            if not loss.isfinite():
                raise training.NonFiniteLossError(f"torchvision's loss is {loss} at step {side.step_number}")
            checkpoint.save(folder, side.state() | {"seconds": seconds})
            yield seconds, evaluated(side, test)
            began = time.perf_counter() - seconds


def evaluated(side: torchvision_training.Training, test: BatchSource) -> AveragePrecision:
    """VOC's average precision of torchvision's detections, by our evaluator."""
    evaluator = VOCEvaluator(test.classes)
    for batch in test.batches(in_order(len(test), 32)):
        sizes = batch.sizes_px.tolist()
        images = [
            image[:, :height, :width] for image, (height, width) in zip(batch.images, sizes, strict=True)
        ]
        evaluator.update(side.predict(images), batch.truths)
    return evaluator.compute()


def _told(chosen: Recipe, curve: Curve, seconds: float, metrics: AveragePrecision) -> dict[str, Any]:
    curve.add(chosen.steps, seconds, metrics)
    return {
        "training_seconds": round(seconds, 2),
        "training_images_per_second": round(chosen.steps * chosen.batch / seconds, 2),
        "curve": curve.points,
        "metrics": metrics.to_dict(),
    }


Side = Callable[[Recipe, tuple[BatchSource, BatchSource], Path, Any, Clock], dict[str, Any]]
SIDES: dict[str, Side] = {"ours": ours, "torchvision": torchvision}


def measure(chosen: Settings, run: Recipe, work: Path, *, minutes: float) -> dict[str, Any]:
    """Both sides trained; raises :class:`OutOfTimeError` when there is more to do."""
    clock = Clock(minutes)
    _same_run(work, run)
    began = time.perf_counter()
    data = training.sources(run, device=chosen.device, skip_invalid=True)
    loading = time.perf_counter() - began
    found: dict[str, Any] = {}
    for name, side in SIDES.items():
        done = work / f"{name}.json"
        if not done.exists():
            result = side(run, data, work, chosen.device, clock)
            checkpoint.write(done, json.dumps(result, indent=1).encode())
            if name != list(SIDES)[-1]:
                clock.check()
        found[name] = json.loads(done.read_text())
    share = found["ours"]["training_seconds"] / found["torchvision"]["training_seconds"]
    return {
        "dataset": Path(run.root).name,
        "train_images": len(data[0]),
        "test_images": len(data[1]),
        "left_out": [str(fault) for fault in data[0].problems],
        "recipe": run.to_dict() | {"root": Path(run.root).name},
        "loading_seconds": round(loading, 2),
        **found,
        "share": share,
        "goal": GOAL,
        "seconds_to_torchvisions_map": _reached(
            found["ours"]["curve"], found["torchvision"]["metrics"]["mean"]
        ),
    }


def _reached(curve: Sequence[dict[str, Any]], mean: float) -> float | None:
    """Seconds of training after which a curve had reached an mAP, or None."""
    return next((point["seconds"] for point in curve if point["map"] >= mean), None)


def _same_run(work: Path, run: Recipe) -> None:
    """Write down what is run in a folder; raises ``ValueError`` where it holds another run."""
    path, told = work / "run.json", json.loads(json.dumps(run.to_dict()))
    if path.exists() and json.loads(path.read_text()) != told:
        raise ValueError(f"work must be empty or hold this run, but {work} holds another")
    checkpoint.write(path, json.dumps(told, indent=1).encode())


def options() -> argparse.ArgumentParser:
    """The command line."""
    found = parser(__doc__)
    found.add_argument("--data", type=Path, required=True, help="folder in VOC's layout")
    found.add_argument("--minutes", type=float, default=9, help="stop and save after about so many")
    found.add_argument("--steps", type=int, help=f"by default {STEPS}, or 4 with --toy")
    found.add_argument("--learning-rate", type=float, default=RATE)
    found.add_argument("--work", type=Path, default=Path("runs/full_run"), help="folder for the state")
    found.add_argument("--toy", action="store_true", help="a tiny model, to see that it works")
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line; exits with 3 when there is more to do."""
    arguments = options().parse_args(argv)
    chosen, of = settings(arguments), commit()
    toy = arguments.toy or arguments.quick
    steps = arguments.steps or (4 if toy else STEPS)
    run = recipe(arguments.data, steps=steps, seed=chosen.seed, rate=arguments.learning_rate, toy=toy)
    try:
        measured = measure(chosen, run, arguments.work, minutes=arguments.minutes)
    except OutOfTimeError as error:
        print(error)
        sys.exit(3)
    for name in SIDES:
        side = measured[name]
        print(
            f"{name}: mAP@0.5 {side['metrics']['mean']:.3f} after {side['training_seconds']:.0f} s "
            f"of training, {side['training_images_per_second']:.0f} images/s"
        )
    finish("full_run", measured, chosen, of=of)


if __name__ == "__main__":
    main()
