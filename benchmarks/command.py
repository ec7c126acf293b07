"""What the benchmarks' command lines share: where to measure, at which size, and where to write."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.results_file import RESULTS, commit, write
from benchmarks.timing import told
from ssd_lite.training import default_device


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``quick`` is toy size, for tests; otherwise a GPU gets the full size and a CPU a smaller one."""

    device: torch.device
    quick: bool = False
    seed: int = 0
    out: Path = RESULTS

    @property
    def full(self) -> bool:
        """Whether to measure at the size that the goals speak of."""
        return self.device.type == "cuda" and not self.quick

    def size(self, *, quick: Any, cpu: Any, cuda: Any) -> Any:
        """The one of three sizes that fits."""
        return quick if self.quick else cuda if self.device.type == "cuda" else cpu


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--device", help="cpu or cuda; by default the GPU where there is one")
    options.add_argument("--quick", action="store_true", help="at toy size, to see that it works")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON")
    return options


def settings(arguments: argparse.Namespace) -> Settings:
    """What the options say."""
    device = torch.device(arguments.device) if arguments.device else default_device()
    return Settings(device=device, quick=arguments.quick, seed=arguments.seed, out=arguments.out)


def run(
    name: str, description: str | None, measure: Any, argv: Sequence[str] | None = None
) -> dict[str, Any]:
    """A whole benchmark from the command line: measure, print the comparisons, write the JSON."""
    chosen = settings(parser(description).parse_args(argv))
    of = commit()  # before the measurement: the files may change while it takes its time
    measured: dict[str, Any] = measure(chosen)
    finish(name, measured, chosen, of=of)
    return measured


def finish(name: str, measured: dict[str, Any], chosen: Settings, *, of: str) -> Path:
    """Print the comparisons and write the JSON."""
    for compared in measured.get("comparisons", []):
        print(told(compared))
    stamp = {"command": f"python -m benchmarks.{name}", "quick": chosen.quick, "seed": chosen.seed}
    path = write(name, stamp | measured, device=chosen.device, of=of, folder=chosen.out)
    print(f"written to {path}")
    return path
