"""``ssd-lite export``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ssd_lite import export as exporting
from ssd_lite import models
from ssd_lite.cli.console import out, say
from ssd_lite.cli.options import Detector


def export(
    model: Detector,
    file: Annotated[Path, typer.Option("--out", help="File to write: .onnx, or .pt2 for torch.export.")],
    format: Annotated[
        str | None, typer.Option(help="onnx or torch; by default according to the file's suffix.")
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
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Export a detector as ONNX or as a torch.export program.

    The exported detector takes a batch of square images of any length and normalises them itself; the file
    describes its inputs and outputs.
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
    say(f"wrote {file}", to=out)
