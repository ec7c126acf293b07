"""Checkpoints: whole or not at all, two kept, a broken one passed over."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssd_lite.training import checkpoint

HOLD = """
import fcntl, sys
file = open(sys.argv[1], "wb")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
input()
"""


def _state(step: int) -> dict:
    return {"step": step, "weights": torch.full((3,), float(step))}


def test_the_last_two_are_kept_and_the_newest_is_read(tmp_path: Path) -> None:
    for step in (5, 10, 15):
        checkpoint.save(tmp_path, _state(step))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000010.pt", "step-00000015.pt"]
    assert checkpoint.newest(tmp_path)["weights"].tolist() == [15.0] * 3


@pytest.mark.parametrize("left", [0, 10, 400])
def test_a_truncated_checkpoint_is_passed_over_with_a_warning(tmp_path: Path, left: int) -> None:
    checkpoint.save(tmp_path, _state(1))
    path = checkpoint.save(tmp_path, _state(2))
    path.write_bytes(path.read_bytes()[:left])
    with pytest.warns(UserWarning, match="step-00000002.pt cannot be read"):
        assert checkpoint.newest(tmp_path)["step"] == 1


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return (print, ("sprung",))

    torch.save({"step": 1, "trap": Trap()}, tmp_path / "step-00000001.pt")
    with (
        pytest.warns(UserWarning, match="cannot be read"),
        pytest.raises(ValueError, match="no checkpoint can be read"),
    ):
        checkpoint.newest(tmp_path)


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    assert checkpoint.newest(tmp_path / "nowhere") is None


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_byte_is_noticed_or_harmless(tmp_path: Path, data: st.DataObject) -> None:
    """torch.load alone does not see a byte changed within a tensor."""
    folder = tmp_path / "checkpoints"
    checkpoint.save(folder, _state(1))
    path = checkpoint.save(folder, _state(2))
    whole = path.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(damaged)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = checkpoint.newest(folder)
    assert found["step"] == (1 if told else 2)
    assert torch.equal(found["weights"], _state(found["step"])["weights"])


def test_without_one_whole_checkpoint_nothing_is_started_over(tmp_path: Path) -> None:
    for step in (1, 2):
        checkpoint.save(tmp_path, _state(step)).write_bytes(b"damaged")
    names = r"step-00000002.pt, step-00000001.pt"
    with (
        pytest.warns(UserWarning, match="is skipped"),
        pytest.raises(ValueError, match=rf"no checkpoint can be read \({names}\)"),
    ):
        checkpoint.newest(tmp_path)


def test_a_checkpoint_of_another_version_is_refused(tmp_path: Path) -> None:
    torch.save({"step": 1, "format": "ssd_lite run 99"}, tmp_path / "step-00000001.pt")
    with pytest.raises(ValueError, match="format must be 'ssd_lite run 1', got 'ssd_lite run 99'"):
        checkpoint.newest(tmp_path)


def test_steps_of_more_digits_than_the_name_provides_for_are_the_newest(tmp_path: Path) -> None:
    for step in (99_999_999, 100_000_000):
        checkpoint.save(tmp_path, _state(step))
    assert checkpoint.newest(tmp_path)["step"] == 100_000_000


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
def test_two_processes_do_not_train_one_run(tmp_path: Path) -> None:
    with checkpoint.locked(tmp_path):
        pass  # leaves the file
    lock = tmp_path / "checkpoints" / ".lock"
    pipes = {"stdout": subprocess.PIPE, "stdin": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLD, lock], **pipes) as other:
        other.stdout.readline()
        refused = pytest.raises(ValueError, match="is being trained by another process")
        with refused, checkpoint.locked(tmp_path):
            pass
        other.kill()
    with checkpoint.locked(tmp_path):  # a killed process holds nothing
        pass


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    left = [tmp_path / "recipe.json.part", tmp_path / "checkpoints" / "step-00000001.pt.part"]
    for path in left:
        path.write_bytes(b"half")
    with checkpoint.locked(tmp_path):
        assert not any(path.exists() for path in left)


def test_the_first_tensor_that_is_not_finite_is_named() -> None:
    state = {"step": 1, "groups": [{"lr": 0.1}], "model": {"a": torch.ones(2), "b": torch.tensor([1, 2])}}
    assert checkpoint.first_not_finite(state) is None
    state["groups"].append({"momentum": torch.tensor([1.0, float("nan")])})
    assert checkpoint.first_not_finite(state) == "groups.1.momentum"
