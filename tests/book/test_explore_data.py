"""The data of the explorable figures are what their program writes."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import explorables
from benchmarks.runs import SHARED
from ssd_lite import boxes, matching, mining, models

AGAIN = "python -m benchmarks.explorables writes them anew"


def held(name: str) -> Any:
    text = (explorables.FOLDER / f"data-{name}.js").read_text()
    return json.loads(text.split(f"Explore.data.{name} = ")[1].removesuffix(";\n"))


def test_icons_and_hills() -> None:
    icons = {name: explorables.icon(name) for name in explorables.ICON_PAINTS}
    assert held("scene") == {"backdrop": explorables.backdrop(), "icons": icons}, AGAIN


@pytest.mark.parametrize("key", explorables.DATASETS)
def test_real_objects(key: str) -> None:
    root = SHARED / "data" / explorables.DATASETS[key]
    if not root.exists():
        pytest.skip(f"no dataset at {root}")
    assert held("objects")[key] == explorables.objects(root), AGAIN


def test_the_mined_scene_and_its_losses() -> None:
    detector, example = models.load(explorables.DETECTOR), explorables.scene()
    expected, found = explorables.mining(detector, example), held("mining")
    written = np.frombuffer(base64.b64decode(found.pop("losses")), "<u2")
    computed = np.frombuffer(base64.b64decode(expected.pop("losses")), "<u2")
    assert np.abs(written.astype(int) - computed).max() <= 30, AGAIN  # one per cent: another machine
    assert found == json.loads(json.dumps(expected)), AGAIN


def test_rounding_the_losses_does_not_change_which_negatives_count() -> None:
    detector, example = models.load(explorables.DETECTOR), explorables.scene()
    losses = explorables.background_losses(detector, example)[None].double()
    rounded = (((losses.log() + 14) * 3600).round() / 3600 - 14).exp()
    defaults = boxes.cxcywh_to_xyxy(detector.default_boxes.cxcywh())
    positive = matching.match(example.truth.boxes_xyxy, defaults)[None] != matching.UNMATCHED
    assert torch.allclose(rounded, losses, rtol=2e-4)
    for ratio in (1.0, 3.0, 10.0):
        picks = [mining.hard_negatives(values, positive, ratio=ratio) for values in (losses, rounded)]
        assert torch.equal(*picks)


def test_the_picture_is_the_scenes() -> None:
    image = np.asarray(Image.open(explorables.FOLDER / "mining.webp").convert("RGB")).astype(int)
    scene = explorables.scene().image.permute(1, 2, 0).numpy()
    assert np.abs(image - scene).mean() < 8, AGAIN


def test_all_files_are_written(tmp_path: Path) -> None:
    explorables.write(tmp_path, "scene", {"icons": {}})
    assert (tmp_path / "data-scene.js").read_text().endswith('Explore.data.scene = {"icons":{}};\n')
