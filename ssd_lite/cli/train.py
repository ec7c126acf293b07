"""``ssd-lite train``."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ssd_lite import plotting, training
from ssd_lite.cli.console import Bars, ap_table, err, out, tell_left_out
from ssd_lite.cli.options import Classes, Device, Folder, SkipInvalid, device_of, folder_recipe, names_in
from ssd_lite.data import Example, VOCFolder
from ssd_lite.recipes import RECIPES, Recipe, for_folder
from ssd_lite.training.run import RECIPE
from ssd_lite.truths import Truths


def train(
    folder: Folder = None,
    recipe: Annotated[str | None, typer.Option(help=f"folder, {', '.join(RECIPES)}.")] = None,
    run: Annotated[
        Path | None, typer.Option("--out", help="Folder of the run; by default runs/RECIPE.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps, the schedule in proportion.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="For the trunk: 'imagenet', 'none', or a file of torchvision's layout.")
    ] = None,
    train_split: Annotated[str | None, typer.Option(help="Split to learn from (recipe 'folder').")] = None,
    test_split: Annotated[str | None, typer.Option(help="Split to measure on (recipe 'folder').")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE: any other setting of the recipe, as JSON.")
    ] = None,
    classes: Classes = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch VOC into FOLDER first.")] = False,
    device: Device = None,
    skip_invalid: SkipInvalid = False,
) -> None:
    """Train a detector, measure it on held-out images, and draw what it sees.

    Without arguments: a small detector on drawn scenes. With a FOLDER of your own in VOC layout:
    settings chosen from its objects.
    """
    name = recipe or ("scenes" if folder is None else "folder")
    run = run or Path("runs") / (name if name != "folder" or folder is None else folder.resolve().name)
    with Bars() as on_progress:
        options: dict[str, Any] = {
            "device": device_of(device) if device else None,
            "skip_invalid": skip_invalid,
            "on_progress": on_progress,
        }
        if resume:
            given: dict[str, Any] = {"--steps": steps, "--weights": weights, "--set": setting}
            given |= {"--train-split": train_split, "--test-split": test_split}
            given |= {"--classes": classes, "--download": download}
            if changed := ", ".join(name for name, value in given.items() if value):
                raise ValueError(f"--resume goes on with the run's own recipe: leave out {changed}")
            result = training.resume(run, **options)
        else:
            if (run / RECIPE).exists():
                raise ValueError(f"{run} holds a run already: add --resume, or choose another --out")
            changes = _changes(setting or [], weights)
            changes |= {"classes": names_in(classes)} if classes else {}
            changes |= {"download": True} if download else {}
            chosen = _recipe(name, folder, train_split, test_split, changes, steps, skip_invalid)
            err.print(_summary(chosen), highlight=False)
            result = training.train(chosen, run_dir=run, **options)
    if not result.is_main:
        return
    tell_left_out(result.skipped)
    out.print(ap_table(result.metrics))
    _pictures(run, result)
    out.print(
        f"trained in {result.seconds:.0f} s (first step after {result.first_step_seconds:.1f} s, then "
        f"{result.images_per_second:.0f} images/s from {result.storage}); "
        f"detector, measurements, pictures and log are in {run}",
        soft_wrap=True,
    )


def _recipe(
    name: str,
    folder: Path | None,
    train_split: str | None,
    test_split: str | None,
    changes: dict[str, Any],
    steps: int | None,
    skip_invalid: bool,
) -> Recipe:
    if name == "folder":
        if folder is None:
            raise ValueError("recipe 'folder' needs a FOLDER of data in VOC layout")
        first = folder_recipe(folder, test_split, train_split)
        names = changes.get("classes")
        dataset = VOCFolder(folder, first.train_split, classes=names, skip_invalid=skip_invalid)
        truths = Truths.from_list([dataset.truth(i) for i in range(len(dataset))])
        wanted = {name: changes[name] for name in ("model", "weights", "batch") if name in changes}
        chosen = for_folder(truths, root=str(folder), **wanted)
        changes = {name: value for name, value in changes.items() if name not in wanted}
        chosen = chosen.changed(train_split=first.train_split, test_split=first.test_split)
    elif name in RECIPES:
        chosen = RECIPES[name]().changed(root=str(folder) if folder is not None else "")
    else:
        raise ValueError(f"recipe must be one of folder, {', '.join(RECIPES)}, got {name!r}")
    chosen = chosen.with_steps(steps) if steps is not None else chosen
    return chosen.changed(**changes)


def _changes(settings: list[str], weights: str | None) -> dict[str, Any]:
    """The settings given as NAME=VALUE, values read as JSON where they are, as text where not."""
    changes: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise ValueError(f"--set takes NAME=VALUE, got {setting!r}")
        try:
            changes[name] = json.loads(value)
        except ValueError:
            changes[name] = value
    if weights is not None:
        changes["weights"] = None if weights == "none" else weights
    return changes


def _summary(recipe: Recipe) -> str:
    return (
        f"{recipe.name}: {recipe.model}, {recipe.steps} steps of {recipe.batch} images, "
        f"learning rate {recipe.learning_rate:g}, seed {recipe.seed}"
    )


def _pictures(run: Path, result: training.Result) -> None:
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
