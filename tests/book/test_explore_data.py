"""The data of the explorable figures: real objects are what their program draws, the rest the package's."""

import base64
import io

import numpy as np
import pytest
import torch
from explore import data
from PIL import Image

from benchmarks import explorables
from benchmarks.runs import SHARED
from ssd_lite import boxes, matching, mining, models
from ssd_lite.data.icons import ICONS


def test_icons_and_hills() -> None:
    made = data.scene()
    for name, markup in made["icons"].items():
        assert markup.count("<") == len(ICONS[name].strokes)
    assert made["backdrop"].count("<ellipse") == 4


@pytest.mark.parametrize("key", explorables.DATASETS)
def test_real_objects(key: str) -> None:
    root = SHARED / "data" / explorables.DATASETS[key]
    if not root.exists():
        pytest.skip(f"no dataset at {root}")
    again = "python -m benchmarks.explorables writes them anew"
    assert data.objects()[key] == explorables.objects(root), again


def test_the_mined_scene_and_its_losses() -> None:
    detector, example = models.load(data.DETECTOR), data.mined_scene()
    made = data.mining()
    written = np.frombuffer(base64.b64decode(made["losses"]), "<u2")
    expected = data.background_losses(detector, example)
    np.testing.assert_allclose(np.exp(written / 3600 - 14), expected, rtol=0.01)
    assert len(written) == len(detector.default_boxes)
    assert [truth["box"] for truth in made["truths"]] == example.truth.boxes_xyxy.tolist()
    layout = (made["grids"], made["scales"], made["ratios"])
    default = detector.default_boxes
    assert layout == ([rows for rows, _ in default.grids], default.scales, default.aspect_ratios[0])


def test_rounding_the_losses_does_not_change_which_negatives_count() -> None:
    detector, example = models.load(data.DETECTOR), data.mined_scene()
    losses = data.background_losses(detector, example)[None].double()
    rounded = (((losses.log() + 14) * 3600).round() / 3600 - 14).exp()
    defaults = boxes.cxcywh_to_xyxy(detector.default_boxes.cxcywh())
    positive = matching.match(example.truth.boxes_xyxy, defaults)[None] != matching.UNMATCHED
    assert torch.allclose(rounded, losses, rtol=2e-4)
    for ratio in (1.0, 3.0, 10.0):
        picks = [mining.hard_negatives(values, positive, ratio=ratio) for values in (losses, rounded)]
        assert torch.equal(*picks)


def test_the_picture_is_the_scenes() -> None:
    written = data.mining()["picture"].removeprefix("data:image/webp;base64,")
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(written))).convert("RGB")).astype(int)
    scene = data.mined_scene().image.permute(1, 2, 0).numpy()
    assert np.abs(255 - image - data.FADE * (255 - scene.astype(float))).mean() < 8
