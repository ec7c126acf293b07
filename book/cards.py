"""Draws the six pictures of the chapters on the start page: ``python
book/cards.py``.

Each is what the package does at that step, on one scene: nothing in it is
drawn by hand.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from ssd_lite import (
    augmentation,
    boxes,
    data,
    matching,
    mining,
    models,
    objective,
    plotting,
    resampling,
    truths,
)
from ssd_lite.plotting.boxes import outline, show_image, to_axes

BOOK = Path(__file__).parent
FOLDER = BOOK / "images"
WIDTH_PX, HEIGHT_PX = 480, 320

OBJECTS = [
    ("dog", (0.42, 0.36, 0.93, 0.95)),
    ("cat", (0.08, 0.55, 0.30, 0.95)),
    ("balloon", (0.14, 0.05, 0.34, 0.45)),
]
SQUARE_AND_TWO = torch.tensor([0, 2, 3])
"""Of the six boxes of a cell, those of the aspect ratios 1, 2 and 1/2."""

SCENE = data.scenes.draw(OBJECTS, size=(HEIGHT_PX, WIDTH_PX), seed=3)
DETECTOR = models.load(BOOK / "models" / "scenes.safetensors")
LAYOUT = DETECTOR.default_boxes
DEFAULTS = boxes.cxcywh_to_xyxy(LAYOUT.cxcywh())
TRUTH = SCENE.truth
OWNER = matching.match(TRUTH.boxes_xyxy, DEFAULTS)
with torch.no_grad():
    pixels = resampling.resample(SCENE.image[None], DETECTOR.image_size)
    OFFSETS, LOGITS = (output[0] for output in DETECTOR(pixels))


def matched(axes: Axes) -> None:
    """The objects, and the default boxes that answer for each."""
    show_image(axes, SCENE.image, fade=0.35)
    _outline(axes, DEFAULTS[OWNER >= 0], OWNER[OWNER >= 0], width=1.6)
    _outline(axes, TRUTH.boxes_xyxy, range(len(TRUTH)), width=4, style="--")


def offsets(axes: Axes) -> None:
    """The default boxes of the dog, and where their offsets move them."""
    show_image(axes, SCENE.image, fade=0.35)
    chosen = OWNER == 0
    found = objective.decode(
        OFFSETS[chosen],
        LAYOUT.cxcywh()[chosen],
        variances=DETECTOR.variances,
    )
    for box in to_axes(DEFAULTS[chosen], SCENE.image):
        outline(axes, box, "#444444", width=1.6, style=":")
    _outline(axes, boxes.cxcywh_to_xyxy(found), [0] * len(found), width=2.5)


def tiled(axes: Axes) -> None:
    """Default boxes of three maps, over the cells of the third."""
    show_image(axes, SCENE.image, fade=0.6)
    rows, columns = LAYOUT.grids[2]
    for k in range(1, columns):
        axes.axvline(k / columns * WIDTH_PX, color="#999999", lw=0.8)
    for k in range(1, rows):
        axes.axhline(k / rows * HEIGHT_PX, color="#999999", lw=0.8)
    first = 0
    for number, ((high, wide), each) in enumerate(
        zip(LAYOUT.grids, LAYOUT.per_location, strict=True)
    ):
        cell = first + (high // 2 * wide + wide // 2) * each
        if number < 3:
            _outline(
                axes, DEFAULTS[cell + SQUARE_AND_TWO], [number] * 3, width=2.5
            )
        first += high * wide * each


def mined(axes: Axes) -> None:
    """The hardest negatives, one for each positive."""
    show_image(axes, SCENE.image, fade=0.35)
    positive = OWNER >= 0
    loss = -LOGITS.log_softmax(dim=-1)[:, 0]
    chosen = mining.hard_negatives(loss[None], positive[None], ratio=1.0)[0]
    for box in to_axes(DEFAULTS[chosen], SCENE.image):
        outline(axes, box, "#D55E00", width=1.6, alpha=0.8)
    _outline(axes, TRUTH.boxes_xyxy, range(len(TRUTH)), width=3, style="--")


def augmented(axes: Axes) -> None:
    """Six views of the scene, as training sees them."""
    augment = augmentation.SSDAugmentation(160)
    images, _ = augment(
        SCENE.image.expand(6, -1, -1, -1),
        truths.Truths.from_list([TRUTH] * 6),
        generator=torch.Generator().manual_seed(5),
    )
    show_image(axes, _mosaic(images, columns=3))


def found(axes: Axes) -> None:
    """What the trained detector finds in scenes that it has not seen."""
    drawn = data.Scenes(count=40, size=(160, 240), seed=1)
    scenes = [scene for scene in drawn if len(scene.truth) >= 3][:4]
    image = _mosaic(torch.stack([scene.image for scene in scenes]), columns=2)
    show_image(axes, image)
    detections = DETECTOR.predict(
        [scene.image for scene in scenes], score_threshold=0.5
    )
    for k, seen in enumerate(detections):
        corner = torch.tensor([k % 2 * 240.0, k // 2 * 160.0] * 2)
        pairs = zip(seen["boxes"] + corner, seen["labels"], strict=True)
        for box, label in pairs:
            outline(axes, box.tolist(), plotting.colour(int(label)), rim=True)


CARDS = {
    "matching": matched,
    "objective": offsets,
    "scales": tiled,
    "mining": mined,
    "augmentation": augmented,
    "training": found,
}


def _mosaic(images: torch.Tensor, *, columns: int) -> torch.Tensor:
    """Images of one size side by side, as one image."""
    rows = images.split(columns)
    return torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)


def _outline(axes, relative, shades, *, width, style="-") -> None:
    """Draw relative boxes, each in a colour by number."""
    for box, shade in zip(to_axes(relative, SCENE.image), shades, strict=True):
        outline(
            axes,
            box,
            plotting.COLOURS[int(shade)],
            width=width,
            style=style,
            rim=style == "--",
        )


def main(folder: Path = FOLDER) -> None:
    """Write the pictures into a folder."""
    for name, draw in CARDS.items():
        figure = plt.figure(figsize=(WIDTH_PX / 100, HEIGHT_PX / 100), dpi=100)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        draw(axes)
        axes.set_aspect("auto")
        plotting.save(figure, folder / f"card-{name}.png")


if __name__ == "__main__":
    main()
