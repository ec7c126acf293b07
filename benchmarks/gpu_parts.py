"""The parts of :mod:`benchmarks.gpu`: what each runs, and which files it leaves."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.ablations.studies import STUDIES

PHOTOGRAPHS = ("cards", "bccd", "fod-a")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One command.

    ``results`` are the files that it leaves in the work folder; a JSON counts when it says that it is
    complete. ``least_s`` is the time below which it is not worth starting. A part that ``takes_limit`` is
    told how many seconds it has, stops by itself, and resumes in the next call.
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

    def benchmark(name: str, *options: str, least_s: float = 30) -> Part:
        command = ("-m", f"benchmarks.{name}", *common, *options)
        return Part(name=name, command=command, results=(f"{name}.{device}.json",), least_s=least_s)

    def resumable(name: str, *more_results: str, least_s: float) -> Part:
        command = ("-m", f"benchmarks.{name}", *common, "--work", str(work / name))
        results = (f"{name}.{device}.json", *more_results)
        return Part(name=name, command=command, results=results, least_s=least_s, takes_limit=True)

    found = [
        _tests(),
        benchmark("first_step"),
        benchmark("training_step", least_s=60),
        resumable("summit", "summit.png", least_s=120),
        resumable("time_to_map", least_s=300),
        *(_photographs(name, work, device, quick=quick) for name in PHOTOGRAPHS),
        _ablations(work, device),
        benchmark("criterion"),
        benchmark("rehearsal", least_s=90),
        *(benchmark(name) for name in ("augmentation", "prediction", "data_loading")),
    ]
    return {part.name: part for part in found}


def _tests() -> Part:
    """The tests that need a GPU; test files that need a missing package are passed over."""
    options = "-q --continue-on-collection-errors -p no:cacheprovider -k gpu"
    command = ("-m", "pytest", *options.split(), "-m", "not site")
    return Part(name="tests", command=command, results=("gpu_tests.txt",), log_is_result=True)


def _photographs(name: str, work: Path, device: str, *, quick: bool) -> Part:
    places = ("--run", str(work / "runs" / name), "--out", str(work))
    steps = ("--steps", "2") if quick else ()
    command = ("-m", "benchmarks.runs", name, "--resume", "--device", device, *places, *steps)
    return Part(name=name, command=command, results=(f"{name}.{device}.json",), least_s=60)


def _ablations(work: Path, device: str) -> Part:
    places = ("--work", str(work / "ablations"), "--out", str(work))
    command = ("-m", "benchmarks.ablations", "all", "--device", device, *places)
    results = tuple(f"ablation_{name}.{device}.json" for name in STUDIES)
    return Part(name="ablations", command=command, results=results, least_s=90, takes_limit=True)


NAMES = tuple(parts(Path(), "cuda"))
