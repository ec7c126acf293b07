"""``ssd-lite detect``."""

from pathlib import Path
from typing import Annotated

import typer

from ssd_lite import models
from ssd_lite.cli.console import Bars, err, out, say
from ssd_lite.cli.detection_files import FORMATS
from ssd_lite.cli.detection_job import Job
from ssd_lite.cli.inputs import find_inputs
from ssd_lite.cli.options import Detector, Device, device_of
from ssd_lite.cli.video import import_av
from ssd_lite.messages import plural


def detect(
    model: Detector,
    inputs: Annotated[
        list[Path], typer.Argument(help="Images, videos, folders of them, or patterns such as 'a/*.jpg'.")
    ],
    run: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path("detections"),
    threshold: Annotated[float, typer.Option(min=0.0, max=1.0, help="Lowest score to draw and write.")] = 0.5,
    format: Annotated[
        list[str] | None, typer.Option(help="csv or coco: written beside detections.json; may be repeated.")
    ] = None,
    pictures: Annotated[bool, typer.Option(help="Draw the boxes into a copy of each image.")] = True,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Enter subfolders.")] = False,
    every: Annotated[int, typer.Option(min=1, help="In videos, look at every so many-th frame only.")] = 1,
    batch: Annotated[int, typer.Option(min=1, help="Images in one pass of the network.")] = 8,
    device: Device = None,
) -> None:
    """Detect objects in images and videos: all boxes as JSON, and a copy of each image with its boxes.

    Boxes are (x0, y0, x1, y1) in pixels of the image as it is displayed. The exit code is 2 if an input
    could not be read; the others are used nevertheless.
    """
    formats = ["json", *(format or [])]
    if unknown := [name for name in formats if name not in FORMATS]:
        raise ValueError(f"--format must be one of {', '.join(FORMATS)}, got {unknown[0]!r}")
    detector = models.load(model).to(device_of(device))
    found = find_inputs(inputs, recursive=recursive)
    if found.videos:
        import_av()  # a missing package is known before an hour of images
    job = Job(detector, run if pictures else None, threshold, batch, len(found.images) + len(found.videos))
    with Bars() as on_progress:
        job.images(found.images, on_progress)
        for video in found.videos:
            job.video(video, every, on_progress)
    if job.unreadable and not job.results:
        raise ValueError("\n".join(job.unreadable))
    written = [FORMATS[name](run, job.results, detector.classes) for name in dict.fromkeys(formats)]
    say(f"{job.summary()}; {', '.join(written)}{' and pictures' * pictures} are in {run}", to=out)
    if passed_over := found.describe_passed_over():
        say(f"passed over: {passed_over}", to=err)
    if job.animations:
        say(f"{plural(job.animations, 'animation')}: only the first frame was used", to=err)
    if job.unreadable:
        raise ValueError("\n".join([*job.unreadable, "all other inputs were used"]))
