"""``ssd-lite evaluate``."""

import json
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ssd_lite import models, report
from ssd_lite.analysis import Analysis, analyse
from ssd_lite.cli.console import Bars, ap_table, out, report_skipped, say
from ssd_lite.cli.measured import MeasuredImages, open_images
from ssd_lite.cli.options import (
    Boxes,
    Detector,
    Device,
    Folder,
    LayoutName,
    ScaleBoxes,
    SkipInvalid,
    device_of,
)
from ssd_lite.cli.predictions import Predictions, predict
from ssd_lite.cli.record import about
from ssd_lite.data import Dataset, Subset, count_problems, errors, load
from ssd_lite.evaluation import METHODS, AveragePrecision, COCOEvaluator
from ssd_lite.files import write_atomic
from ssd_lite.messages import plural
from ssd_lite.training.evaluate import METRICS

REPORT = "report"
"""The report's folder, beside the detector's file."""


def evaluate(
    model: Detector,
    folder: Folder = None,
    layout: LayoutName = None,
    boxes: Boxes = None,
    scale_boxes: ScaleBoxes = False,
    split: Annotated[str | None, typer.Option(help="Split to measure on; by default test, or val.")] = None,
    metric: Annotated[str, typer.Option(help="voc, or coco for COCO's twelve numbers, too.")] = "voc",
    method: Annotated[str, typer.Option(help="area or 11-point.")] = "area",
    iou: Annotated[float, typer.Option(min=0.0, max=1.0, help="Overlap that counts as found.")] = 0.5,
    score: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Score for confusions and worst images; by default the best F1's."
        ),
    ] = None,
    report_in: Annotated[
        Path | None, typer.Option("--report", help="Folder of the report; by default report, beside MODEL.")
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Print the numbers only.")] = False,
    worst: Annotated[int, typer.Option(min=0, max=100, help="Worst images to show in the report.")] = 12,
    numbers_to: Annotated[Path | None, typer.Option("--json", help="Write the numbers to this file.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Images in one pass of the network.")] = 32,
    device: Device = None,
    skip_invalid: SkipInvalid = False,
) -> None:
    """Measure a detector, and write a report of what it does: one page that opens offline.

    The report holds average precision by class, size and overlap, curves, confusions, the kinds of errors
    and what repairing each would bring, score thresholds, and the worst images. Without a FOLDER the
    detector is measured on drawn scenes.
    """
    _check(metric, method, iou)
    detector = models.load(model).to(device_of(device))
    coco_evaluator = COCOEvaluator(detector.classes) if metric == "coco" else None
    options = {"layout": layout, "boxes": boxes, "scale_boxes": scale_boxes, "skip_invalid": skip_invalid}
    measured = open_images(model, detector, folder, split=split, **options)
    with Bars() as on_progress:
        images = load(
            measured.dataset,
            canvas_px=measured.canvas_px,
            device=detector.mean.device,
            skip_invalid=skip_invalid,
            progress=partial(on_progress, f"reading {plural(len(measured.dataset), 'image')}"),
        )
        predictions = _at_full_size(predict(detector, images, batch=batch, on_progress=on_progress), measured)
    analysis = analyse(
        predictions.detections,
        predictions.truths,
        detector.classes,
        names=predictions.names,
        sizes_px=predictions.sizes_px,
        iou_threshold=iou,
        background_threshold=min(0.1, iou / 2),
        method=method,
        score_threshold=score,
    )
    coco = None
    if coco_evaluator is not None:
        coco_evaluator.update(*predictions.in_pixels())
        coco = coco_evaluator.compute()
    problems = [str(problem) for problem in errors(images.problems)]
    report_skipped(problems)
    _print(analysis, coco)
    record = about(model, detector, measured.about, metric=metric)
    record["problem_counts"] = count_problems(images.problems)
    if numbers_to is not None:
        numbers = report.results(analysis, about=record, problems=problems, coco=coco)
        write_atomic(numbers_to, json.dumps(numbers, indent=1, ensure_ascii=False).encode())
    if not no_report:
        page = report.write(
            report_in or model.parent / REPORT,
            analysis,
            _shown(measured.dataset, predictions.names),
            predictions.detections,
            title=f"{model.name} on {measured.about.get('folder', 'drawn scenes')}",
            about=record,
            problems=problems,
            coco=coco,
            worst=worst,
        )
        say(f"report: {page}", to=out)


def _check(metric: str, method: str, iou: float) -> None:
    """Raise ``ValueError`` for wrong options before anything is read."""
    if metric not in METRICS:
        raise ValueError(f"--metric must be one of {', '.join(METRICS)}, got {metric!r}")
    if method not in METHODS:
        raise ValueError(f"--method must be one of {', '.join(METHODS)}, got {method!r}")
    if not iou:
        raise ValueError("--iou must be greater than 0")


def _at_full_size(predictions: Predictions, measured: MeasuredImages) -> Predictions:
    """The predictions with the sizes of the images on disk, which may be larger than they were decoded."""
    pairs = zip(predictions.names, predictions.sizes_px, strict=True)
    return predictions._replace(sizes_px=[measured.sizes_px.get(name, size) for name, size in pairs])


def _shown(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """The images that were measured, without those that could not be decoded."""
    if len(names) == len(dataset):
        return dataset
    wanted, kept = iter([*names, None]), []
    following = next(wanted)
    for index, name in enumerate(dataset.names):  # type: ignore[attr-defined]  # only files are skipped
        if name == following:
            kept.append(index)
            following = next(wanted)
    return Subset(dataset, kept)


def _print(analysis: Analysis, coco: AveragePrecision | None) -> None:
    out.print(ap_table(coco or analysis.ap))
    if coco is not None:
        table = Table("number", "value", title="COCO's numbers on held-out images")
        for name, value in coco.metrics.items():
            table.add_row(name.replace("_", " "), "–" if math.isnan(value) else f"{value:.3f}")
        out.print(table)
    if analysis.best_threshold is not None:
        best = analysis.best_threshold
        say(f"best score threshold: {best.score:.3f}, for an F1 of {best.f1:.3f}", to=out)
