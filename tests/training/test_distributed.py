"""Two processes with half of each batch do what one does with all of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.multiprocessing

from ssd_lite import models, training
from ssd_lite.criterion import Loss
from ssd_lite.training.distributed import ProcessGroup, default_device, join
from tests.training import sharing

ROOT = Path(__file__).parents[2]


def _together(run_dir: Path, *arguments: str, processes: int = 2) -> None:
    """Run ``sharing`` in several processes, joined by gloo."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    done = subprocess.run(
        [*command, "-m", "tests.training.sharing", str(run_dir), *arguments],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("alone") / "run"
    training.train(sharing.RECIPE, run_dir=run, device="cpu", show=False)
    return run


def _assert_same(run: Path, alone: Path) -> None:
    for ours, other in zip(training.read_log(run), training.read_log(alone), strict=True):
        assert ours["step"] == other["step"]
        assert ours["matched"] == other["matched"]  # the same images, the same numbers drawn, N of all
        for name in ("loss", "localization", "confidence"):
            assert ours[name] == pytest.approx(other[name], rel=1e-5)
    one, two = (models.load(path / "model.safetensors").state_dict() for path in (run, alone))
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-4, atol=1e-6)
    means = [json.loads((path / "results.json").read_text())["metrics"] for path in (run, alone)]
    assert means[0]["counts"] == means[1]["counts"]
    assert means[0]["mean"] == pytest.approx(means[1]["mean"], abs=1e-3)


def test_two_processes_train_as_one_does(alone, tmp_path) -> None:
    """Gradients, losses and weights; batches of 5, so that one process has 3 images and the other 2."""
    run = tmp_path / "run"
    _together(run)
    _assert_same(run, alone)
    assert json.loads((run / "results.json").read_text())["processes"] == 2
    assert len({torch.load(path) for path in run.glob("mean-*.pt")}) == 1
    assert len(list(run.glob("mean-*.pt"))) == 2


def test_two_processes_train_compiled_as_one_does_eagerly(alone, tmp_path) -> None:
    """Their batches of 3 and 2 images are compiled apart; the network alone is wrapped for its gradients."""
    run = tmp_path / "run"
    _together(run, "0")
    results = json.loads((run / "results.json").read_text())
    assert (results["compiled"], results["processes"]) == (True, 2)
    _assert_same(run, alone)


def test_a_run_goes_on_with_another_number_of_processes(alone, tmp_path) -> None:
    run = tmp_path / "run"
    _together(run, "3")  # agreed on at step 4, where losses are told
    assert [p.name for p in sorted((run / "checkpoints").glob("*.pt"))] == [
        "step-00000002.pt",
        "step-00000004.pt",
    ]
    training.resume(run, device="cpu", show=False)
    _assert_same(run, alone)


def test_a_batch_is_split_without_gaps() -> None:
    batch = list(range(7))
    parts = [ProcessGroup(rank, 3).shard(batch) for rank in range(3)]
    assert parts == [(0, [0, 1, 2]), (3, [3, 4]), (5, [5, 6])]
    assert ProcessGroup().shard(batch) == (0, batch)


def test_a_process_alone_changes_nothing() -> None:
    loss = Loss(torch.tensor(3.0), torch.tensor(1.0), torch.tensor(2.0), torch.tensor(4))
    back, told = ProcessGroup().reduce_loss(loss, torch.tensor(4.0))
    assert back is loss.total
    assert told is loss
    assert ProcessGroup().gather("x") == ["x"]
    assert join(torch.device("cpu")) == ProcessGroup()
    assert default_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
