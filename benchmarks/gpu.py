"""Everything that only a GPU can measure, in one command: ``python -m benchmarks.gpu --data FOLDER --out
DIR``.

The parts, most valuable first, are listed in :mod:`benchmarks.gpu_parts`; ``--only PART ...`` chooses some of
them. ``FOLDER`` holds the photographs and weights that :mod:`benchmarks.runs` describes. The command stops in
time (``--limit-s``): a part that is under way is asked to stop with SIGTERM, and killed if it does not. What
a part has measured is copied to ``--out`` while it runs, and again when it ends or is stopped. Called again,
the command resumes: complete results and the state of runs lie in ``--work``.

It needs Python, torch, torchvision and the package's other dependencies; it installs nothing and uses no
network. Where the repository was copied without its history, ``SSD_LITE_COMMIT`` says which commit it is.
"""

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu_parts import NAMES, Part, parts
from benchmarks.photos import SHARED
from benchmarks.processes import Outcome, run
from benchmarks.results_file import RESULTS, is_complete

LEAST_S = 20
"""Seconds that must be left for a part to be started."""


SPARE_S = 40
"""Seconds between a part's own time limit and the one at which it is stopped: to evaluate and to write."""


def run_parts(
    todo: Sequence[Part], *, work: Path, out: Path, limit_s: float, data: Path = SHARED
) -> list[str]:
    """Run the parts that are not complete, until the time is over; returns the names of those still
    incomplete.
    """
    end = time.monotonic() + limit_s
    for folder in (work, out):
        folder.mkdir(parents=True, exist_ok=True)
    for part in todo:
        copy_results(part, work, out)
        left = end - time.monotonic()
        if not _is_done(part, work) and left > max(LEAST_S, part.least_s):
            _run(part, work, out, left_s=left, data=data)
    return [part.name for part in todo if not _is_done(part, work)]


def _run(part: Part, work: Path, out: Path, *, left_s: float, data: Path) -> None:
    own_limit = max(left_s - SPARE_S, 1)
    command = [*part.command, *(("--limit-s", f"{own_limit:.0f}") if part.takes_limit else ())]
    print(f"--- {part.name}: python {' '.join(command)}", flush=True)
    log = work / f"{part.name}.log"
    outcome = run(
        command,
        log=log,
        limit_s=left_s,
        environment={"SSD_LITE_SHARED": str(data.resolve())},
        meanwhile=lambda: copy_results(part, work, out),
    )
    if part.log_is_result and outcome is Outcome.DONE:
        shutil.copyfile(log, work / part.results[0])
    copy_results(part, work, out)
    print(f"--- {part.name}: {outcome.value}", flush=True)


def copy_results(part: Part, work: Path, out: Path) -> None:
    """Copy the files of a part that are new or have changed since."""
    if work.resolve() == out.resolve():
        return
    for name in part.results:
        source, target = work / name, out / name
        if source.exists() and (not target.exists() or source.read_bytes() != target.read_bytes()):
            shutil.copyfile(source, target)


def _is_done(part: Part, work: Path) -> bool:
    return all(is_complete(work / name) for name in part.results)


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data", type=Path, default=SHARED, help="folder with photographs and weights")
    options.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    options.add_argument("--work", type=Path, default=Path("runs/gpu"), help="folder for what is under way")
    options.add_argument("--limit-s", type=float, default=560, help="seconds until the command stops")
    options.add_argument("--only", nargs="+", choices=NAMES, metavar="PART", help=f"of: {', '.join(NAMES)}")
    options.add_argument("--device", default="cuda")
    options.add_argument("--quick", action="store_true", help="toy size, to see that the command works")
    return options


def _stop(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line; exits with status 3 while parts are incomplete."""
    options = _options()
    arguments = options.parse_args(argv)
    if arguments.device == "cuda" and not torch.cuda.is_available():
        options.error("no GPU found; --device cpu --quick tries the command without one")
    signal.signal(signal.SIGTERM, _stop)
    chosen = parts(arguments.work, arguments.device, quick=arguments.quick)
    todo = [chosen[name] for name in arguments.only or chosen]
    places = {"work": arguments.work, "out": arguments.out, "data": arguments.data}
    incomplete = run_parts(todo, **places, limit_s=arguments.limit_s)
    if incomplete:
        print(f"incomplete: {', '.join(incomplete)}; run the same command again to resume")
        sys.exit(3)
    print(f"complete; the results are in {arguments.out}")


if __name__ == "__main__":
    main()
