"""The command, used as a person would: good input, bad input, and what is left behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from ssd_lite import cli, models
from ssd_lite.data import Scenes

runner = CliRunner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten drawn scenes as a folder in VOC layout, with splits train and val."""
    return write_voc(tmp_path / "mine", 10)


def write_voc(root: Path, count: int) -> Path:
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / part).mkdir(parents=True)
    scenes = Scenes(count=count, size=(96, 128), classes=("cat", "fish"))
    for index in range(count):
        example = scenes[index]
        Image.fromarray(example.image.permute(1, 2, 0).numpy()).save(root / f"JPEGImages/{index:04d}.png")
        boxes = (example.truth.boxes_xyxy * torch.tensor([128, 96, 128, 96])).round().tolist()
        labels = example.truth.labels.tolist()
        write_xml(root, index, [(scenes.classes[n - 1], b) for n, b in zip(labels, boxes, strict=True)])
    names = [f"{index:04d}" for index in range(count)]
    (root / "ImageSets/Main/train.txt").write_text("\n".join(names[: count * 3 // 5]))
    (root / "ImageSets/Main/val.txt").write_text("\n".join(names[count * 3 // 5 :]))
    return root


def write_xml(root: Path, index: int, objects: list[tuple[str, list[float]]]) -> None:
    inside = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>"
        f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for name, (x0, y0, x1, y1) in objects
    )
    size = "<size><width>128</width><height>96</height><depth>3</depth></size>"
    (root / f"Annotations/{index:04d}.xml").write_text(f"<annotation>{size}{inside}</annotation>")


def run(*arguments: object) -> tuple[int, str]:
    """Exit code and everything printed, as a person would see it."""
    done = subprocess.run(
        [sys.executable, "-m", "ssd_lite", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


QUICK = (
    "--set",
    "model=ssd_tiny",
    "--weights",
    "none",
    "--steps",
    "3",
    "--set",
    "batch=2",
    "--device",
    "cpu",
)


def test_a_folder_of_ones_own_is_trained_measured_and_used(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    code, said = run("train", folder, "--out", out, *QUICK)
    assert code == 0, said
    assert "mean" in said
    for name in ("model.safetensors", "results.json", "detections.png", "losses.png", "log.jsonl"):
        assert (out / name).stat().st_size > 0
    code, said = run("evaluate", out / "model.safetensors", folder, "--json", tmp_path / "ap.json")
    assert code == 0, said
    assert set(json.loads((tmp_path / "ap.json").read_text())["per_class"]) == {"cat", "fish"}
    code, said = run(
        "evaluate", out / "model.safetensors", folder, "--metric", "coco", "--json", tmp_path / "coco.json"
    )
    assert code == 0, said
    assert len(json.loads((tmp_path / "coco.json").read_text())["metrics"]) == 12
    assert all(f" {name} " in said for name in ("AP50", "AP small", "AR 100"))
    found = tmp_path / "found"
    options = ("--out", found, "--threshold", "0.0")
    code, said = run("detect", out / "model.safetensors", folder / "JPEGImages", *options)
    assert code == 0, said
    detections = json.loads((found / "detections.json").read_text())
    assert len(detections) == 10
    assert set(next(iter(detections.values()))[0]) == {"class", "score", "box"}
    assert len(list(found.glob("*.png"))) == 10


def test_a_run_is_not_overwritten_and_can_be_resumed(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert run("train", folder, "--out", out, *QUICK)[0] == 0
    before = (out / "model.safetensors").read_bytes()
    code, said = run("train", folder, "--out", out, *QUICK)
    assert code == 2
    assert "holds a run already: add --resume" in said
    code, said = run("train", "--resume", "--out", out, "--device", "cpu")
    assert code == 0, said
    assert models.load(out / "model.safetensors").classes == ("cat", "fish")
    assert len((out / "model.safetensors").read_bytes()) == pytest.approx(len(before), rel=0.01)


def test_a_folder_without_lists_is_split_in_five(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "mine", 10)
    for split in (root / "ImageSets/Main").iterdir():
        split.unlink()
    code, said = run("train", root, "--out", tmp_path / "run", *QUICK)
    assert code == 0, said
    results = json.loads((tmp_path / "run/results.json").read_text())
    assert results["test_images"] == 2


def break_box(root: Path) -> None:
    write_xml(root, 1, [("cat", [10, 10, 10, 40])])


def break_xml(root: Path) -> None:
    (root / "Annotations/0001.xml").write_text("<annotation><object>")


def break_image(root: Path) -> None:
    (root / "JPEGImages/0001.png").write_bytes(b"no image")


def lose_image(root: Path) -> None:
    (root / "JPEGImages/0001.png").unlink()


FAULTS = {
    break_box: ("Annotations/0001.xml", "object 1 (cat)", "xmin"),
    break_xml: ("Annotations/0001.xml", "", "XML"),
    break_image: ("0001.png", "", ""),
    lose_image: ("0001", "", "image"),
}


@pytest.mark.parametrize("spoil", FAULTS)
def test_a_fault_stops_training_with_file_object_and_rule(spoil, folder: Path, tmp_path: Path) -> None:
    spoil(folder)
    code, said = run("train", folder, "--out", tmp_path / "run", *QUICK)
    assert code == 2
    for words in FAULTS[spoil]:
        assert words in said
    assert "Traceback" not in said
    assert not (tmp_path / "run").exists()  # nothing written half


@pytest.mark.parametrize("spoil", FAULTS)
def test_what_is_sound_can_be_trained_on(spoil, folder: Path, tmp_path: Path) -> None:
    spoil(folder)
    code, said = run("train", folder, "--out", tmp_path / "run", "--skip-invalid", *QUICK)
    assert code == 0, said
    assert "left out" in said
    assert FAULTS[spoil][0] in said


def test_inspect_lists_all_faults_at_once(folder: Path, tmp_path: Path) -> None:
    break_box(folder)
    (folder / "Annotations/0002.xml").write_text("<annotation><object>")
    (folder / "JPEGImages/0007.png").write_bytes(b"no image")
    sheet = tmp_path / "sheet.png"
    code, said = run("inspect", folder, "--sheet", sheet)
    assert code == 1
    for name in ("0001.xml", "0002.xml", "0007.png"):
        assert name in said
    assert "3 faults" in said
    assert sheet.stat().st_size > 0


def test_a_class_that_was_not_expected_is_a_fault(folder: Path, tmp_path: Path) -> None:
    code, said = run("inspect", folder, "--classes", "cat, dog", "--sheet", tmp_path / "sheet.png")
    assert code == 1
    assert "(fish)" in said
    code, said = run("train", folder, "--classes", "cat,dog", "--out", tmp_path / "run", *QUICK)
    assert code == 2
    assert "(fish)" in said


def test_square_brackets_in_a_name_are_told_as_they_are(folder: Path, tmp_path: Path) -> None:
    """They are not taken for colours of the terminal."""
    write_xml(folder, 1, [("[bold]cat", [10, 10, 30, 40])])
    code, said = run("inspect", folder, "--classes", "cat,fish", "--sheet", tmp_path / "sheet.png")
    assert code == 1
    assert "[bold]cat" in said
    code, said = run("train", folder, "--classes", "cat,fish", "--out", tmp_path / "run", *QUICK)
    assert code == 2
    assert "[bold]cat" in said


def test_inspect_of_a_sound_folder(folder: Path, tmp_path: Path) -> None:
    code, said = run("inspect", folder, "--sheet", tmp_path / "sheet.png")
    assert code == 0, said
    for words in ("images", "objects", "cat", "fish", "released, VOC", "fitted", "no faults"):
        assert words in said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("train", "nowhere"), "nowhere"),
        (("train", "--recipe", "fastest"), "recipe must be one of folder, scenes"),
        (("train", "--recipe", "voc07"), "needs a folder of data"),
        (("train", "--recipe", "folder"), "needs a FOLDER"),
        (("train", "--set", "steps"), "--set takes NAME=VALUE"),
        (("train", "--set", "step=3"), "no setting 'step'"),
        (("train", "--set", "batch=0"), "batch must be a whole number"),
        (("train", "--resume", "--out", "nowhere"), "holds no run"),
        (
            ("train", "--resume", "--out", "nowhere", "--steps", "3", "--set", "seed=1"),
            "leave out --steps, --set",
        ),
        (("train", "--device", "abacus"), "device must be one of cpu"),
        (("train", "--set", 'criterion={"beta": 1}'), "criterion must hold settings"),
        (("evaluate", "nowhere.safetensors"), "no readable file of weights"),
        (("detect", "nowhere.safetensors", "image.png"), "no readable file of weights"),
        (("inspect", "nowhere"), "nowhere"),
        (("train", "--weights", "imagenet", "--set", "train_images=2"), "weights must fit ssd_tiny"),
    ],
)
def test_wrong_input_is_one_clear_message(
    arguments: tuple[str, ...], says: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = run(*arguments)
    assert code == 2
    assert says in " ".join(said.split())
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_detect_names_what_it_cannot_read_and_does_the_rest(folder: Path, tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(models.to_bytes(models.ssd_tiny(["cat"])))
    break_image(folder)
    code, said = run("detect", weights, folder / "JPEGImages", "--out", tmp_path / "found")
    assert code == 2
    assert "0001.png" in said
    assert len(json.loads((tmp_path / "found/detections.json").read_text())) == 9


def test_detect_refuses_an_empty_folder(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(models.to_bytes(models.ssd_tiny(["cat"])))
    (tmp_path / "empty").mkdir()
    code, said = run("detect", weights, tmp_path / "empty", "--out", tmp_path / "found")
    assert code == 2
    assert "holds no image" in said


@pytest.mark.parametrize("command", ["train", "evaluate", "detect", "inspect"])
def test_every_command_explains_itself(command: str) -> None:
    done = runner.invoke(cli.app, [command, "--help"])
    assert done.exit_code == 0
    assert "Usage" in done.output
