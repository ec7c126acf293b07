"""The command line that the benchmarks share: where to measure, at which size, and where to write."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.results_file import RESULTS, Record
from benchmarks.timing import format_comparison
from ssd_lite.training import default_device


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line chose. ``quick`` is toy size, for tests; else a GPU gets the full size."""

    device: torch.device
    quick: bool = False
    seed: int = 0
    out: Path = RESULTS

    @property
    def full(self) -> bool:
        """Whether to measure at the size that the goals are stated for."""
        return self.device.type == "cuda" and not self.quick

    def size(self, *, quick: Any, cpu: Any, cuda: Any) -> Any:
        """Choose one of three sizes."""
        return quick if self.quick else cuda if self.device.type == "cuda" else cpu


Measure = Callable[[Settings], Iterator[dict[str, Any]]]
"""A benchmark: yields its result part by part; see :meth:`benchmarks.results_file.Record.add`."""


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--device", help="cpu or cuda; by default the GPU if there is one")
    options.add_argument("--quick", action="store_true", help="toy size, to see that the benchmark works")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON")
    return options


def add_limit(options: argparse.ArgumentParser, *, default_s: float) -> None:
    """Add ``--minutes`` and ``--limit-s``, of which either sets ``limit_s``."""
    either = options.add_mutually_exclusive_group()
    either.add_argument("--limit-s", type=float, default=default_s, help="stop after about so many seconds")
    either.add_argument("--minutes", type=lambda text: 60 * float(text), dest="limit_s", help="or minutes")


def settings(arguments: argparse.Namespace) -> Settings:
    """The settings that parsed options describe."""
    device = torch.device(arguments.device) if arguments.device else default_device()
    return Settings(device=device, quick=arguments.quick, seed=arguments.seed, out=arguments.out)


def record(name: str, chosen: Settings) -> Record:
    """An empty result for a benchmark."""
    stamp = {"quick": chosen.quick, "seed": chosen.seed}
    return Record(name, device=chosen.device, folder=chosen.out, stamp=stamp)


def run(
    name: str, description: str | None, measure: Measure, argv: Sequence[str] | None = None
) -> dict[str, Any]:
    """Run a benchmark from the command line; print and write every comparison as soon as it is made."""
    chosen = settings(parser(description).parse_args(argv))
    result = record(name, chosen)
    for part in measure(chosen):
        for compared in part.get("comparisons", []):
            print(format_comparison(compared), flush=True)
        result.add(part)
    print(f"written to {result.complete()}")
    return result.measured
