"""The summit: the recipe ``scenes300``, trained from scratch: ``python -m benchmarks.summit --scale 0.1``.

SSD300 on VGG-16 with batch norm learns 20 classes from 16,551 drawn scenes and is evaluated on 4,952 others.
``--scale`` shortens the schedule of 120,000 steps: a tenth fits into one part of nine minutes on an H100,
drawing and evaluating included. After ``--minutes`` the run saves its state in ``--work`` and stops; the same
command resumes it. The state (weights, momentum, log) is about 210 MB.

The mAP over time is measured on the first 500 held-out scenes, at every checkpoint, and written each time;
the final one on all 4,952. Beside the JSON lies a picture of detections in held-out scenes. The detector
itself stays in ``--work``: in half precision it takes 53 MB, too much for a repository.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import drawn
from benchmarks.command import Settings, add_limit, parser, settings
from benchmarks.curves import Curve, claim
from benchmarks.results_file import Record
from ssd_lite import plotting, recipes, training
from ssd_lite.data import Decoded, Example
from ssd_lite.models import SSD
from ssd_lite.recipes import Recipe
from ssd_lite.training import checkpoint

WATCHED, SHOWN, POINTS = 500, 8, 20
"""Held-out scenes that the curve is measured on, scenes in the picture, and checkpoints of a whole run."""

LOGGED = 400
"""Entries of the log that go into the JSON, at most."""


def recipe(chosen: Settings, *, scale: float, learning_rate: float | None = None) -> Recipe:
    """The recipe, its schedule scaled; at toy size a tiny model and a few small scenes."""
    keep = "device" if chosen.device.type == "cuda" else "memory"
    whole = recipes.scenes300().changed(seed=chosen.seed, keep=keep)
    steps = round(whole.steps * scale)
    if chosen.quick:
        whole = whole.changed(
            train_images=12,
            test_images=6,
            image_size_px=(96, 128),
            canvas_px=128,
            model="ssd_tiny",
            model_options={},
        )
        steps, whole = 4, whole.changed(batch=4, log_every=1)
    if learning_rate is not None:
        whole = whole.changed(learning_rate=learning_rate)
    return whole.with_steps(steps).changed(checkpoint_every=max(1, round(steps / POINTS)))


def measure(
    run: Recipe,
    record: Record,
    work: Path,
    *,
    device: torch.device,
    limit_s: float,
) -> None:
    """Train until the schedule ends; raises ``InterruptedRunError`` if the time is over before."""
    began = time.monotonic()
    claim(work, run)
    train, test = training.open_sources(run, device=device)
    assert isinstance(test, Decoded)  # as the recipe says where to keep it
    print(f"drew {len(train)} + {len(test)} scenes in {time.monotonic() - began:.0f} s", flush=True)
    folder, watched = work / "run", drawn.first(test, WATCHED)
    state = checkpoint.newest(folder / "checkpoints")
    curve = Curve(work / "curve.jsonl", until=0 if state is None else state["step"])
    record.replace(
        {
            "recipe": run.to_dict(),
            "train_images": len(train),
            "test_images": len(test),
            "watched_images": len(watched),
            "drawing_seconds": round(time.monotonic() - began, 1),
            "curve": curve.points,
        }
    )

    def on_checkpoint(step: int, seconds: float, model: SSD) -> None:
        curve.add(step, seconds, training.evaluate(model, watched).mean)
        record.replace({"curve": curve.points, "state_mb": state_mb(folder), "log": log(folder)})
        print(f"step {step}: {seconds:.0f} s of training, mAP {curve.points[-1]['map']:.3f}", flush=True)

    options: dict[str, Any] = {
        "data": (train, test),
        "device": device,
        "show": False,
        "on_checkpoint": on_checkpoint,
    }
    options["stop_after_s"] = max(limit_s - (time.monotonic() - began), 0.0)
    resumes = (folder / "recipe.json").exists()
    result = training.resume(folder, **options) if resumes else training.train(run, run_dir=folder, **options)
    record.replace(_outcome(result, folder))
    draw(result.model, test, record.path.with_name("summit.png"))


def _outcome(result: training.Result, folder: Path) -> dict[str, Any]:
    weights = sum(parameter.numel() for parameter in result.model.parameters())
    return {
        "metrics": result.metrics.to_dict(),
        "training_seconds": round(result.seconds, 2),
        "first_step_seconds": round(result.first_step_seconds, 2),
        "training_images_per_second": round(result.images_per_second, 1),
        "log": log(folder),
        "state_mb": state_mb(folder),
        "detector_mb": {"half precision": round(2 * weights / 1e6, 1), "stored": False},
    }


def state_mb(folder: Path) -> float:
    """Megabytes of the newest checkpoint."""
    return round(max((folder / "checkpoints").glob("step-*.pt")).stat().st_size / 1e6, 1)


def log(folder: Path) -> list[dict[str, Any]]:
    """The log of a run, thinned out."""
    entries = training.read_log(folder)
    every = max(1, -(-len(entries) // LOGGED))
    return [
        entry for number, entry in enumerate(entries) if number % every == 0 or number == len(entries) - 1
    ]


def draw(model: SSD, test: Decoded, path: Path) -> None:
    """A picture of what was detected in the first held-out scenes."""
    batch = next(test.batches([list(range(min(SHOWN, len(test))))]))
    found = model.predict(batch.images, sizes_px=batch.sizes_px)
    truths = batch.truths.to("cpu").unpadded()
    examples = [
        Example(image.cpu(), truth, name)
        for image, truth, name in zip(batch.images, truths, batch.names, strict=True)
    ]
    on_cpu = [{name: values.cpu() for name, values in detections.items()} for detections in found]
    plotting.save(plotting.detections_beside_truth(examples, on_cpu, model.classes, columns=2), path)


def options() -> argparse.ArgumentParser:
    """The command line."""
    found = parser(__doc__)
    found.add_argument("--scale", type=float, default=0.1, help="share of the 120,000 steps")
    found.add_argument("--learning-rate", type=float, help="by default the recipe's")
    found.add_argument("--work", type=Path, default=Path("runs/summit"), help="folder for the state")
    add_limit(found, default_s=540)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line; exits with status 3 while there are steps left."""
    arguments = options().parse_args(argv)
    chosen = settings(arguments)
    run = recipe(chosen, scale=arguments.scale, learning_rate=arguments.learning_rate)
    stamp = {"quick": chosen.quick, "seed": chosen.seed, "scale": arguments.scale}
    record = Record("summit", device=chosen.device, folder=chosen.out, stamp=stamp)
    try:
        measure(run, record, arguments.work, device=chosen.device, limit_s=arguments.limit_s)
    except training.InterruptedRunError as error:
        print(f"{error}; run the same command again to resume")
        sys.exit(3)
    metrics, seconds = record.measured["metrics"], record.measured["training_seconds"]
    print(f"mAP@0.5 {metrics['mean']:.3f} after {seconds:.0f} s of training; written to {record.complete()}")


if __name__ == "__main__":
    main()
