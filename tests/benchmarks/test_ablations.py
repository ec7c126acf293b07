"""The runner of ablations: the same training as everywhere, nothing run twice, seeds balanced."""

import importlib
import json

import pytest
import torch

from benchmarks import ablations
from benchmarks.ablations import Study, collect
from ssd_lite import training
from ssd_lite.recipes import Recipe

STUDIES = ("matching", "objective", "scales", "mining", "augmentation")
SHORT = {"train_images": 16, "test_images": 4, "steps": 4, "batch": 4, "log_every": 1}


@pytest.fixture
def short(monkeypatch) -> Study:
    monkeypatch.setattr(ablations, "MEASURED_EVERY", 2)
    monkeypatch.setattr(ablations, "LOGGED_EVERY", 1)
    return Study(name="short", base=ablations.base(**SHORT), variants={"a": {}, "b": {"flip": 0.0}})


def test_a_run_is_the_packages_own_training(short, tmp_path) -> None:
    result = ablations.run(short.base)
    whole = training.train(short.base, run_dir=tmp_path / "run", device="cpu", show=False)
    told = training.read_log(tmp_path / "run")
    assert [entry["localization"] for entry in result["log"]] == pytest.approx(
        [entry["localization"] for entry in told]
    )
    assert result["map"][-1] == [4, pytest.approx(whole.metrics.mean)]
    assert [step for step, _ in result["map"]] == [2, 4]


def test_a_study_goes_on_and_leaves_out_seeds_that_are_not_whole(short, tmp_path) -> None:
    for recipe in ablations._recipes(short, 0).values():
        ablations._one((recipe, ablations._path(tmp_path, recipe)))
    first = ablations._recipes(short, 1)["a"]
    ablations._one((first, ablations._path(tmp_path, first)))
    found = collect(short, seeds=range(2), folder=tmp_path)
    assert {name: [run["seed"] for run in runs] for name, runs in found["runs"].items()} == {
        "a": [0],
        "b": [0],
    }
    assert found["variants"] == {"a": {}, "b": {"flip": 0.0}}
    json.dumps(found)


def test_a_run_that_diverges_says_when(short) -> None:
    result = ablations.run(short.base.changed(learning_rate=1e30, warmup=0))
    assert 1 < result["diverged"] <= 4
    assert all(torch.tensor(entry["localization"]).isfinite() for entry in result["log"])


@pytest.mark.parametrize("name", STUDIES)
def test_the_committed_results_are_of_the_study_as_it_stands(name: str) -> None:
    """A variant that was changed after it had been measured would be told wrongly."""
    study = importlib.import_module(f"benchmarks.ablation_{name}").STUDY
    measured = json.loads((ablations.RESULTS / f"ablation_{name}.cpu.json").read_text())
    as_it_stands = ablations._recipes(study, study.base.seed)
    assert measured["variants"].keys() == as_it_stands.keys()
    for variant, changes in measured["variants"].items():  # settings that came later are as by default
        stands = json.loads(json.dumps(as_it_stands[variant].to_dict()))
        assert json.loads(json.dumps(Recipe.from_dict(measured["base"] | changes).to_dict())) == stands
    seeds = {tuple(run["seed"] for run in runs) for runs in measured["runs"].values()}
    assert seeds == {(0, 1, 2)}
