"""From the files of single runs to the JSON of a study: runs, paired differences, verdicts, costs."""

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.ablations import architectures
from benchmarks.ablations.statistics import interval, verdict
from benchmarks.ablations.study import Claim, Run, Study
from ssd_lite.data.scenes import CLASSES
from ssd_lite.files import write_atomic

Runs = dict[str, list[dict[str, Any]]]
"""Results by variant; each holds the ``seed`` that it was run with."""


def path_of(run: Run, folder: Path) -> Path:
    """The file that holds, or will hold, the result of a run."""
    return folder / f"{run.key}.json"


def keep(run: Run, result: dict[str, Any], folder: Path) -> None:
    """Write the result of a run."""
    write_atomic(path_of(run, folder), json.dumps(result).encode())


def collect(study: Study, *, seeds: Sequence[int], folder: Path) -> dict[str, Any]:
    """All finished runs of a study, its settings, and what the runs say about each claim."""
    runs: Runs = {name: [] for name in study.variants}
    for name in study.variants:
        for seed in seeds:
            path = path_of(study.run(name, seed), folder)
            if path.exists():
                runs[name].append({"seed": seed, **json.loads(path.read_text())})
    common = Run(recipe=study.base, robustness=study.robustness).settings()
    settings = {name: study.run(name, study.base.seed).settings() for name in study.variants}
    return {
        "study": study.name,
        "base": common,
        "variants": {
            name: {key: value for key, value in own.items() if value != common[key]}
            for name, own in settings.items()
        },
        "interval": "95 % t interval of the mean of differences paired by seed",
        "claims": [settle(claim, runs) for claim in study.claims],
        "runs": runs,
    }


def settle(claim: Claim, runs: Runs) -> dict[str, Any]:
    """The differences of a claim, seed by seed, their mean and interval, and the verdict."""
    found = differences(claim, runs)
    low, high = interval(list(found.values()))
    return {
        "text": claim.text,
        "contrast": dict(claim.contrast),
        "metric": claim.metric,
        "margin": claim.margin,
        "differences": {str(seed): round(value, 5) for seed, value in found.items()},
        "mean": round(fmean(found.values()), 5) if found else None,
        "low": round(low, 5) if math.isfinite(low) else None,
        "high": round(high, 5) if math.isfinite(high) else None,
        "verdict": verdict(low, high, margin=claim.margin),
    }


def differences(claim: Claim, runs: Runs) -> dict[int, float]:
    """The weighted sum of results for every seed that all variants of a claim were run with."""
    by_seed = {
        name: {run["seed"]: result(run, claim.metric) for run in runs[name]} for name in claim.contrast
    }
    common = set.intersection(*(set(results) for results in by_seed.values()))
    return {
        seed: sum(weight * by_seed[name][seed] for name, weight in claim.contrast.items())
        for seed in sorted(common)
    }


def result(run: dict[str, Any], metric: str) -> float:
    """The final result of a run; 0 if it diverged, since nothing is detected then."""
    return 0.0 if "diverged" in run else float(run["metrics"][metric])


def restore(study: Study, measured: dict[str, Any], folder: Path) -> int:
    """Write the runs that a study's JSON holds as files of their own; returns how many are still valid.

    A run is valid if its variant has the same settings as when it was run. So a machine that forgets
    everything needs only the JSON to resume.
    """
    restored = 0
    for name, runs in measured.get("runs", {}).items():
        for found in runs if name in study.variants else ():
            run = study.run(name, found["seed"])
            then = measured["base"] | measured["variants"][name] | {"seed": found["seed"]}
            if same_settings(run.settings(), then):
                keep(run, {key: value for key, value in found.items() if key != "seed"}, folder)
                restored += 1
    return restored


def same_settings(now: dict[str, Any], then: dict[str, Any]) -> bool:
    """Whether settings are those that were measured; ones that did not exist then do not count."""
    return all(name in now and now[name] == value for name, value in then.items())


def costs(study: Study, *, device: torch.device, images: int = 32, rounds: int = 20) -> dict[str, Any]:
    """What prediction costs with each architecture of a study: operations, weights, and seconds per image."""
    found = {}
    for variation in study.variants.values():
        model = architectures.build(variation.architecture, CLASSES).to(device).eval()
        inputs = torch.rand(images, 3, 128, 128, device=device)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(inputs)
        found[variation.architecture] = {
            "flops_per_image": counter.get_total_flops() / images,
            "weights": sum(parameter.numel() for parameter in model.parameters()),
            "default_boxes": len(model.default_boxes),
            "forward_s_per_image": _forward_s(model, inputs, rounds) / images,
        }
    return found


def _forward_s(model: torch.nn.Module, inputs: torch.Tensor, rounds: int) -> float:
    """Median seconds of a forward pass."""
    times = []
    with torch.no_grad():
        for _ in range(rounds):
            began = time.perf_counter()
            float(model(inputs)[0].sum())  # waits for the device
            times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2]
