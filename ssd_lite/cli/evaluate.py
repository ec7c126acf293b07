"""``ssd-lite evaluate``."""

import json
import math
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ssd_lite import models, training
from ssd_lite.cli.console import Bars, ap_table, out, tell_left_out
from ssd_lite.cli.options import Detector, Device, Folder, SkipInvalid, device_of, folder_recipe
from ssd_lite.data import load
from ssd_lite.evaluation import AveragePrecision
from ssd_lite.files import write_atomic
from ssd_lite.recipes import RECIPES
from ssd_lite.training.run import open_recipe_datasets

COCO_CANVAS_PX = 1024
"""Larger images are shrunk to this before COCO's metric sees them; in COCO none is."""


def evaluate(
    model: Detector,
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
    detector = models.load(model).to(device_of(device))
    chosen = folder_recipe(folder, split) if folder is not None else RECIPES["scenes"]()
    if metric == "coco" and folder is not None:  # small and large count in pixels of the image as it is
        chosen = chosen.changed(canvas_px=COCO_CANVAS_PX)
    with Bars() as on_progress:
        names = None if folder is None else detector.classes
        dataset = open_recipe_datasets(chosen.changed(classes=names), skip_invalid=skip_invalid).test
        images = load(
            dataset,
            canvas_px=chosen.canvas_px,
            device=detector.mean.device,
            skip_invalid=skip_invalid,
            progress=partial(on_progress, f"reading {len(dataset)} images"),
        )
        metrics = training.evaluate(
            detector, images, metric=metric, method=method, iou_threshold=iou, on_progress=on_progress
        )
    tell_left_out([str(fault) for fault in images.problems])
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
