"""Runs killed by the system, and by a person: they end with the same bytes as a run left alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ssd_lite import training
from ssd_lite.recipes import Recipe
from tests.training.killing import outcome

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _killing(*options: str) -> dict:
    command = [sys.executable, "-m", "tests.training.killing", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=ONE_THREAD)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_runs_killed_at_random_moments_end_with_the_same_bytes() -> None:
    assert _killing("--kills", "24")["kills"] >= 24


def test_a_run_killed_before_each_touch_of_a_file_ends_with_the_same_bytes() -> None:
    assert _killing("--everywhere")["kills"] > 30  # 46 when this was written


def test_the_command_goes_on_after_a_kill_an_interrupt_and_a_request_to_end(tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = {
        "train_images": 8,
        "test_images": 2,
        "steps": 60,
        "batch": 2,
        "log_every": 1,
        "checkpoint_every": 3,
    }
    first = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    code, _ = _sent(run, signal.SIGKILL, *first)
    assert code == -signal.SIGKILL
    for number in (signal.SIGINT, signal.SIGTERM):
        code, said = _sent(run, number, "--resume")
        assert code == 130, said
        assert f"resume with: ssd-lite train --resume --out {run}" in said
        assert "Traceback" not in said
    training.resume(run, show=False, device="cpu")
    recipe = Recipe.from_dict(json.loads((run / "recipe.json").read_text()))
    training.train(recipe, run_dir=tmp_path / "whole", show=False, device="cpu")
    assert outcome(run) == outcome(tmp_path / "whole")


def _sent(run: Path, number: signal.Signals, *options: str) -> tuple[int, str]:
    """Exit code and words of ``ssd-lite train`` that got a signal once it had gone a few steps on."""
    log, before = run / "log.jsonl", len(training.read_log(run))
    command = [sys.executable, "-m", "ssd_lite", "train", "--out", run, "--device", "cpu", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ONE_THREAD
    ) as process:
        while process.poll() is None and not (log.exists() and log.read_bytes().count(b"\n") >= before + 4):
            time.sleep(0.01)
        process.send_signal(number)
        said = process.communicate()[0]
    return process.returncode, " ".join(said.split())
