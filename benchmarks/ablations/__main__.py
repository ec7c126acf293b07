"""Run studies: ``python -m benchmarks.ablations all --device cuda --workers 12 --limit-s 420``.

Runs that claims need come first, study by study and seed by seed; then the others. No run is started that
would not end in time. Results are collected while the runs go on, and at the end. The same command resumes,
from the files of single runs in ``--work`` or from the studies' JSON in ``--out``.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.ablations.collecting import collect, costs, path_of, restore
from benchmarks.ablations.pool import draw_all, work_through
from benchmarks.ablations.studies import STUDIES
from benchmarks.ablations.study import Run, Study
from benchmarks.command import add_limit
from benchmarks.results_file import RESULTS, Record
from ssd_lite.training import default_device

SEEDS = 10
COLLECT_EVERY_S = 20


def pending(studies: Sequence[Study], *, seeds: Sequence[int], folder: Path) -> Iterator[Run]:
    """The runs that are missing, in order of value, each once."""
    seen = set()
    for claimed in (True, False):
        for study in studies:
            for seed in seeds:
                for variant in study.variants:
                    task = study.run(variant, seed)
                    if (variant in study.claimed) is claimed and task.key not in seen:
                        seen.add(task.key)
                        if not path_of(task, folder).exists():
                            yield task


class Collector:
    """Writes the JSON of the studies."""

    def __init__(
        self, studies: Sequence[Study], seeds: Sequence[int], device: torch.device, folder: Path, out: Path
    ) -> None:
        self.studies, self.seeds, self.folder, self.device = studies, seeds, folder, device
        self.records = {
            study.name: Record(f"ablation_{study.name}", device=device, folder=out) for study in studies
        }
        for study in studies:
            path = self.records[study.name].path
            if path.exists():
                restore(study, json.loads(path.read_text()), folder)
        self._last, self._began = time.monotonic(), time.monotonic()

    def now_and_then(self) -> None:
        """Collect if the last time is a while ago."""
        if time.monotonic() - self._last > COLLECT_EVERY_S:
            self.write()
            self._last = time.monotonic()

    def write(self, *, final: bool = False) -> list[str]:
        """Write every study; returns the names of those that are not complete."""
        incomplete = []
        for study in self.studies:
            record = self.records[study.name]
            found = collect(study, seeds=self.seeds, folder=self.folder)
            record.replace(found | {"command": f"python -m benchmarks.ablations {study.name}"})
            missing = any(len(runs) < len(self.seeds) for runs in found["runs"].values())
            if missing:
                incomplete.append(study.name)
            elif final:
                architectures = {variation.architecture for variation in study.variants.values()}
                if len(architectures) > 1:
                    record.replace({"costs": costs(study, device=self.device)})
                record.complete()
        return incomplete


def options() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(
        prog="python -m benchmarks.ablations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("studies", nargs="+", choices=(*STUDIES, "all"))
    found.add_argument("--device", help="cpu or cuda; by default the GPU if there is one")
    found.add_argument("--seeds", type=int, default=SEEDS)
    found.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="runs at a time, one core each"
    )
    found.add_argument("--work", type=Path, default=Path("runs/ablations"), help="folder for runs and scenes")
    found.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON")
    found.add_argument("--collect", action="store_true", help="only collect what has been run")
    add_limit(found, default_s=float("inf"))
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Run from the command line; exits with status 3 while runs are missing."""
    arguments = options().parse_args(argv)
    end = time.monotonic() + arguments.limit_s
    device = torch.device(arguments.device) if arguments.device else default_device()
    names = list(STUDIES) if "all" in arguments.studies else arguments.studies
    studies, seeds = [STUDIES[name] for name in names], range(arguments.seeds)
    collector = Collector(studies, seeds, device, arguments.work, arguments.out)
    tasks = [] if arguments.collect else list(pending(studies, seeds=seeds, folder=arguments.work))
    if tasks:
        print(f"{len(tasks)} runs to do, {arguments.workers} at a time", flush=True)
        draw_all(seeds, studies[0].base.canvas_px, arguments.work)
        work_through(
            tasks,
            device=device,
            workers=arguments.workers,
            folder=arguments.work,
            limit_s=end - time.monotonic(),
            on_result=collector.now_and_then,
        )
    incomplete = collector.write(final=True)
    for study in studies:
        report(study, collector.records[study.name].measured)
    if incomplete:
        print(f"incomplete: {', '.join(incomplete)}; run the same command again to resume")
        sys.exit(3)


def report(study: Study, measured: dict[str, Any]) -> None:
    """Print the means of the variants and the verdicts on the claims."""
    for name, runs in measured["runs"].items():
        values = [0.0 if "diverged" in found else found["metrics"]["map"] for found in runs]
        if values:
            print(f"{study.name}: {name}: mAP {sum(values) / len(values):.3f}, seeds: {len(values)}")
    for claim in measured["claims"]:
        if claim["low"] is not None:
            span = f"{claim['mean']:+.3f} ({claim['low']:+.3f} … {claim['high']:+.3f})"
            print(f"{study.name}: {claim['text']}: {span}: {claim['verdict']}")


if __name__ == "__main__":
    main()
