"""Runs that were stopped: resumed, they end as if they never had been; what has changed is refused."""

import json
from dataclasses import replace as changed
from pathlib import Path

import pytest

from ssd_lite import training
from ssd_lite.data import DatasetError, Scenes, Subset, decode
from tests.data.folders import write_voc
from tests.training.small_runs import SMALL, disturbed, equal, stop_after


@pytest.mark.parametrize("steps", [1, 3, 4, 6])
def test_a_stopped_run_ends_as_if_it_had_never_stopped(finished, data, tmp_path, steps: int) -> None:
    run, result = finished
    stop_after(steps, tmp_path, data)
    resumed = training.resume(tmp_path / "run", data=data, show=False, device="cpu")
    assert equal(result.model, resumed.model)
    assert (tmp_path / "run" / "log.jsonl").read_bytes() == (run / "log.jsonl").read_bytes()


def test_a_run_killed_before_its_first_checkpoint_starts_again(finished, data, tmp_path) -> None:
    _, result = finished
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.json").write_text(json.dumps(SMALL.to_dict()))
    (run / "log.jsonl").write_text('{"step": 3, "loss": 1.0}\n{"st')
    resumed = training.resume(run, data=data, show=False, device="cpu")
    assert equal(result.model, resumed.model)
    assert [entry["step"] for entry in training.read_log(run)] == [3, 6, 7]


def test_a_run_that_cannot_start_again_keeps_its_recipe(tmp_path) -> None:
    recipe = SMALL.changed(data="folder", root=str(tmp_path / "nowhere"))
    (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_dict()))
    with pytest.raises(DatasetError):
        training.resume(tmp_path, show=False)
    assert json.loads((tmp_path / "recipe.json").read_text())["root"] == recipe.root


def test_a_truncated_checkpoint_costs_only_the_steps_since_the_one_before(finished, data, tmp_path) -> None:
    _, result = finished
    stop_after(6, tmp_path, data)
    newest = tmp_path / "run" / "checkpoints" / "step-00000006.pt"
    newest.write_bytes(newest.read_bytes()[:1000])
    with pytest.warns(UserWarning, match="is skipped"):
        resumed = training.resume(tmp_path / "run", data=data, show=False, device="cpu")
    assert equal(result.model, resumed.model)


def test_a_folder_without_a_run_cannot_go_on(tmp_path) -> None:
    with pytest.raises(ValueError, match="holds no run"):
        training.resume(tmp_path)


@pytest.fixture
def stopped(data, tmp_path) -> Path:
    stop_after(4, tmp_path, data)
    return tmp_path / "run"


def test_a_changed_recipe_is_refused_by_what_differs(data, stopped) -> None:
    other = SMALL.changed(learning_rate=0.5, checkpoint_every=5)  # how often it is saved may change
    (stopped / "recipe.json").write_text(json.dumps(other.to_dict()))
    with pytest.raises(ValueError, match=r"recipe.json .* but learning_rate was 0.02, is 0.5$"):
        training.resume(stopped, data=data, show=False)


def test_other_images_are_refused_by_what_differs(data, stopped) -> None:
    run = stopped
    train = data[0]
    fewer = Subset(Scenes(count=12, size=(128, 128)), range(11))
    with pytest.raises(ValueError, match=r"training images .* but number was 12, is 11"):
        training.resume(run, data=(decode(fewer, canvas_px=128), data[1]), show=False)
    others = changed(train, classes=("zebra", *train.classes[1:]))
    with pytest.raises(ValueError, match=r'classes was \["cat".*, is \["zebra"'):
        training.resume(run, data=(others, data[1]), show=False)


def test_the_same_images_in_another_order_are_refused(data, tmp_path) -> None:
    with pytest.raises(InterruptedError):
        training.train(SMALL, run_dir=tmp_path, data=disturbed(data, 4, _raise), show=False, device="cpu")
    turned = changed(data[0], names=data[0].names[::-1])
    with pytest.raises(ValueError, match="digest of names and order was"):
        training.resume(tmp_path, data=(turned, data[1]), show=False)


def _raise() -> None:
    raise InterruptedError


def test_what_is_left_out_stays_left_out_when_a_run_goes_on(tmp_path) -> None:
    root = write_voc(tmp_path / "mine")
    (root / "JPEGImages" / "b.jpg").write_bytes(b"no image")
    recipe = SMALL.changed(data="folder", root=str(root), steps=2, batch=2)
    run = tmp_path / "run"
    training.train(recipe, run_dir=run, skip_invalid=True, show=False, device="cpu")
    (fault,) = training.resume(run, show=False, device="cpu").skipped
    assert fault.startswith("JPEGImages/b.jpg: file must be an image")
