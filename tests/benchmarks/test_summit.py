"""The summit at toy size: whole, interrupted and resumed, and refused where it is another run."""

import json
from pathlib import Path

import pytest
import torch

from benchmarks import summit
from benchmarks.command import Settings
from benchmarks.curves import Curve
from ssd_lite import recipes


def _run(place: Path, *more: str) -> dict:
    places = ["--work", str(place / "work"), "--out", str(place / "out")]
    summit.main(["--quick", "--device", "cpu", *places, *more])
    return json.loads((place / "out" / "summit.cpu.json").read_text())


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[dict, Path]:
    place = tmp_path_factory.mktemp("whole")
    return _run(place), place


def test_it_writes_curve_outcome_and_picture(whole) -> None:
    measured, place = whole
    assert measured["complete"] is True
    assert [point["step"] for point in measured["curve"]] == [1, 2, 3, 4]
    assert (measured["train_images"], measured["test_images"]) == (12, 6)
    assert measured["curve"][-1]["map"] == pytest.approx(measured["metrics"]["mean"])  # all six are watched
    assert measured["state_mb"] > 0
    assert 0 < measured["first_step_seconds"] <= measured["training_seconds"]
    assert [entry["step"] for entry in measured["log"]] == [1, 2, 3, 4]
    assert (place / "out" / "summit.png").stat().st_size > 1000


def test_it_resumes_where_it_was_cut_off_and_keeps_its_curve(whole, tmp_path) -> None:
    for calls in range(1, 5):  # one step each
        with pytest.raises(SystemExit) as stopped:
            _run(tmp_path, "--minutes", "0")
        assert stopped.value.code == 3
        partial = json.loads((tmp_path / "out" / "summit.cpu.json").read_text())
        assert partial["complete"] is False
        assert len(partial["curve"]) == calls  # a call that was cut off leaves its part
    measured = _run(tmp_path, "--minutes", "0")  # the evaluation is left
    points = [(point["step"], pytest.approx(point["map"])) for point in whole[0]["curve"]]
    assert [(point["step"], point["map"]) for point in measured["curve"]] == points


def test_a_folder_of_another_run_is_refused(whole) -> None:
    _, place = whole
    with pytest.raises(ValueError, match="holds another run, which differs in learning_rate"):
        _run(place, "--learning-rate", "0.5")


def test_the_full_size_is_the_recipe_with_a_scaled_schedule(tmp_path) -> None:
    chosen = Settings(device=torch.device("cuda"))
    short, whole = summit.recipe(chosen, scale=0.1), recipes.scenes300()
    assert (short.steps, short.milestones) == (12_000, tuple(m // 10 for m in whole.milestones))
    assert short.train_images == whole.train_images
    assert short.checkpoint_every * summit.POINTS == short.steps
    assert summit.recipe(chosen, scale=1.0).steps == whole.steps


def test_a_curve_drops_what_comes_after_the_checkpoint(tmp_path) -> None:
    curve = Curve(tmp_path / "curve.jsonl", until=0)
    for step in (1, 2, 2, 3):
        curve.add(step, float(step), step / 10)
    assert [point["map"] for point in curve.points] == [0.1, 0.2, 0.3]
    assert [point["step"] for point in Curve(tmp_path / "curve.jsonl", until=2).points] == [1, 2]
