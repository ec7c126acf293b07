"""``ssd-lite train``: good folders, broken ones, and what is left behind."""

import json
from pathlib import Path

import pytest

from ssd_lite import models
from tests.cli.helpers import ERRORS, QUICK, run, write_voc, write_xml

pytestmark = pytest.mark.plain  # run-time type checks would refuse in their own words


def test_a_folder_is_trained_evaluated_and_used(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    code, said = run("train", folder, "--out", out, *QUICK)
    assert code == 0, said
    first = said.splitlines()[0]
    assert first == "VOC layout, XML in Annotations, images in JPEGImages: splits train (6 images), val (4)"
    assert "recipe folder: ssd_tiny, 3 steps of 2 images" in said
    assert "first step after" in said
    for name in ("model.safetensors", "results.json", "detections.png", "losses.png", "log.jsonl"):
        assert (out / name).stat().st_size > 0
    code, said = run("evaluate", out / "model.safetensors", folder)
    assert code == 0, said
    assert "mean" in said
    code, said = run("detect", out / "model.safetensors", folder / "JPEGImages/0001.png", "--out", tmp_path)
    assert code == 0, said


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


def test_a_folder_without_lists_holds_out_every_fifth_image(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "mine", 10, lists=False)
    code, said = run("train", root, "--out", tmp_path / "run", *QUICK)
    assert code == 0, said
    assert "10 images, not split" in said
    assert json.loads((tmp_path / "run/results.json").read_text())["test_images"] == 2


@pytest.mark.parametrize("spoil", ERRORS)
def test_an_error_stops_training_with_file_object_and_rule(spoil, folder: Path, tmp_path: Path) -> None:
    spoil(folder)
    code, said = run("train", folder, "--out", tmp_path / "run", *QUICK)
    assert code == 2
    for words in (*ERRORS[spoil], "--skip-invalid"):
        assert words in said
    assert not (tmp_path / "run").exists()  # nothing half-written


@pytest.mark.parametrize("spoil", ERRORS)
def test_the_valid_part_can_be_trained_on(spoil, folder: Path, tmp_path: Path) -> None:
    spoil(folder)
    code, said = run("train", folder, "--out", tmp_path / "run", "--skip-invalid", *QUICK)
    assert code == 0, said
    assert "skipped: " in said
    assert ERRORS[spoil][0] in said


def test_the_errors_of_both_splits_are_listed(folder: Path, tmp_path: Path) -> None:
    write_xml(folder, 1, [("cat", [10, 10, 10, 40])])  # train
    write_xml(folder, 8, [("fish", [50, 10, 20, 40])])  # val
    code, said = run("train", folder, "--out", tmp_path / "run", *QUICK)
    assert code == 2
    assert "0001.xml" in said
    assert "0008.xml" in said


def test_repairs_are_counted_and_change_nothing_else(folder: Path, tmp_path: Path) -> None:
    write_xml(folder, 1, [("cat", [10, 10, 129, 40])], difficult="Unspecified")
    code, said = run("train", folder, "--out", tmp_path / "run", *QUICK)
    assert code == 0, said
    assert f"2 repairs; ssd-lite inspect {folder} shows them" in said
    assert "skipped" not in said
    results = json.loads((tmp_path / "run/results.json").read_text())
    assert results["problems"] == {"error": 0, "repair": 2, "warning": 0}


def test_one_image_is_too_few_and_leaves_nothing_behind(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "mine", 1, lists=False)
    code, said = run("train", root, "--out", tmp_path / "run", *QUICK)
    assert code == 2
    assert "at least 2 images" in said
    assert not (tmp_path / "run").exists()


def test_a_folder_without_objects_is_refused(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "mine", 4, lists=False)
    for index in range(4):
        write_xml(root, index, [])
    code, said = run("train", root, "--classes", "cat", "--out", tmp_path / "run", *QUICK)
    assert code == 2
    assert "must hold objects to learn from" in said
    assert not (tmp_path / "run").exists()


def test_classes_that_are_markup_keep_their_names(folder: Path, tmp_path: Path) -> None:
    names = ("[/x]", "[red]x[/]", ":cat:", "$5")
    for index in range(10):
        write_xml(folder, index, [(name, [10, 10, 50, 50]) for name in names])
    code, said = run("train", folder, "--out", tmp_path / "run", *QUICK)
    assert code == 0, said
    for name in names:
        assert name in said
    write_xml(folder, 1, [("[bold]cat", [10, 10, 30, 40])])
    code, said = run("train", folder, "--classes", ",".join(names), "--out", tmp_path / "other", *QUICK)
    assert code == 2
    assert "[bold]cat" in said


def test_a_recipe_keeps_the_options_of_reading(folder: Path, tmp_path: Path) -> None:
    for index in range(10):
        write_xml(folder, index, [("cat", [0.1, 0.1, 0.5, 0.5])])
    code, said = run("train", folder, "--out", tmp_path / "run", *QUICK)
    assert code == 2
    assert "--boxes fractions" in said
    options = ("--boxes", "fractions", "--layout", "voc", "--train-split", "val", "--test-split", "train")
    code, said = run("train", folder, *options, "--out", tmp_path / "run", *QUICK)
    assert code == 0, said
    recipe = json.loads((tmp_path / "run/recipe.json").read_text())
    names = ("boxes", "layout", "train_split", "test_split", "model", "batch")
    assert [recipe[name] for name in names] == ["fractions", "voc", "val", "train", "ssd_tiny", 2]
    code, said = run("train", "--resume", "--out", tmp_path / "run", "--device", "cpu")
    assert code == 0, said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere",), "nowhere"),
        (("--recipe", "fastest"), "--recipe must be one of folder, scenes"),
        (("--recipe", "voc07"), "needs a FOLDER"),
        (("--recipe", "folder"), "needs a FOLDER"),
        (("--set", "steps"), "--set takes NAME=VALUE"),
        (("--set", "step=3"), "no setting 'step'"),
        (("--set", "batch=0"), "batch"),
        (("--set", "batch=2", "--batch", "3"), "give one"),
        (("--model", "ssd_huge"), "model must be one of ssd300_vgg16"),
        (("--resume", "--out", "nowhere"), "holds no run"),
        (("--resume", "--out", "nowhere", "--steps", "3", "--set", "seed=1"), "leave out --steps, --set"),
        (("--resume", "--out", "nowhere", "--train-split", "x", "--batch", "2"), "--batch, --train-split"),
        (("--device", "abacus"), "--device must be one of cpu"),
        (("--set", 'criterion={"beta": 1}'), "beta"),
        (("--weights", "imagenet", "--set", "train_images=2"), "weights must fit ssd_tiny"),
    ],
)
def test_wrong_input_is_one_clear_message(
    arguments: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = run("train", *arguments)
    assert code == 2
    assert says in " ".join(said.split())
    assert not list(tmp_path.iterdir())
