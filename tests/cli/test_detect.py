"""``ssd-lite detect``: images that can be read, and others."""

import json
from pathlib import Path

from tests.cli.helpers import break_image, run, write_detector


def test_unreadable_images_are_named_and_the_others_used(folder: Path, tmp_path: Path) -> None:
    break_image(folder)
    weights = write_detector(tmp_path / "model.safetensors")
    code, said = run("detect", weights, folder / "JPEGImages", "--out", tmp_path / "found")
    assert code == 2
    assert "0001.png" in said
    assert len(json.loads((tmp_path / "found/detections.json").read_text())) == 9


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    weights = write_detector(tmp_path / "model.safetensors")
    (tmp_path / "empty").mkdir()
    code, said = run("detect", weights, tmp_path / "empty", "--out", tmp_path / "found")
    assert code == 2
    assert "holds no image" in said


def test_weights_that_cannot_be_read(tmp_path: Path) -> None:
    code, said = run("detect", tmp_path / "nowhere.safetensors", "image.png")
    assert code == 2
    assert "nowhere.safetensors" in said
