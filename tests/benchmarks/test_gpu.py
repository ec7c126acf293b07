"""The one command for a GPU: it resumes, copies results as they appear, and stops what takes too long."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from benchmarks import gpu, gpu_parts, processes
from benchmarks.gpu_parts import Part
from benchmarks.processes import Outcome
from benchmarks.results_file import Record, is_complete


@pytest.fixture
def places(tmp_path, monkeypatch) -> dict[str, Path]:
    monkeypatch.setattr(gpu, "LEAST_S", 0.5)
    monkeypatch.setattr(processes, "GRACE_S", 1.0)
    return {"work": tmp_path / "work", "out": tmp_path / "out"}


def _part(places: dict[str, Path], name: str, code: str, least_s: float = 0, **options) -> Part:
    beginning = f"import pathlib, time; result = pathlib.Path({str(places['work'] / name)!r}); "
    return Part(name=name, command=("-c", beginning + code), results=(name,), least_s=least_s, **options)


def test_it_resumes_and_passes_over_what_fails(places, tmp_path) -> None:
    mark = tmp_path / "mark"
    todo = [
        _part(places, "a", f"result.write_text('a'); open({str(mark)!r}, 'a').write('x')"),
        _part(places, "b", "raise SystemExit(1)"),
        _part(places, "c", "result.write_text('c')"),
    ]
    assert gpu.run_parts(todo, **places, limit_s=60) == ["b"]
    assert gpu.run_parts(todo, **places, limit_s=60) == ["b"]
    assert mark.read_text() == "x"  # what is complete is not run again
    assert {path.name for path in places["out"].iterdir()} == {"a", "c"}


def test_a_part_that_is_stopped_leaves_what_it_has_measured(places) -> None:
    slow = _part(places, "slow.json", "result.write_text('{\"complete\": false}'); time.sleep(60)")
    late = _part(places, "late", "result.write_text('late')", least_s=5)
    began = time.monotonic()
    assert gpu.run_parts([slow, late], **places, limit_s=8) == ["slow.json", "late"]
    assert time.monotonic() - began < 14
    assert json.loads((places["out"] / "slow.json").read_text()) == {"complete": False}


def test_a_part_that_takes_a_limit_is_told_the_seconds_left(places) -> None:
    code = "import sys; result.write_text(' '.join(sys.argv[1:]))"
    assert gpu.run_parts([_part(places, "a", code, takes_limit=True)], **places, limit_s=50) == []
    option, seconds = (places["out"] / "a").read_text().split()
    assert option == "--limit-s"
    assert 0 < float(seconds) <= 50


def _is_gone(pid: str) -> bool:
    """Whether a process has ended, or does so within a few seconds; a zombie has."""
    status = Path("/proc") / pid / "stat"
    for _ in range(50):
        if not status.exists() or ") Z " in status.read_text():
            return True
        time.sleep(0.1)
    return False


def test_a_process_is_asked_to_stop_and_then_killed_with_its_children(tmp_path) -> None:
    polite = (
        "import time, signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit('bye')); time.sleep(60)"
    )
    stubborn = (
        "import time, signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    limits = {"limit_s": 8.0, "grace_s": 3.0}
    assert processes.run(["-c", polite], log=tmp_path / "polite", **limits) is Outcome.STOPPED
    assert (tmp_path / "polite").read_text() == "bye\n"
    assert processes.run(["-c", stubborn], log=tmp_path / "stubborn", **limits) is Outcome.STOPPED
    assert _is_gone((tmp_path / "stubborn").read_text().strip())


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGTERM")
def test_the_command_that_is_stopped_itself_stops_its_part(tmp_path, places) -> None:
    pid = tmp_path / "pid"
    inside = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = (
        "from benchmarks import gpu; from benchmarks.gpu_parts import Part; import signal, pathlib;"
        "signal.signal(signal.SIGTERM, gpu._stop);"
        f"part = Part(name='x', command=('-c', {inside!r}), results=('x',), least_s=0);"
        f"place = pathlib.Path({str(tmp_path / 'both')!r});"
        "gpu.run_parts([part], work=place, out=place, limit_s=60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as command:
        while not (pid.exists() and pid.read_text()):
            assert command.poll() is None
            time.sleep(0.1)
        command.send_signal(signal.SIGTERM)
        assert command.wait(timeout=50) != 0  # the part itself would take 60 s
    assert _is_gone(pid.read_text())


def test_a_record_says_whether_it_is_complete(tmp_path) -> None:
    record = Record("x", device=torch.device("cpu"), folder=tmp_path)
    assert not is_complete(record.path)
    record.add({"comparisons": [1], "batch": 2})
    record.add({"comparisons": [2], "batch": 3})
    assert not is_complete(record.path)
    assert json.loads(record.path.read_text())["comparisons"] == [1, 2]
    assert is_complete(record.complete())
    written = json.loads(record.path.read_text())
    assert (written["batch"], written["command"]) == (3, "python -m benchmarks.x")


def test_every_part_names_a_module_and_its_results() -> None:
    todo = gpu_parts.parts(Path("work"), "cuda")
    assert tuple(todo) == gpu_parts.NAMES
    for name, part in todo.items():
        assert part.name == name
        assert part.results
        assert importlib.util.find_spec(part.command[1]) is not None
    with pytest.raises(SystemExit):
        gpu.main(["--only", "nothing", "--device", "cpu"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_without_a_gpu_it_says_so(capsys) -> None:
    with pytest.raises(SystemExit):
        gpu.main(["--device", "cuda"])
    assert "no GPU found" in capsys.readouterr().err


def test_the_parts_run_at_toy_size(tmp_path, capfd) -> None:
    places = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out"), "--data", str(tmp_path)]
    gpu.main(["--device", "cpu", "--quick", "--only", "criterion", *places])
    assert is_complete(tmp_path / "out" / "criterion.cpu.json")
    printed = capfd.readouterr().out
    assert "criterion, 3 objects" in printed
    assert "complete" in printed


def test_whole_trainings_run_as_parts_and_their_files_are_copied(tmp_path) -> None:
    before = os.environ.get("SSD_LITE_SHARED")
    places = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "out"), "--data", str(tmp_path)]
    gpu.main(["--device", "cpu", "--quick", "--only", "summit", *places])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"summit.cpu.json", "summit.png"}
    with pytest.raises(SystemExit) as stopped:  # there are no photographs in this folder
        gpu.main(["--device", "cpu", "--quick", "--only", "summit", "cards", *places])
    assert stopped.value.code == 3
    assert os.environ.get("SSD_LITE_SHARED") == before  # what the commands are told stays theirs
