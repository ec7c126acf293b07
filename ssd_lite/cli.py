"""The command ``ssd-lite``: train, evaluate, detect, inspect, export."""

import json
import math
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from ssd_lite import export as exporting
from ssd_lite import models, plotting, training
from ssd_lite.data import Dataset, DatasetError, Example, VOCFolder, read_image
from ssd_lite.data.images import ImageError
from ssd_lite.data.voc import check, splits
from ssd_lite.evaluation import AveragePrecision
from ssd_lite.recipes import RECIPES, Recipe, for_folder
from ssd_lite.scales import coverage, fit, paper, ssd300_coco, ssd300_voc
from ssd_lite.training.checkpoint import write
from ssd_lite.training.loop import RECIPE
from ssd_lite.truths import Truths

app = typer.Typer(
    help="Train, measure and use SSD object detectors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console()
err = Console(stderr=True)

COCO_CANVAS_PX = 1024
"""Larger images are shrunk to this before COCO's metric sees them; in COCO none is."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")

Folder = Annotated[Path | None, typer.Argument(help="Folder of data, in VOC layout for recipe 'folder'.")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda; by default the GPU where there is one.")]
Classes = Annotated[
    str | None, typer.Option(help="Names that may occur, with commas between; any other is a fault.")
]
SkipInvalid = Annotated[
    bool, typer.Option("--skip-invalid", help="Leave out what is not sound, and say what.")
]


@app.command()
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
    with _Bars() as report:
        options: dict[str, Any] = {
            "device": _device(device) if device else None,
            "skip_invalid": skip_invalid,
            "report": report,
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
            changes |= {"classes": _names(classes)} if classes else {}
            changes |= {"download": True} if download else {}
            chosen = _recipe(name, folder, train_split, test_split, changes, steps, skip_invalid)
            err.print(_summary(chosen), highlight=False)
            result = training.train(chosen, run_dir=run, **options)
    if not result.leads:
        return
    _tell_left_out(result.left_out)
    out.print(_ap_table(result.metrics))
    _pictures(run, result)
    out.print(
        f"trained in {result.seconds:.0f} s ({result.images_per_second:.0f} images/s from {result.kept}); "
        f"detector, measurements, pictures and log are in {run}",
        soft_wrap=True,
    )


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="A detector: model.safetensors of a run.")],
    folder: Folder = None,
    split: Annotated[str | None, typer.Option(help="Split to measure on; by default test, or val.")] = None,
    metric: Annotated[str, typer.Option(help="voc, or coco: COCO's twelve numbers.")] = "voc",
    method: Annotated[str, typer.Option(help="area or 11-point (metric voc).")] = "area",
    iou: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Overlap that counts as found (metric voc).")
    ] = 0.5,
    report_to: Annotated[Path | None, typer.Option("--json", help="Write the numbers to this file.")] = None,
    device: Device = None,
    skip_invalid: SkipInvalid = False,
) -> None:
    """Measure a detector: average precision of each class and the mean.

    Without a FOLDER it is measured on the drawn scenes that the recipe 'scenes' holds out.
    """
    detector = models.load(model).to(_device(device))
    chosen = _folder_recipe(folder, split) if folder is not None else RECIPES["scenes"]()
    if metric == "coco" and folder is not None:  # small and large count in pixels of the image as it is
        chosen = chosen.changed(canvas_px=COCO_CANVAS_PX)
    with _Bars() as report:
        dataset = training.held_out_dataset(chosen, detector.classes, skip_invalid=skip_invalid)
        options: dict[str, Any] = {"skip_invalid": skip_invalid, "report": report}
        images = training.loaded(dataset, chosen, device=detector.mean.device, **options)
        metrics = training.evaluate(
            detector, images, metric=metric, method=method, iou_threshold=iou, report=report
        )
    _tell_left_out([str(fault) for fault in images.faults])
    out.print(_ap_table(metrics))
    if metrics.metrics:
        out.print(_coco_table(metrics))
    if report_to is not None:
        write(report_to, json.dumps(metrics.to_dict(), indent=1).encode())


@app.command()
def detect(
    model: Annotated[Path, typer.Argument(help="A detector: model.safetensors of a run.")],
    images: Annotated[list[Path], typer.Argument(help="Images, or folders of images.")],
    run: Annotated[Path, typer.Option("--out", help="Folder for pictures and detections.json.")] = Path(
        "detections"
    ),
    threshold: Annotated[float, typer.Option(min=0.0, max=1.0, help="Lowest score to draw and write.")] = 0.5,
    device: Device = None,
) -> None:
    """Detect objects in images: a picture of each with its boxes, and all boxes as JSON.

    Boxes are (x0, y0, x1, y1) in pixels of the image as it is displayed.
    """
    detector = models.load(model).to(_device(device))
    paths = _image_paths(images)
    found: dict[str, list[dict[str, Any]]] = {}
    unreadable: list[str] = []
    with _Bars() as report:
        for number, path in enumerate(paths):
            try:
                image = read_image(path)
            except ImageError as error:
                unreadable.append(f"{path}: {error}")
                continue
            detections = detector.predict([image], score_threshold=threshold)[0]
            figure = plotting.detected(image, detections, detector.classes, threshold=threshold)
            plotting.save(figure, run / _picture_name(number, path, len(paths)))
            found[str(path)] = _as_json(detections, detector.classes)
            report("detecting", number + 1, len(paths))
    write(run / "detections.json", json.dumps(found, indent=1).encode())
    objects = sum(len(boxes) for boxes in found.values())
    out.print(f"{objects} objects in {len(found)} images; pictures and detections.json are in {run}")
    if unreadable:
        raise ValueError("\n".join(unreadable))


@app.command()
def inspect(
    folder: Annotated[Path, typer.Argument(help="Folder of data in VOC layout.")],
    split: Annotated[str | None, typer.Option(help="One split alone; by default all.")] = None,
    classes: Classes = None,
    sheet: Annotated[Path, typer.Option(help="Where to draw the contact sheet.")] = Path("contact-sheet.png"),
) -> None:
    """Look at a dataset before training: counts, classes, sizes, every fault, coverage, a contact sheet.

    The exit code is 1 where there are faults.
    """
    known = _names(classes) if classes else None
    with _Bars() as report:
        told = partial(report, "reading")
        faults = check(folder, split, classes=known, progress=told)
    names = [split] if split is not None else list(splits(folder))
    parts = {name: VOCFolder(folder, name, classes=known, skip_invalid=True) for name in names}
    truths = {
        name: Truths.from_list([part.truth(i) for i in range(len(part))]) for name, part in parts.items()
    }
    largest = max(parts, key=lambda name: len(parts[name]))
    out.print(_counts_table(parts, truths))
    out.print(_coverage_table(truths[largest], largest))
    shown = range(0, len(parts[largest]), max(1, len(parts[largest]) // 18))
    examples = _readable(parts[largest], list(shown)[:18])
    plotting.save(plotting.contact_sheet(examples, parts[largest].classes), sheet)
    out.print(f"contact sheet: {sheet}", soft_wrap=True)
    for fault in faults:
        out.print(f"[red]fault[/] {escape(str(fault))}", highlight=False, soft_wrap=True)
    out.print(f"{len(faults)} faults" if faults else "no faults")
    if faults:
        raise typer.Exit(1)


@app.command()
def export(
    model: Annotated[Path, typer.Argument(help="A detector: model.safetensors of a run.")],
    file: Annotated[Path, typer.Option("--out", help="File to write: .onnx, or .pt2 for torch.export.")],
    format: Annotated[
        str | None, typer.Option(help="onnx or torch; by default by the file's ending.")
    ] = None,
    detections: Annotated[
        bool, typer.Option("--detections/--raw", help="Detections, or all boxes and scores unsuppressed.")
    ] = True,
    uint8: Annotated[bool, typer.Option("--uint8", help="Take images from 0 to 255, not in [0, 1].")] = False,
    threshold: Annotated[
        float | None, typer.Option(help="Lowest score of a detection; by default the detector's own.")
    ] = None,
    iou: Annotated[
        float | None, typer.Option(help="Overlap that suppresses; by default the detector's own.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over a file that is there.")] = False,
) -> None:
    """Write a detector for use elsewhere: as ONNX, or as a program of torch.export.

    It takes a batch of any length of square images and normalises them itself; what goes in and what
    comes out is written down in the file.
    """
    options: dict[str, Any] = {"score_threshold": threshold, "iou_threshold": iou}
    options = {name: value for name, value in options.items() if value is not None}
    exporting.save(
        models.load(model),
        file,
        format=format,
        detections=detections,
        uint8=uint8,
        overwrite=overwrite,
        **options,
    )
    out.print(f"wrote {escape(str(file))}", soft_wrap=True, highlight=False)


def main() -> None:
    """Run the command; what is wrong with its input is one clear message, and exit code 2."""
    try:
        app()
    except training.InterruptedRunError as stop:
        err.print(f"{stop}; go on with: ssd-lite train --resume --out {stop.run_dir}", soft_wrap=True)
        sys.exit(130)
    except (ValueError, OSError, training.NonFiniteLossError, ImportError) as error:
        err.print(f"[red]error[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2)


class _Bars:
    """A progress bar for whatever is being read or evaluated."""

    def __enter__(self) -> training.Report:
        self._what = ""
        self._bar = Progress(console=err, transient=True)
        return self._report

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def _report(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            self._bar.stop()
            self._what, self._bar = what, Progress(console=err, transient=True)
            self._task = self._bar.add_task(what, total=total)
            self._bar.start()
        self._bar.update(self._task, completed=done)
        if done == total:  # the next bar may be the training loop's own
            self._bar.stop()


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
        first = _folder_recipe(folder, test_split, train_split)
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
    chosen = chosen.lasting(steps) if steps is not None else chosen
    return chosen.changed(**changes)


def _folder_recipe(folder: Path, test_split: str | None, train_split: str | None = None) -> Recipe:
    """Which splits of a folder to learn from and to measure on, where the user has not said."""
    names = splits(folder)
    train_split = train_split or next((s for s in ("trainval", "train") if s in names), names[0])
    others = [s for s in ("test", "val", *names) if s in names and s != train_split]
    return Recipe(
        name="folder",
        data="folder",
        root=str(folder),
        train_split=train_split,
        test_split=test_split or (others[0] if others else training.HELD_OUT),
    )


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


def _device(name: str | None) -> torch.device:
    """The device of that name. Raises ``ValueError`` where there is none here."""
    if name is None:
        return training.default_device()
    known = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    if name not in (*known, *(["cuda"] if len(known) > 1 else [])):
        raise ValueError(f"device must be one of {', '.join(known)}, got {name!r}")
    return torch.device(name)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _summary(recipe: Recipe) -> str:
    return (
        f"{recipe.name}: {recipe.model}, {recipe.steps} steps of {recipe.batch} images, "
        f"learning rate {recipe.learning_rate:g}, seed {recipe.seed}"
    )


def _tell_left_out(faults: list[str]) -> None:
    for fault in faults:
        err.print(f"left out: {escape(fault)}", highlight=False, soft_wrap=True)


def _ap_table(metrics: AveragePrecision) -> Table:
    table = Table("class", "objects", "AP", title="average precision on held-out images")
    for name, ap in metrics.per_class.items():
        table.add_row(name, str(metrics.counts[name]), f"{ap:.3f}")
    table.add_section()
    table.add_row("mean", str(sum(metrics.counts.values())), f"{metrics.mean:.3f}", style="bold")
    return table


def _coco_table(metrics: AveragePrecision) -> Table:
    table = Table("number", "value", title="COCO's numbers on held-out images")
    for name, value in metrics.metrics.items():
        table.add_row(name.replace("_", " "), "–" if math.isnan(value) else f"{value:.3f}")
    return table


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


def _image_paths(given: list[Path]) -> list[Path]:
    paths: list[Path] = []
    for path in given:
        if not path.exists():
            raise ValueError(f"{path}: no such file or folder")
        inside = (
            sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
            if path.is_dir()
            else [path]
        )
        if not inside:
            raise ValueError(f"{path}: holds no image ({', '.join(IMAGE_SUFFIXES)})")
        paths += inside
    return paths


def _picture_name(number: int, path: Path, count: int) -> str:
    """Names of their own for images of one name in several folders."""
    return f"{path.stem}.png" if count == 1 else f"{number:04d}-{path.stem}.png"


def _as_json(detections: dict[str, torch.Tensor], classes: tuple[str, ...]) -> list[dict[str, Any]]:
    boxes, scores = detections["boxes"].tolist(), detections["scores"].tolist()
    return [
        {"class": classes[label - 1], "score": round(score, 4), "box": [round(v, 1) for v in box]}
        for box, score, label in zip(boxes, scores, detections["labels"].tolist(), strict=True)
    ]


def _counts_table(parts: dict[str, VOCFolder], truths: dict[str, Truths]) -> Table:
    classes = next(iter(parts.values())).classes
    table = Table("", *parts, title="images and objects")
    table.add_row("images", *(str(len(part)) for part in parts.values()))
    empty = {name: int((~t.present.any(dim=1)).sum()) for name, t in truths.items()}
    table.add_row("  without objects", *(str(empty[name]) for name in parts))
    table.add_row("objects", *(str(int(t.present.sum())) for t in truths.values()))
    table.add_row("  difficult", *(str(int(t.difficult.sum())) for t in truths.values()))
    counts = {name: Counter(t.labels[t.present].tolist()) for name, t in truths.items()}
    table.add_section()
    for label, name in enumerate(classes, start=1):
        table.add_row(name, *(str(counts[part][label]) for part in parts))
    table.add_section()
    for share in (0.05, 0.5, 0.95):
        table.add_row(f"size, {share:.0%} quantile", *(_size_quantile(t, share) for t in truths.values()))
    return table


def _size_quantile(truths: Truths, share: float) -> str:
    """Square root of an object's share of the image."""
    boxes = truths.boxes_xyxy[truths.present]
    if not len(boxes):
        return "–"
    sides = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1).sqrt()
    return f"{sides.quantile(share).item():.3f}"


def _coverage_table(truths: Truths, split: str) -> Table:
    table = Table(
        "default boxes", "recall at 0.5", "mean best overlap", title=f"coverage of the objects in {split}"
    )
    layouts = {
        "paper, six maps": paper((38, 19, 10, 5, 3, 1)),
        "released, VOC": ssd300_voc(),
        "released, COCO": ssd300_coco(),
    }
    if truths.present.any():
        layouts["fitted to it"] = fit(truths)
    for name, layout in layouts.items():
        reached = coverage(layout, truths)
        table.add_row(name, f"{reached.recall:.3f}", f"{reached.mean:.3f}")
    return table


def _readable(dataset: Dataset, indices: list[int]) -> list[Example]:
    examples = []
    for index in indices:
        try:
            examples.append(dataset[index])
        except DatasetError:
            continue  # told among the faults
    return examples
