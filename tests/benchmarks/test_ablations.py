"""The runner of ablations: the package's own training, nothing run twice, resumed from files or from JSON."""

import json
import subprocess
import sys
from concurrent.futures import Future
from dataclasses import replace

import pytest
import torch

from benchmarks.ablations import __main__ as command
from benchmarks.ablations import pool, running
from benchmarks.ablations.collecting import (
    collect,
    differences,
    keep,
    path_of,
    restore,
    same_settings,
    settle,
)
from benchmarks.ablations.running import run
from benchmarks.ablations.statistics import interval, verdict
from benchmarks.ablations.studies import STUDIES
from benchmarks.ablations.study import Claim, Study, Variation, base, better
from benchmarks.results_file import RESULTS
from ssd_lite import training
from ssd_lite.scales import fit

CPU = torch.device("cpu")
SHORT = {"train_images": 12, "test_images": 4, "steps": 4, "batch": 4}
MEASURED = sorted(
    path for path in RESULTS.glob("ablation_*.json") if "claims" in json.loads(path.read_text())
)


@pytest.fixture(autouse=True)
def _few_scenes(monkeypatch) -> None:
    monkeypatch.setattr(running, "DRAWN", {"train": 12, "test": 4})
    monkeypatch.setattr(running, "MEASURED", 2)
    monkeypatch.setattr(running, "LOGGED_EVERY", 1)


@pytest.fixture
def study() -> Study:
    variants = {"a": Variation(), "b": Variation(changes={"flip": 0.0})}
    return Study(name="short", base=base(**SHORT), variants=variants, claims=(better("a", "b", "a beats b"),))


def test_a_run_is_the_packages_own_training(study, tmp_path) -> None:
    result = run(study.run("a", 0), device=CPU, scenes=tmp_path / "scenes")
    recipe = study.base.changed(log_every=1)
    whole = training.train(recipe, run_dir=tmp_path / "run", device="cpu", show=False)
    logged = training.read_log(tmp_path / "run")
    for name in ("localization", "confidence"):
        assert [entry[name] for entry in result["log"]] == pytest.approx(
            [entry[name] for entry in logged], abs=2e-5
        )
    assert result["map"][-1] == [4, pytest.approx(whole.metrics.mean)]
    assert [step for step, _ in result["map"]] == [2, 4]
    assert result["metrics"]["map"] == result["map"][-1][1]


def test_a_run_that_diverges_says_when(study, tmp_path) -> None:
    task = study.run("a", 0)
    task = replace(task, recipe=task.recipe.changed(learning_rate=1e30, warmup=0))
    result = run(task, device=CPU, scenes=tmp_path)
    assert 1 < result["diverged"] <= 4
    assert "metrics" not in result
    json.dumps(result, allow_nan=False)


def test_fitted_default_boxes_are_fitted_to_the_training_images(study, tmp_path) -> None:
    train, _ = running.images(study.base, device=CPU, scenes=tmp_path)
    model = running.new_model(replace(study.run("a", 0), fitted=True), train)
    assert model.default_boxes == fit(train.truths, like=study.base.default_boxes)


def test_a_study_collects_what_has_been_run_and_pairs_it_by_seed(study, tmp_path) -> None:
    for seed, variant, mean in ((0, "a", 0.7), (0, "b", 0.4), (1, "a", 0.6), (1, "b", 0.5), (2, "a", 0.9)):
        keep(study.run(variant, seed), {"map": [[4, mean]], "metrics": {"map": mean}, "log": []}, tmp_path)
    found = collect(study, seeds=range(4), folder=tmp_path)
    assert {name: [run["seed"] for run in runs] for name, runs in found["runs"].items()} == {
        "a": [0, 1, 2],
        "b": [0, 1],
    }
    assert found["variants"] == {"a": {}, "b": {"flip": 0.0}}
    (claim,) = found["claims"]
    assert claim["differences"] == {"0": 0.3, "1": 0.1}
    assert claim["mean"] == 0.2
    assert (claim["low"], claim["high"]) == tuple(round(bound, 5) for bound in interval([0.3, 0.1]))
    assert claim["verdict"] == "not told apart"


def test_a_contrast_of_differences_and_a_run_that_diverged() -> None:
    claim = Claim(text="", contrast={"a": 1.0, "b": -1.0, "c": -1.0, "d": 1.0}, metric="small")
    of = {"a": 0.5, "b": 0.25, "c": 0.75}
    runs = {name: [{"seed": 3, "metrics": {"small": value}}] for name, value in of.items()}
    runs["d"] = [{"seed": 3, "diverged": 7}, {"seed": 4, "diverged": 7}]
    assert differences(claim, runs) == {3: 0.5 - 0.25 - 0.75}
    assert settle(claim, {name: [] for name in "abcd"})["verdict"] == "not told apart"


def test_runs_are_restored_from_the_json_of_a_study_unless_its_settings_changed(study, tmp_path) -> None:
    result = {"map": [[4, 0.5]], "metrics": {"map": 0.5}, "log": []}
    keep(study.run("a", 1), result, tmp_path / "first")
    measured = json.loads(json.dumps(collect(study, seeds=range(2), folder=tmp_path / "first")))
    assert restore(study, measured, tmp_path / "second") == 1
    assert json.loads(path_of(study.run("a", 1), tmp_path / "second").read_text()) == result
    longer = replace(study, base=study.base.changed(steps=8))
    assert restore(longer, measured, tmp_path / "third") == 0
    del measured["base"]["zoom_out"]  # a setting that came later
    assert restore(study, measured, tmp_path / "fourth") == 1


def test_claimed_runs_come_first_seed_by_seed_and_none_twice(study, tmp_path) -> None:
    other = replace(
        study, name="other", variants={"a": Variation(), "c": Variation(changes={"zoom_out": 0.5})}, claims=()
    )
    tasks = list(command.pending([study, other], seeds=range(2), folder=tmp_path))
    order = [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    expected = [study.run(*pair) for pair in order] + [other.run("c", 0), other.run("c", 1)]
    assert tasks == expected
    keep(tasks[0], {}, tmp_path)
    assert list(command.pending([study, other], seeds=range(2), folder=tmp_path)) == expected[1:]


def test_the_command_stops_in_time_resumes_and_ends(study, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(command, "STUDIES", {"short": study})
    monkeypatch.setattr(pool, "ProcessPoolExecutor", _InThisProcess)
    places = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out"), "--device", "cpu"]
    options = ["all", "--seeds", "2", "--workers", "1", *places]
    with pytest.raises(SystemExit) as stopped:
        command.main([*options, "--limit-s", "0"])
    assert stopped.value.code == 3
    assert "incomplete: short" in capsys.readouterr().out
    monkeypatch.setattr(command, "STUDIES", {"short": study})
    command.main(options)
    measured = json.loads((tmp_path / "out" / "ablation_short.cpu.json").read_text())
    assert measured["complete"] is True
    assert all(len(runs) == 2 for runs in measured["runs"].values())
    assert measured["command"] == "python -m benchmarks.ablations short"
    assert "a beats b" in capsys.readouterr().out
    monkeypatch.setattr(pool, "run", None)  # nothing is run again
    (tmp_path / "work").rename(tmp_path / "gone")  # the JSON alone is enough
    command.main(options)


class _InThisProcess:
    """A pool that does the work at once, so that what a test has changed holds."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, work, *arguments):
        done = Future()
        done.set_result(work(*arguments))
        return done


def test_runs_happen_in_processes_of_their_own(study, tmp_path) -> None:
    """With the real pool, whose processes know nothing of this test's settings; the scenes are drawn here."""
    few = replace(study.run("a", 0), recipe=study.base.changed(train_images=4, test_images=2, steps=1))
    running.draw(tmp_path / "scenes", "train", 0, 128)
    running.draw(tmp_path / "scenes", "test", 0, 128)
    results = []
    options = {"device": CPU, "workers": 1, "folder": tmp_path, "limit_s": 300}
    pool.work_through([few], **options, on_result=lambda: results.append(path_of(few, tmp_path).exists()))
    assert results == [True]


def test_the_command_line_reaches_its_processes(tmp_path) -> None:
    """As users start it: spawned processes do not import ``__main__``, so their work must not stand there."""
    for part in running.DRAWN:  # so that nothing has to be drawn
        (tmp_path / "scenes").mkdir(exist_ok=True)
        (tmp_path / "scenes" / f"{part}-0-128.pt").touch()
    options = ["matching", "--seeds", "1", "--workers", "1", "--limit-s", "0", "--device", "cpu"]
    places = ["--work", str(tmp_path), "--out", str(tmp_path)]
    command_line = [sys.executable, "-m", "benchmarks.ablations", *options, *places]
    done = subprocess.run(command_line, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "incomplete: matching" in done.stdout


def test_studies_hold_their_own_names() -> None:
    for name, study in STUDIES.items():
        assert study.name == name
        first = next(iter(study.variants.values()))
        assert first == Variation()  # the unchanged base, which figures compare with
        for claim in study.claims:
            assert set(claim.contrast) <= set(study.variants)
            assert sum(claim.contrast.values()) == 0
        for variant in study.variants:
            study.run(variant, 0)  # its recipe is valid


def test_committed_results_are_of_the_studies_as_they_stand() -> None:
    """A variant that was changed after it was measured would be reported wrongly; so would a verdict."""
    for path in MEASURED:
        _check_result(json.loads(path.read_text()))


def _check_result(measured: dict) -> None:
    study = STUDIES[measured["study"]]
    assert measured["variants"].keys() == study.variants.keys()
    for variant, changes in measured["variants"].items():
        stands = study.run(variant, study.base.seed).settings()
        assert same_settings(stands, measured["base"] | changes), variant
    seeds = {tuple(run["seed"] for run in runs) for runs in measured["runs"].values()}
    assert (seeds == {tuple(range(command.SEEDS))}) is measured["complete"]
    assert [claim["text"] for claim in measured["claims"]] == [claim.text for claim in study.claims]
    for claim, found in zip(study.claims, measured["claims"], strict=True):
        low, high = interval(list(differences(claim, measured["runs"]).values()))
        assert (found["low"], found["high"]) == (round(low, 5), round(high, 5))
        assert found["verdict"] == verdict(low, high, margin=claim.margin)
