"""What ``ssd-lite detect`` makes of odd inputs: animations, photographs, nothing that can be read."""

import csv
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from ssd_lite import models
from tests.cli.helpers import run, write_detector

pytestmark = pytest.mark.plain  # run-time type checks would refuse in their own words


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_detector(tmp_path / "model.safetensors")


def test_animations_are_counted(weights: Path, tmp_path: Path) -> None:
    first, second = Image.new("RGB", (64, 48), "white"), Image.new("RGB", (64, 48), "red")
    first.save(tmp_path / "moving.gif", save_all=True, append_images=[second])
    first.save(tmp_path / "still.gif")
    code, said = run("detect", weights, tmp_path / "*.gif", "--out", tmp_path / "found")
    assert code == 0, said
    assert "1 animation: only the first frame was used" in said


def test_photographs_stay_jpeg_and_files_named_twice_are_used_once(weights: Path, tmp_path: Path) -> None:
    for name in ("a.jpg", "b.png"):
        Image.new("RGB", (64, 48), "white").save(tmp_path / name)
    given = (tmp_path / "a.jpg", tmp_path / "?.[jp]*g", tmp_path / "b.png")
    code, said = run("detect", weights, *given, "--out", tmp_path / "found", "--threshold", "0.99")
    assert code == 0, said
    pictures = sorted(file.name for file in (tmp_path / "found").iterdir() if file.suffix != ".json")
    assert pictures == ["0000-a.jpg", "0001-b.png"]
    with Image.open(tmp_path / "found/0000-a.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (64, 48))


def test_nothing_is_written_if_nothing_can_be_read(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    code, said = run("detect", weights, tmp_path / "broken.png", "--out", tmp_path / "found")
    assert code == 2
    assert "broken.png: file must be an image" in said
    assert not (tmp_path / "found").exists()


def test_class_names_are_written_as_they_are(tmp_path: Path, folder: Path) -> None:
    path, name = tmp_path / "model.safetensors", "[red]x[/], 猫"
    torch.manual_seed(0)
    path.write_bytes(models.to_bytes(models.ssd_tiny([name])))
    options = ("--out", tmp_path / "found", "--threshold", "0.1", "--format", "csv", "--no-pictures")
    code, said = run("detect", path, folder / "JPEGImages/0001.png", *options)
    assert code == 0, said
    found = json.loads((tmp_path / "found/detections.json").read_text(encoding="utf-8"))
    assert {box["class"] for boxes in found.values() for box in boxes} == {name}
    with (tmp_path / "found/detections.csv").open(newline="", encoding="utf-8") as file:
        assert {row["class"] for row in csv.DictReader(file)} == {name}
