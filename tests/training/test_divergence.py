"""Losses and weights that are not finite, and disks that are full: named, and never saved."""

import pytest

from ssd_lite import training
from ssd_lite.training import Trainer
from tests.training.small_runs import SMALL, disturbed, equal


def test_a_diverging_run_names_the_step_and_its_images(data, tmp_path) -> None:
    wild = SMALL.changed(learning_rate=1e30, warmup=0, log_every=1)
    with pytest.raises(training.NonFiniteLossError, match=r"step 2: the loss is .*scene 0000\d"):
        training.train(wild, run_dir=tmp_path / "run", data=data, show=False, device="cpu")


def test_a_loss_that_is_told_late_spoils_no_checkpoint(data, tmp_path, monkeypatch) -> None:
    """It breaks at step 4, would be told at step 7, and step 6 is one of a checkpoint."""
    loss_of = Trainer.loss

    def broken(*arguments):
        loss = loss_of(*arguments)
        return loss._replace(total=loss.total * float("nan"))

    data = disturbed(data, 4, lambda: monkeypatch.setattr(Trainer, "loss", broken))
    run = tmp_path / "run"
    with pytest.raises(training.NonFiniteLossError, match=r"^step 4: the loss is nan.*scene 0000\d"):
        training.train(SMALL.changed(log_every=7), run_dir=run, data=data, show=False, device="cpu")
    assert [p.name for p in (run / "checkpoints").glob("*.pt")] == ["step-00000003.pt"]


@pytest.mark.parametrize("part", ["weights", "momentum"])
def test_weights_that_are_not_finite_are_never_saved(data, tmp_path, monkeypatch, part: str) -> None:
    """The loss of a step is that of the weights before it."""
    take_step = Trainer.step

    def overflowing(trainer, *arguments, **options):
        loss = take_step(trainer, *arguments, **options)
        weight = trainer.optimizer.param_groups[0]["params"][0]
        momentum = trainer.optimizer.state[weight]["momentum_buffer"]
        (weight.data if part == "weights" else momentum).fill_(float("inf"))
        return loss

    data = disturbed(data, 6, lambda: monkeypatch.setattr(Trainer, "step", overflowing))
    run = tmp_path / "run"
    name = r"model\.trunk" if part == "weights" else r"optimizer\.state"
    says = rf"^step 6: .*after it {name}\S* is not; its images: scene 000"
    with pytest.raises(training.NonFiniteLossError, match=says):
        training.train(SMALL, run_dir=run, data=data, show=False, device="cpu")
    assert [p.name for p in (run / "checkpoints").glob("*.pt")] == ["step-00000003.pt"]


@pytest.mark.parametrize(("step", "room"), [(2, 100_000), (4, 100_000), (4, 0)])
def test_a_full_disk_is_told_and_loses_nothing(finished, data, tmp_path, step: int, room: int) -> None:
    """A real one: from some step on, the system lets no file grow beyond ``room`` bytes."""
    resource = pytest.importorskip("resource")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    run = tmp_path / "run"
    full = disturbed(data, step, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, most)))
    try:
        with pytest.raises(OSError, match=rf"could not write {run}\S+: File too large"):
            training.train(SMALL, run_dir=run, data=full, show=False, device="cpu")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert [p.name for p in (run / "checkpoints").glob("*.pt*")] == ["step-00000003.pt"] * (step > 3)
    resumed = training.resume(run, data=data, show=False, device="cpu")
    assert equal(finished[1].model, resumed.model)
    assert (run / "log.jsonl").read_bytes() == (finished[0] / "log.jsonl").read_bytes()
