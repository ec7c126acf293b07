"""Whole runs and the rehearsal at toy size: on photographs, interrupted, resumed, and written down."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import command, rehearsal, runs
from ssd_lite import models, recipes, training
from ssd_lite.data import Decoded, Scenes, decode

SMALL = {"train_images": 8, "test_images": 4, "batch": 4, "log_every": 1}


@pytest.fixture
def small(monkeypatch) -> None:
    chosen = recipes.scenes().changed(**SMALL)
    monkeypatch.setattr(runs.recipes, "scenes", lambda: chosen)


def test_a_run_is_measured_part_by_part(small, tmp_path, capsys) -> None:
    places = ["--run", str(tmp_path / "run"), "--out", str(tmp_path), "--device", "cpu"]
    runs.main(["scenes", "--steps", "3", "--detector", str(tmp_path / "detector.safetensors"), *places])
    measured = json.loads((tmp_path / "scenes.cpu.json").read_text())
    assert measured["complete"] is True
    assert measured["command"] == "python -m benchmarks.runs scenes"
    assert (measured["train_images"], measured["test_images"]) == (8, 4)
    assert [entry["step"] for entry in measured["log"]] == [1, 2, 3]
    assert set(measured["after_training_seconds"]) == {"evaluation", "picture"}
    assert measured["total_seconds"] >= measured["training_seconds"]
    assert models.load(tmp_path / "detector.safetensors").classes == measured_classes(measured)
    assert "evaluation and picture" in capsys.readouterr().out


def test_a_run_with_the_models_own_boxes_has_a_file_of_its_own_that_says_so(small, tmp_path) -> None:
    places = ["--run", str(tmp_path / "run"), "--out", str(tmp_path), "--device", "cpu"]
    runs.main(["scenes", "--own-boxes", "--steps", "1", *places])
    measured = json.loads((tmp_path / "scenes_own_boxes.cpu.json").read_text())
    assert measured["command"] == "python -m benchmarks.runs scenes --own-boxes"


def measured_classes(measured: dict) -> tuple[str, ...]:
    return tuple(measured["metrics"]["per_class"])


def test_a_run_that_was_stopped_is_resumed(small, tmp_path) -> None:
    chosen = runs.recipe("scenes", 4)
    with pytest.raises(training.InterruptedRunError):
        training.train(chosen, run_dir=tmp_path / "run", device="cpu", show=False, stop_after_s=0.0)
    places = ["--run", str(tmp_path / "run"), "--out", str(tmp_path), "--device", "cpu", "--resume"]
    runs.main(["scenes", "--steps", "4", *places])
    measured = json.loads((tmp_path / "scenes.cpu.json").read_text())
    assert [entry["step"] for entry in measured["log"]] == [1, 2, 3, 4]


class _Blind:
    """A model that sees nothing, and counts how many batches it was given."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes, self.batches = classes, 0

    def parameters(self):
        yield torch.zeros(1)

    def predict(self, images, *, sizes_px):
        self.batches += 1
        return [
            {
                "boxes": torch.zeros(0, 4),
                "scores": torch.zeros(0),
                "labels": torch.zeros(0, dtype=torch.int64),
            }
            for _ in images
        ]


@pytest.fixture(scope="module")
def scenes() -> Decoded:
    return decode(Scenes(count=40, size=(64, 96)))


def test_misses_are_searched_batch_by_batch_and_no_further_than_needed(scenes, tmp_path) -> None:
    model = _Blind(scenes.classes)
    runs.draw_misses(model, scenes, tmp_path / "misses.png")
    assert model.batches == 1  # twelve of the first 32 images are enough
    assert (tmp_path / "misses.png").exists()
    found = list(runs.misses(model, scenes))
    assert len(found) == 40
    assert all(len(example.truth) > 0 and example.image.shape[1:] == (64, 96) for example, _ in found)


def test_nothing_missed_means_no_picture(scenes, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(runs, "misses", lambda model, images: iter(()))
    runs.draw_misses(_Blind(scenes.classes), scenes, tmp_path / "misses.png")
    assert not (tmp_path / "misses.png").exists()


def test_photographs_are_trained_on_by_the_settings_of_a_folder(shared) -> None:
    chosen = runs.recipe("bccd", 900)
    assert (chosen.data, chosen.model, chosen.train_split, chosen.steps) == (
        "folder",
        "ssd300_mobilenet_v2",
        "trainval",
        900,
    )
    assert chosen.model_options["mean"] == [0.5, 0.5, 0.5] or chosen.model_options["mean"] == (0.5, 0.5, 0.5)
    assert chosen.default_boxes is not None  # they overlap the cells clearly better than the model's own
    assert runs.recipe("bccd", 900, own_boxes=True) == chosen.changed(default_boxes=None)
    written = runs.without_paths(chosen.to_dict())
    assert (written["root"], written["weights"]) == ("bccd", runs.WEIGHTS)
    assert "/" not in json.dumps(written["root"]) + json.dumps(written["weights"])


def test_the_rehearsal_times_some_steps_and_says_that_the_rest_is_extrapolated(tmp_path: Path) -> None:
    command.run("rehearsal", None, rehearsal.measure, ["--quick", "--device", "cpu", "--out", str(tmp_path)])
    measured = json.loads((tmp_path / "rehearsal.cpu.json").read_text())
    assert [step for step, _ in measured["seconds_by_step"]] == [1, 2, 3]
    assert "extrapolated" in measured["note"]
    assert "20 classes" in measured["images"]
    assert 0 < measured["first_step_seconds"] <= measured["training_seconds"]
    told = rehearsal.extrapolated([(200, 60.0), (400, 64.0), (2000, 96.0)], 120_000)
    assert told == {"seconds_a_step": 0.02, "schedule_seconds": pytest.approx(60 + 0.02 * 119_800)}
