"""The parts of :mod:`benchmarks.gpu`: what each runs, which files it leaves, and how long it takes on an
H100.
"""

from dataclasses import dataclass
from pathlib import Path

STEPS = ("criterion", "augmentation", "prediction", "data_loading", "rehearsal")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One command.

    ``results`` are the files that it leaves in the work folder; a JSON counts when it says that it is
    complete. ``least_s`` is the time below which it is not worth starting. A part that ``takes_limit`` is
    told how many seconds it has and stops by itself, resuming in the next call.
    """

    name: str
    command: tuple[str, ...]
    results: tuple[str, ...]
    least_s: float = 30
    takes_limit: bool = False
    log_is_result: bool = False


def parts(work: Path, device: str, *, quick: bool = False) -> dict[str, Part]:
    """Every part by name, most valuable first."""
    common = ("--device", device, "--out", str(work), *(("--quick",) if quick else ()))

    def benchmark(name: str, *options: str, least_s: float = 30, takes_limit: bool = False) -> Part:
        command = ("-m", f"benchmarks.{name}", *common, *options)
        results = (f"{name}.{device}.json",)
        return Part(name=name, command=command, results=results, least_s=least_s, takes_limit=takes_limit)

    found = [_tests(), benchmark("first_step"), benchmark("training_step", least_s=60)]
    return {part.name: part for part in found + [benchmark(name) for name in STEPS]}


def _tests() -> Part:
    """The tests that need a GPU; test files that need a missing package are passed over."""
    options = "-q --continue-on-collection-errors -p no:cacheprovider -k gpu"
    command = ("-m", "pytest", *options.split(), "-m", "not site")
    return Part(name="tests", command=command, results=("gpu_tests.txt",), log_is_result=True)


NAMES = tuple(parts(Path(), "cuda"))
