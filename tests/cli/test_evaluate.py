"""``ssd-lite evaluate``: the numbers of a detector on a folder."""

import json
from pathlib import Path

import pytest

from ssd_lite import models
from tests.cli.helpers import run

pytestmark = pytest.mark.plain  # run-time type checks would refuse in their own words


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(models.to_bytes(models.ssd_tiny(["cat", "fish"])))
    return path


def test_numbers_are_written_to_a_file(weights: Path, folder: Path, tmp_path: Path) -> None:
    code, said = run("evaluate", weights, folder, "--json", tmp_path / "ap.json")
    assert code == 0, said
    assert said.splitlines()[0].startswith("VOC layout")
    assert set(json.loads((tmp_path / "ap.json").read_text())["per_class"]) == {"cat", "fish"}


def test_cocos_numbers(weights: Path, folder: Path, tmp_path: Path) -> None:
    code, said = run("evaluate", weights, folder, "--metric", "coco", "--json", tmp_path / "coco.json")
    assert code == 0, said
    assert len(json.loads((tmp_path / "coco.json").read_text())["metrics"]) == 12
    assert all(f" {name} " in said for name in ("AP50", "AP small", "AR 100"))


def test_a_folder_that_was_converted_to_coco_is_evaluated(
    weights: Path, folder: Path, tmp_path: Path
) -> None:
    assert run("convert", folder, "--to", "coco", "--out", tmp_path / "new")[0] == 0
    code, said = run("evaluate", weights, tmp_path / "new")
    assert code == 0, said
    assert said.splitlines()[0].startswith("COCO layout")


def test_weights_that_cannot_be_read(tmp_path: Path) -> None:
    code, said = run("evaluate", tmp_path / "nowhere.safetensors")
    assert code == 2
    assert "nowhere.safetensors" in said
