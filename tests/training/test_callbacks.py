"""Checkpoint callbacks, time limits, and how a run's time is counted."""

import json

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from ssd_lite import recipes, training
from ssd_lite.training import Trainer, checkpoint
from ssd_lite.training.logging import TrainingLogger
from ssd_lite.training.result import Progress
from tests.training.small_runs import equal

SMALL = recipes.scenes().changed(
    train_images=8, test_images=2, steps=5, batch=4, warmup=1, milestones=(), log_every=2, checkpoint_every=2
)


@pytest.fixture(scope="module")
def options() -> dict:
    return {"data": training.open_sources(SMALL), "show": False, "device": "cpu"}


class _Clock:
    """A clock that advances by a second whenever it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def clock(monkeypatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr("ssd_lite.training.loop.time", clock)
    monkeypatch.setattr("ssd_lite.training.run.time", clock)
    return clock


def test_a_callback_is_called_after_each_checkpoint_in_time_that_does_not_count(
    options, clock, tmp_path
) -> None:
    calls = []

    def on_checkpoint(step: int, seconds: float, model) -> None:
        assert checkpoint.newest(tmp_path / "run" / "checkpoints")["step"] == step
        calls.append((step, seconds, model.training))
        clock.now += 1000
        model.eval()  # it need not clean up

    result = training.train(SMALL, run_dir=tmp_path / "run", on_checkpoint=on_checkpoint, **options)
    assert [(step, mode) for step, _, mode in calls] == [(2, True), (4, True), (5, True)]
    assert 0 < calls[0][1] < calls[-1][1] == result.seconds < 1000


def test_a_run_that_its_callback_ended_can_be_resumed(options, tmp_path) -> None:
    class EnoughError(Exception):
        pass

    def on_checkpoint(step: int, seconds: float, model) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        training.train(SMALL, run_dir=tmp_path / "run", on_checkpoint=on_checkpoint, **options)
    steps = []
    training.resume(tmp_path / "run", on_checkpoint=lambda step, *_: steps.append(step), **options)
    assert steps == [4, 5]


def test_a_run_in_parts_of_no_time_ends_as_one_in_one_part(options, tmp_path) -> None:
    """Each part takes the one step during which its time is up."""
    whole = training.train(SMALL, run_dir=tmp_path / "whole", **options)
    with pytest.raises(training.InterruptedRunError, match="stopped after step 1, saved in"):
        training.train(SMALL, run_dir=tmp_path / "run", stop_after_s=0.0, **options)
    for step in (2, 3, 4, 5):
        with pytest.raises(training.InterruptedRunError, match=f"stopped after step {step}, saved in"):
            training.resume(tmp_path / "run", stop_after_s=0.0, **options)
    result = training.resume(tmp_path / "run", stop_after_s=1000.0, **options)
    assert equal(result.model, whole.model)
    assert (tmp_path / "run" / "log.jsonl").read_bytes() == (tmp_path / "whole" / "log.jsonl").read_bytes()


def test_the_first_step_is_told_apart_from_the_others(options, clock, monkeypatch, tmp_path) -> None:
    take_step = Trainer.step

    def slow_at_first(trainer, batch, number, **rest):
        clock.now += 500 if number == 0 else 10
        return take_step(trainer, batch, number, **rest)

    monkeypatch.setattr(Trainer, "step", slow_at_first)
    result = training.train(SMALL, run_dir=tmp_path, **options)
    assert 500 < result.first_step_seconds < 510
    assert 540 < result.seconds < 560
    rest = result.seconds - result.first_step_seconds
    assert result.images_per_second == pytest.approx(4 * 4 / rest)
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["first_step_seconds"] == pytest.approx(result.first_step_seconds, abs=0.1)
    assert results["training_seconds"] == pytest.approx(result.seconds, abs=0.1)
    assert results["training_images_per_second"] == pytest.approx(result.images_per_second, abs=0.1)
    assert not results["compiled"]
    (point,) = EventAccumulator(str(tmp_path / "tensorboard")).Reload().Scalars("seconds to the first step")
    assert (point.step, point.value) == (1, pytest.approx(result.first_step_seconds))
    assert "500" not in (tmp_path / "log.jsonl").read_text()  # which the seed alone decides


def test_the_first_steps_of_all_starts_count_together(options, clock, monkeypatch, tmp_path) -> None:
    with pytest.raises(training.InterruptedRunError):
        training.train(SMALL, run_dir=tmp_path, stop_after_s=-10.0, **options)
    first = checkpoint.newest(tmp_path / "checkpoints")
    assert (first["step"], first["starts"]) == (1, 1)
    take_step = Trainer.step

    def slow_at_first(trainer, batch, number, **rest):
        clock.now += 500 if number == 1 else 0
        return take_step(trainer, batch, number, **rest)

    monkeypatch.setattr(Trainer, "step", slow_at_first)
    result = training.resume(tmp_path, **options)
    assert result.first_step_seconds == pytest.approx(first["first_step_seconds"] + 500, abs=5)
    rest = result.seconds - result.first_step_seconds
    assert result.images_per_second == pytest.approx(3 * 4 / rest)


def test_a_run_of_first_steps_alone_has_their_speed() -> None:
    assert Progress(step=1, seconds=2.0, starts=1, first_step_seconds=2.0).images_per_second(8) == 4.0
    assert Progress(step=5, seconds=6.0, starts=1, first_step_seconds=2.0).images_per_second(8) == 8.0


def test_the_bar_says_that_it_is_compiling_until_the_first_step_is_done(tmp_path) -> None:
    with TrainingLogger(tmp_path, steps=5, start=0, every=2, show=False, status="compiling") as logger:
        (task,) = logger._bar.tasks
        assert task.fields["status"] == "compiling"
        logger.first_step(0, 23.46)
        assert task.fields["status"] == "first step after 23.5 s"


@pytest.mark.parametrize(("compiles", "status"), [(True, "compiling"), (False, "")])
def test_a_run_tells_its_bar_whether_it_compiles(
    options, monkeypatch, tmp_path, compiles: bool, status: str
) -> None:
    seen, construct = [], TrainingLogger.__init__

    def spy(logger, *arguments, **settings):
        seen.append(settings["status"])
        construct(logger, *arguments, **settings)

    monkeypatch.setattr(TrainingLogger, "__init__", spy)
    monkeypatch.setattr("torch.compile", lambda part, **_: part)
    recipe = SMALL.changed(compile=compiles, steps=1)
    result = training.train(recipe, run_dir=tmp_path, **options)
    assert seen == [status]
    assert result.compiled is compiles


def test_a_result_is_shown_on_one_line(options, tmp_path) -> None:
    result = training.train(SMALL, run_dir=tmp_path, **options)
    assert repr(result).startswith(f"<Result of scenes: mAP {result.metrics.mean:.3f}, 5 steps in ")
    assert "\n" not in repr(result)


def test_old_names_still_work(options, tmp_path) -> None:
    steps = []
    with pytest.warns(DeprecationWarning, match=r"train\(watch=\) is now on_checkpoint="):
        result = training.train(SMALL, run_dir=tmp_path, watch=lambda step, *_: steps.append(step), **options)
    assert steps == [2, 4, 5]
    with pytest.warns(DeprecationWarning, match=r"Result\.skipped"):
        assert result.left_out == result.skipped
    with pytest.warns(DeprecationWarning, match=r"Result\.storage"):
        assert result.kept == result.storage
    for old, new in (
        ("Objective", training.TrainingGraph),
        ("Report", training.ProgressCallback),
        ("Watch", training.CheckpointCallback),
        ("HELD_OUT", "every fifth"),
    ):
        with pytest.warns(DeprecationWarning, match=old):
            assert getattr(training, old) == new
