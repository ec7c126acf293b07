"""What ``ssd-lite evaluate`` writes: a report beside the detector, and numbers that say what was measured."""

import json
from pathlib import Path

import pytest

import ssd_lite
from ssd_lite import models
from tests.cli.helpers import run, write_voc, write_xml

pytestmark = pytest.mark.plain  # run-time type checks would refuse in their own words


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "run/model.safetensors"
    path.parent.mkdir()
    path.write_bytes(models.to_bytes(models.ssd_tiny(["cat", "fish"])))
    return path


def evaluate(weights: Path, *options: object) -> tuple[int, str]:
    return run("evaluate", weights, *options, "--device", "cpu")


@pytest.mark.parametrize("layout", ["voc", "coco", "yolo"])
def test_every_layout_gives_the_same_numbers(
    layout: str, weights: Path, folder: Path, tmp_path: Path
) -> None:
    assert run("convert", folder, "--to", layout, "--out", tmp_path / "new")[0] == 0
    numbers = []
    for root in (folder, tmp_path / "new"):
        code, said = evaluate(weights, root, "--layout", "voc" if root == folder else layout)
        assert code == 0, said
        numbers.append(json.loads((weights.parent / "report/results.json").read_text()))
    assert numbers[0]["counts"] == numbers[1]["counts"]
    assert numbers[0]["per_class"] == pytest.approx(numbers[1]["per_class"], abs=0.02)
    assert numbers[1]["data"]["layout"] == layout


def test_the_report_lies_beside_the_detector_and_its_path_is_printed(weights: Path, folder: Path) -> None:
    code, said = evaluate(weights, folder)
    assert code == 0, said
    page = weights.parent / "report/index.html"
    assert f"report: {page}" in said
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_numbers_say_what_was_measured(weights: Path, folder: Path, tmp_path: Path) -> None:
    options = ("--split", "train", "--iou", "0.4", "--method", "11-point", "--json", tmp_path / "n.json")
    code, said = evaluate(weights, folder, *options, "--report", tmp_path / "elsewhere")
    assert code == 0, said
    numbers = json.loads((tmp_path / "n.json").read_text())
    assert numbers == json.loads((tmp_path / "elsewhere/results.json").read_text()) | {"run": numbers["run"]}
    assert (numbers["metric"], numbers["method"], numbers["iou_threshold"]) == ("voc", "11-point", 0.4)
    assert numbers["data"] == {"folder": str(folder), "layout": "voc", "split": "train"}
    assert numbers["model"]["file"] == str(weights)
    assert len(numbers["images"]) == 6
    assert set(numbers["curves"]["cat"]) == {"recall", "precision", "score"}
    assert numbers["run"]["ssd_lite"] == ssd_lite.__version__
    assert not (weights.parent / "report").exists()


def test_a_folder_without_splits_is_measured_whole_and_says_so(weights: Path, tmp_path: Path) -> None:
    root = write_voc(tmp_path / "mine", 5, lists=False)
    code, said = evaluate(weights, root)
    assert code == 0, said
    assert "measured on all 5 images" in said


def test_class_names_that_are_markup_are_shown(tmp_path: Path, folder: Path) -> None:
    names = ("[/x]", "[red]x[/]")
    path = tmp_path / "model.safetensors"
    path.write_bytes(models.to_bytes(models.ssd_tiny(names)))
    for index in range(10):
        write_xml(folder, index, [(name, [10, 10, 50, 50]) for name in names])
    code, said = evaluate(path, folder)
    assert code == 0, said
    page = (tmp_path / "report/index.html").read_text()
    for name in names:
        assert name in said
        assert name in page


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--metric", "best"), "--metric must be one of voc, coco"),
        (("--method", "best"), "--method must be one of area, 11-point"),
        (("--iou", "0"), "--iou must be greater than 0"),
        (("--split", "other"), "split must be one of train, val"),
        (("--layout", "xml"), "layout must be one of voc, coco, yolo"),
    ],
)
def test_wrong_options_are_one_message(
    options: tuple[str, ...], says: str, weights: Path, folder: Path
) -> None:
    code, said = evaluate(weights, folder, *options)
    assert code == 2
    assert says in said
    assert not (weights.parent / "report").exists()
