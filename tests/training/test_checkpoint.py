"""Checkpoints: whole or not at all, two kept, a broken one passed over."""

import errno
from pathlib import Path

import pytest
import torch

from ssd_lite.training import checkpoint


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


def test_a_full_disk_is_named_and_the_old_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.json"
    checkpoint.write(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"could not write .*results\.json: No space left"):
        checkpoint.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]
