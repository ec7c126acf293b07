"""All that only a GPU can measure, in one command: ``python -m benchmarks.gpu --data FOLDER --out DIR``.

The tests that need a GPU, the five benchmarks, the rehearsal of the paper's schedule, and the full run on
``FOLDER`` (in VOC's layout). It stops in time (``--limit-s``); called again, it goes on where it was: what
is done lies in ``--work``, with the checkpoints of the full run, and is copied to ``--out`` as it comes. On
a machine that forgets everything between calls, put the JSON files of the first call into ``--work``
before the second. It takes two calls of ten minutes on an H200.

Needed are Python, torch, torchvision and this package's other dependencies; no network and nothing
installed. ``defusedxml`` may come as a wheel: ``PYTHONPATH=defusedxml.whl python -m benchmarks.gpu …``.
Where the repository was copied without its history, ``SSD_LITE_COMMIT`` says which commit it is.
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.results_file import RESULTS

BENCHMARKS = ("criterion", "augmentation", "prediction", "training_step", "data_loading")
TESTS = "gpu_tests.txt"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One command: the file that it leaves, the arguments of Python, and about how long it takes."""

    result: str
    arguments: tuple[str, ...]
    seconds: float
    resumes: bool = False


def parts(data: Path, work: Path, device: str, *, quick: bool = False) -> list[Part]:
    """Everything to be done, in order."""
    common = ("--device", device, "--out", str(work), *(("--quick",) if quick else ()))
    # A test file that cannot be imported, for want of a package, is told and passed over.
    tests = (
        "-m",
        "pytest",
        "-q",
        "--continue-on-collection-errors",
        "-p",
        "no:cacheprovider",
        "-k",
        "gpu",
        "-m",
        "not site",
    )
    expected = {
        "criterion": 90,
        "augmentation": 45,
        "prediction": 30,
        "training_step": 200,
        "data_loading": 100,
    }
    found = [Part(result=TESTS, arguments=tests, seconds=60)]
    found += [
        Part(
            result=f"{name}.{device}.json",
            arguments=("-m", f"benchmarks.{name}", *common),
            seconds=expected[name],
        )
        for name in BENCHMARKS
    ]
    rehearsal = ("-m", "benchmarks.rehearsal", *common)
    full = ("-m", "benchmarks.full_run", *common, "--data", str(data), "--work", str(work / "full_run"))
    return [
        *found,
        Part(result=f"rehearsal.{device}.json", arguments=rehearsal, seconds=150),
        Part(result=f"full_run.{device}.json", arguments=full, seconds=120, resumes=True),
    ]


def go_on(todo: Sequence[Part], *, work: Path, out: Path, limit_s: float) -> list[str]:
    """Do what is not done yet and fits the time; the results still missing.

    A part that fails is told and left. One that can go on is told how long it has.
    """
    end = time.monotonic() + limit_s
    for folder in (work, out):
        folder.mkdir(parents=True, exist_ok=True)
    for part in todo:
        left = end - time.monotonic()
        if not (work / part.result).exists() and left > part.seconds:
            _do(part, work, left)
        if (work / part.result).exists() and work.resolve() != out.resolve():
            shutil.copyfile(work / part.result, out / part.result)
    return [part.result for part in todo if not (work / part.result).exists()]


def _do(part: Part, work: Path, left: float) -> None:
    arguments = list(part.arguments)
    if part.resumes:
        arguments += ["--minutes", f"{max(left - 60, 30) / 60:.2f}"]
    print(f"--- python {' '.join(arguments)}", flush=True)
    began = time.monotonic()
    tests = part.result == TESTS
    try:
        done = subprocess.run(
            [sys.executable, *arguments], timeout=left, check=False, text=True, capture_output=tests
        )
        told = f"exit status {done.returncode}"
    except subprocess.TimeoutExpired:
        told = "stopped: the time was over"
    else:
        if tests:
            print(done.stdout[-2000:])
            (work / TESTS).write_text(f"{told}\n{done.stdout}{done.stderr}")
    print(f"--- {part.result}: {told} after {time.monotonic() - began:.0f} s", flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line; exits with 3 when there is more to do."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data", type=Path, required=True, help="folder in VOC's layout for the full run")
    options.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON")
    options.add_argument("--work", type=Path, default=Path("runs/gpu"), help="folder for what is under way")
    options.add_argument("--limit-s", type=float, default=560, help="seconds until it stops")
    options.add_argument("--device", default="cuda")
    options.add_argument("--quick", action="store_true", help="everything at toy size, to see that it works")
    arguments = options.parse_args(argv)
    if arguments.device == "cuda" and not torch.cuda.is_available():
        options.error("there is no GPU here; --device cpu --quick tries the command without one")
    todo = parts(arguments.data, arguments.work, arguments.device, quick=arguments.quick)
    missing = go_on(todo, work=arguments.work, out=arguments.out, limit_s=arguments.limit_s)
    if missing:
        print(f"not done yet: {', '.join(missing)}; the same command goes on")
        sys.exit(3)
    print(f"all done; the results are in {arguments.out}")


if __name__ == "__main__":
    main()
