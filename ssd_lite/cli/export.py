"""``ssd-lite export``."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from ssd_lite import export as exporting
from ssd_lite import models
from ssd_lite.cli.console import out
from ssd_lite.cli.options import Detector


def export(
    model: Detector,
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
