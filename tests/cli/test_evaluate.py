"""``ssd-lite evaluate``: which images it measures on, and the options for its numbers."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ssd_lite import models
from ssd_lite.data import HELD_OUT, open_folder
from ssd_lite.recipes import RECIPES
from tests.cli.helpers import break_image, run, write_voc

pytestmark = pytest.mark.plain  # run-time type checks would refuse in their own words


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_weights(tmp_path, ["cat", "fish"])


def write_weights(folder: Path, classes: list[str], **about: object) -> Path:
    """An untrained detector of these classes, as a run leaves one."""
    torch.manual_seed(0)
    path = folder / "model.safetensors"
    path.write_bytes(models.to_bytes(models.ssd_tiny(classes), about=about))
    return path


def test_the_numbers_alone(weights: Path, folder: Path, tmp_path: Path) -> None:
    options = ("--no-report", "--json", tmp_path / "ap.json", "--iou", "0.3", "--method", "11-point")
    code, said = run("evaluate", weights, folder, *options)
    assert code == 0, said
    assert not (weights.parent / "report").exists()
    numbers = json.loads((tmp_path / "ap.json").read_text())
    assert set(numbers["per_class"]) == {"cat", "fish"}
    assert (numbers["iou_threshold"], numbers["method"]) == (0.3, "11-point")


def test_the_reports_folder_and_the_number_of_images(weights: Path, folder: Path, tmp_path: Path) -> None:
    options = ("--report", tmp_path / "a" / "b", "--worst", "1", "--score", "0.01", "--batch", "3")
    code, said = run("evaluate", weights, folder, *options)
    assert code == 0, said
    assert (tmp_path / "a/b/index.html").read_text(encoding="utf-8").count("<article>") == 1
    assert json.loads((tmp_path / "a/b/results.json").read_text())["score_threshold"] == 0.01


def test_cocos_numbers(weights: Path, folder: Path, tmp_path: Path) -> None:
    code, said = run("evaluate", weights, folder, "--metric", "coco", "--json", tmp_path / "coco.json")
    assert code == 0, said
    numbers = json.loads((tmp_path / "coco.json").read_text())
    assert len(numbers["metrics"]) == 12
    assert numbers["mean"] == numbers["metrics"]["AP"]
    assert all(f" {name} " in said for name in ("AP50", "AP small", "AR 100"))


def test_sizes_are_those_of_the_images_on_disk(folder: Path, tmp_path: Path) -> None:
    """Although they are decoded at 32 pixels, as this detector's training did."""
    recipe = RECIPES["scenes"]().changed(canvas_px=32)
    weights = write_weights(tmp_path, ["cat", "fish"], recipe=recipe.to_dict())
    assert run("evaluate", weights, folder)[0] == 0
    numbers = json.loads((tmp_path / "report/results.json").read_text())
    dataset = open_folder(folder).dataset("val")
    areas = [
        float((box[2] - box[0]) * (box[3] - box[1]) * 128 * 96)
        for index in range(len(dataset))
        for box in dataset.truth(index).boxes_xyxy
    ]
    small = sum(area < 32**2 for area in areas)
    assert [part["name"] for part in numbers["by_size"]] == ["small", "medium", "large"]
    assert sum(numbers["by_size"][0]["counts"].values()) == small
    assert 0 < small < len(areas)


def test_one_split_is_measured_whole_unless_it_was_trained_on(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "mine", 10, lists=False)
    weights = write_weights(tmp_path, ["cat", "fish"])
    code, said = run("evaluate", weights, root)
    assert code == 0, said
    assert "measured on all 10 images" in said
    recipe = replace(RECIPES["scenes"](), data="folder", root=str(root), test_split=HELD_OUT)
    weights = write_weights(tmp_path, ["cat", "fish"], recipe=recipe.to_dict())
    code, said = run("evaluate", weights, root)
    assert code == 0, said
    assert "measured on every fifth image" in said
    assert len(json.loads((tmp_path / "report/results.json").read_text())["images"]) == 2


def test_drawn_scenes_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = RECIPES["scenes"]().changed(test_images=3)
    monkeypatch.setitem(RECIPES, "scenes", lambda: few)
    code, said = run("evaluate", write_weights(tmp_path, ["cat", "dog"]))
    assert code == 0, said
    assert json.loads((tmp_path / "report/results.json").read_text())["data"] == {"drawn scenes": 3}


def test_invalid_images_are_skipped_on_request(weights: Path, folder: Path) -> None:
    (folder / "ImageSets/Main/val.txt").write_text("0000\n0001\n0002\n")
    break_image(folder)
    code, said = run("evaluate", weights, folder)
    assert code == 2
    assert "--skip-invalid" in said
    code, said = run("evaluate", weights, folder, "--skip-invalid")
    assert code == 0, said
    assert "skipped: " in said
    numbers = json.loads((weights.parent / "report/results.json").read_text())
    assert [image["name"] for image in numbers["images"]] == ["0000", "0002"]
    assert any("0001.png" in problem for problem in numbers["problems"])
    assert numbers["problem_counts"]["error"] == 1


def test_classes_that_the_detector_does_not_know(folder: Path, tmp_path: Path) -> None:
    code, said = run("evaluate", write_weights(tmp_path, ["cat"]), folder)
    assert code == 2
    assert "fish" in said


def test_weights_that_cannot_be_read(tmp_path: Path) -> None:
    code, said = run("evaluate", tmp_path / "nowhere.safetensors")
    assert code == 2
    assert "nowhere.safetensors" in said
