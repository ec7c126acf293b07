"""The log and the curves of a run."""

import os

import pytest
import torch

from ssd_lite import training
from ssd_lite.training.logging import TrainingLogger
from tests.training.small_runs import stop_after


def test_the_logger_finds_the_step_within_its_window(tmp_path) -> None:
    from ssd_lite.criterion import Loss

    def loss(value: float) -> Loss:
        return Loss(torch.tensor(value), torch.tensor(0.0), torch.tensor(value), torch.tensor(1))

    with TrainingLogger(tmp_path, steps=10, start=0, every=4, show=False) as logger:
        for step, value in enumerate([1.0, float("nan"), 1.0]):
            logger.log(step, 0.1, loss(value), [f"image of step {step + 1}"])
        with pytest.raises(training.NonFiniteLossError, match=r"^step 2: .*image of step 2$"):
            logger.log(3, 0.1, loss(1.0), ["image of step 4"])


def test_the_log_is_shortened_at_once_or_not_at_all(tmp_path, monkeypatch) -> None:
    """A run that is killed while it goes on must not lose what its log holds."""
    log, lines = tmp_path / "log.jsonl", '{"step": 3}\n{"step": 6}\n{"st'
    log.write_text(lines)
    seen = []

    def looking(*arguments) -> None:
        seen.append(log.read_text())
        replace(*arguments)

    replace = os.replace
    monkeypatch.setattr("os.replace", looking)
    with TrainingLogger(tmp_path, steps=10, start=3, every=3, show=False):
        assert seen == [lines]
        assert log.read_text() == '{"step": 3}\n'


def test_curves_show_what_was_told_and_no_step_twice(data, tmp_path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    stop_after(6, tmp_path, data)  # the step of a point
    training.resume(tmp_path / "run", data=data, show=False, device="cpu")
    curves = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    told = training.read_log(tmp_path / "run")
    points = [(point.step, pytest.approx(point.value)) for point in curves.Scalars("loss")]
    assert points == [(entry["step"], entry["loss"]) for entry in told]
