"""``ssd-lite train``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ssd_lite import data, plotting, training
from ssd_lite.cli.console import Bars, ap_table, err, out, report_skipped, say
from ssd_lite.cli.options import (
    Boxes,
    Classes,
    Device,
    Folder,
    LayoutName,
    ScaleBoxes,
    SkipInvalid,
    device_of,
    open_and_describe,
    split_names,
)
from ssd_lite.data import Example
from ssd_lite.recipes import RECIPES, Recipe, for_folder
from ssd_lite.training.run import RECIPE
from ssd_lite.truths import Truths

KINDS = f"folder, {', '.join(RECIPES)}"


def train(
    folder: Folder = None,
    recipe: Annotated[str | None, typer.Option(help=f"{KINDS}; folder if a FOLDER is given.")] = None,
    run: Annotated[
        Path | None, typer.Option("--out", help="Folder of the run; by default runs/RECIPE or runs/FOLDER.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the run in --out.")] = False,
    model: Annotated[str | None, typer.Option(help="Model of the recipe, such as ssd512_vgg16.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Weights of the trunk: imagenet, none, or a file as torchvision's.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps; the schedule keeps its shape.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Images in a step.")] = None,
    train_split: Annotated[str | None, typer.Option(help="Split to train on.")] = None,
    test_split: Annotated[str | None, typer.Option(help="Split to evaluate on.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE: any other setting of the recipe, as JSON.")
    ] = None,
    layout: LayoutName = None,
    classes: Classes = None,
    boxes: Boxes = None,
    scale_boxes: ScaleBoxes = False,
    download: Annotated[bool, typer.Option("--download", help="Fetch PASCAL VOC into FOLDER first.")] = False,
    device: Device = None,
    skip_invalid: SkipInvalid = False,
) -> None:
    """Train a detector, evaluate it on held-out images, and draw what it detects.

    Without arguments, trains a small detector on drawn scenes. With a FOLDER of annotated images, chooses the
    settings from its objects.
    """
    given: dict[str, Any] = {
        "model": model,
        "weights": weights,
        "steps": steps,
        "batch": batch,
        "train_split": train_split,
        "test_split": test_split,
        "layout": layout,
        "classes": split_names(classes) if classes else None,
        "boxes": boxes,
        "scale_boxes": scale_boxes or None,
        "download": download or None,
    }
    given = {option: value for option, value in given.items() if value is not None}
    kind = recipe or ("scenes" if folder is None else "folder")
    run = run or Path("runs") / (folder.resolve().name if kind == "folder" and folder is not None else kind)
    with Bars() as on_progress:
        options: dict[str, Any] = {
            "device": device_of(device) if device else None,
            "skip_invalid": skip_invalid,
            "on_progress": on_progress,
        }
        if resume:
            _refuse_with_resume({**given, "set": setting, "recipe": recipe})
            result = training.resume(run, **options)
        else:
            if (run / RECIPE).exists():
                raise ValueError(f"{run} holds a run already: add --resume, or choose another --out")
            chosen = _recipe(kind, folder, _settings(setting or [], given), skip_invalid)
            say(_summary(chosen), to=err)
            result = training.train(chosen, run_dir=run, **options)
    if result.is_main:
        _report(run, result)


def _refuse_with_resume(given: Mapping[str, Any]) -> None:
    if changed := [f"--{name.replace('_', '-')}" for name, value in given.items() if value]:
        raise ValueError(f"--resume keeps the run's own recipe: leave out {', '.join(changed)}")


def _settings(pairs: list[str], given: dict[str, Any]) -> dict[str, Any]:
    """The options and the settings given as NAME=VALUE; a value that is not JSON is text."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"--set takes NAME=VALUE, got {pair!r}")
        if name in given:
            raise ValueError(f"--set {name} and --{name.replace('_', '-')} are the same setting: give one")
        try:
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value
    if given.get("weights") == "none":
        given = {**given, "weights": None}
    return settings | given


def _recipe(kind: str, folder: Path | None, settings: dict[str, Any], skip_invalid: bool) -> Recipe:
    """The recipe of that name, or one chosen for the folder, with the settings changed."""
    steps = settings.pop("steps", None)
    if kind == "folder":
        if folder is None:
            raise ValueError("recipe 'folder' needs a FOLDER of annotated images")
        chosen = _folder_recipe(folder, settings, skip_invalid)
    elif kind in RECIPES:
        chosen = RECIPES[kind]().changed(root=str(folder) if folder is not None else "")
        if chosen.data != "scenes" and folder is None:
            raise ValueError(f"recipe {kind!r} needs a FOLDER of data")
    else:
        raise ValueError(f"--recipe must be one of {KINDS}, got {kind!r}")
    chosen = chosen.with_steps(steps) if steps is not None else chosen
    return chosen.changed(**settings)


def _folder_recipe(folder: Path, settings: dict[str, Any], skip_invalid: bool) -> Recipe:
    """Settings chosen from the objects that are trained on; takes what it uses out of ``settings``."""
    reading = {name: settings[name] for name in ("layout", "boxes", "scale_boxes") if name in settings}
    opened = open_and_describe(folder, classes=settings.get("classes"), skip_invalid=skip_invalid, **reading)
    splits = opened.choose_splits(settings.pop("train_split", None), settings.pop("test_split", None))
    datasets = opened.datasets(*(split for split in splits if split is not None))
    truths = Truths.from_list([datasets[0].truth(index) for index in range(len(datasets[0]))])
    if not truths.present.any():
        raise ValueError(f"{folder}: split {splits[0]} must hold objects to learn from, got none")
    remarks = [problem for dataset in datasets for problem in dataset.problems]
    if remarks:
        say(f"{data.summarise(dict.fromkeys(remarks))}; ssd-lite inspect {folder} shows them", to=err)
    wanted = {name: settings.pop(name) for name in ("model", "weights", "batch") if name in settings}
    chosen = for_folder(truths, root=str(folder), **wanted)
    return chosen.changed(train_split=splits[0], test_split=splits[1] or data.HELD_OUT)


def _summary(recipe: Recipe) -> str:
    return (
        f"recipe {recipe.name}: {recipe.model}, {recipe.steps:,} steps of {recipe.batch} images, "
        f"learning rate {recipe.learning_rate:g}, seed {recipe.seed}"
    )


def _report(run: Path, result: training.Result) -> None:
    report_skipped(result.skipped)
    out.print(ap_table(result.metrics))
    _draw_pictures(run, result)
    say(
        f"trained for {result.seconds:.0f} s: first step after {result.first_step_seconds:.0f} s, then "
        f"{result.images_per_second:.0f} images/s (images from {result.storage})",
        to=out,
    )
    say(f"detector, measurements, pictures and log are in {run}", to=out)


def _draw_pictures(run: Path, result: training.Result) -> None:
    batch = next(iter(result.test_images.batches([list(range(min(12, len(result.test_images))))]))).to("cpu")
    examples = [
        Example(image[:, :height, :width], truth, name)
        for image, (height, width), truth, name in zip(
            batch.images, batch.sizes_px.tolist(), batch.truths.unpadded(), batch.names, strict=True
        )
    ]
    found = result.model.predict([example.image for example in examples])
    classes = result.model.classes
    plotting.save(plotting.detections_beside_truth(examples, found, classes), run / "detections.png")
    plotting.save(plotting.loss_curves(training.read_log(run), title=str(run)), run / "losses.png")
    plotting.save(plotting.precision_recall(result.metrics), run / "precision-recall.png")
