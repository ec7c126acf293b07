"""``ssd-lite evaluate``."""

import json
import math
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ssd_lite import models, training
from ssd_lite.cli.console import Bars, ap_table, out, report_skipped
from ssd_lite.cli.options import (
    Boxes,
    Detector,
    Device,
    Folder,
    LayoutName,
    ScaleBoxes,
    SkipInvalid,
    device_of,
    open_and_describe,
)
from ssd_lite.data import Dataset, Subset, errors, load
from ssd_lite.evaluation import AveragePrecision
from ssd_lite.files import write_atomic
from ssd_lite.recipes import RECIPES
from ssd_lite.training.run import open_recipe_datasets

CANVAS_PX, COCO_CANVAS_PX = 512, 1024
"""Larger images are shrunk to this size; COCO itself has none above 1024."""


def evaluate(
    model: Detector,
    folder: Folder = None,
    layout: LayoutName = None,
    boxes: Boxes = None,
    scale_boxes: ScaleBoxes = False,
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
    detector = models.load(model).to(device_of(device))
    # COCO's small and large objects are counted in pixels of the image as it is.
    canvas_px = COCO_CANVAS_PX if metric == "coco" and folder is not None else CANVAS_PX
    with Bars() as on_progress:
        dataset: Dataset
        if folder is None:
            dataset = open_recipe_datasets(RECIPES["scenes"]()).test
        else:
            options = {"layout": layout, "boxes": boxes, "scale_boxes": scale_boxes}
            opened = open_and_describe(
                folder, classes=detector.classes, skip_invalid=skip_invalid, max_side=canvas_px, **options
            )
            train, test = opened.choose_splits(test=split)
            dataset = opened.dataset(test or train)
            if test is None:  # training holds out every fifth image of a folder without splits
                dataset = Subset(dataset, list(range(0, len(dataset), 5)))
        images = load(
            dataset,
            canvas_px=canvas_px,
            device=detector.mean.device,
            skip_invalid=skip_invalid,
            progress=partial(on_progress, f"reading {len(dataset)} images"),
        )
        metrics = training.evaluate(
            detector, images, metric=metric, method=method, iou_threshold=iou, on_progress=on_progress
        )
    report_skipped([str(problem) for problem in errors(images.problems)])
    out.print(ap_table(metrics))
    if metrics.metrics:
        out.print(_coco_table(metrics))
    if report_to is not None:
        write_atomic(report_to, json.dumps(metrics.to_dict(), indent=1).encode())


def _coco_table(metrics: AveragePrecision) -> Table:
    table = Table("number", "value", title="COCO's numbers on held-out images")
    for name, value in metrics.metrics.items():
        table.add_row(name.replace("_", " "), "–" if math.isnan(value) else f"{value:.3f}")
    return table
