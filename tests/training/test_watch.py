"""Whoever watches a run is told at each checkpoint, in time that does not count, and may end it there."""

import pytest

from ssd_lite import recipes, training
from ssd_lite.training import checkpoint

SMALL = recipes.scenes().changed(
    train_images=8, test_images=2, steps=5, batch=4, warmup=1, milestones=(), checkpoint_every=2
)


class _EnoughError(Exception):
    pass


class _Clock:
    """A clock that goes on by a second each time it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 1
        return self.now


def test_a_run_is_told_of_at_each_checkpoint_and_the_watching_does_not_count(tmp_path, monkeypatch) -> None:
    clock, told = _Clock(), []
    monkeypatch.setattr("ssd_lite.training.loop.time", clock)

    def on_checkpoint(step: int, seconds: float, model) -> None:
        assert checkpoint.newest(tmp_path / "run" / "checkpoints")["step"] == step
        told.append((step, seconds, model.training))
        clock.now += 1000

    options = {"data": training.open_sources(SMALL), "show": False, "device": "cpu"}
    result = training.train(SMALL, run_dir=tmp_path / "run", on_checkpoint=on_checkpoint, **options)
    assert [(step, mode) for step, _, mode in told] == [(2, True), (4, True), (5, True)]
    assert 0 < told[0][1] < told[-1][1] == result.seconds < 1000


def test_a_run_that_its_watcher_ended_goes_on(tmp_path) -> None:
    def on_checkpoint(step: int, seconds: float, model) -> None:
        raise _EnoughError

    options = {"data": training.open_sources(SMALL), "show": False, "device": "cpu"}
    with pytest.raises(_EnoughError):
        training.train(SMALL, run_dir=tmp_path / "run", on_checkpoint=on_checkpoint, **options)
    told = []
    training.resume(tmp_path / "run", on_checkpoint=lambda step, seconds, model: told.append(step), **options)
    assert told == [4, 5]
