"""Time several sides in turn, in one process.

The rounds go A B A B, so that other load on the machine affects all sides alike, and ratios are taken within
each round. Absolute times mean something only on an idle machine.
"""

import gc
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

import torch

Work = Callable[[], object]


def in_turn(
    sides: Mapping[str, Work], *, device: torch.device, rounds: int, warmup: int = 2, calls: int = 1
) -> dict[str, list[float]]:
    """Seconds per call of each side, one number per round, after ``warmup`` untimed calls of each."""
    for work in sides.values():
        for _ in range(warmup):
            work()
    times: dict[str, list[float]] = {name: [] for name in sides}
    gc.collect()
    for _ in range(rounds):
        for name, work in sides.items():
            times[name].append(seconds(work, device=device, calls=calls))
    return times


def seconds(work: Work, *, device: torch.device, calls: int = 1) -> float:
    """Seconds per call, from an idle device until it is idle again."""
    synchronize(device)
    began = time.perf_counter()
    for _ in range(calls):
        work()
    synchronize(device)
    return (time.perf_counter() - began) / calls


def synchronize(device: torch.device) -> None:
    """Wait until the device is idle; a CPU always is."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def summary(times: Sequence[float]) -> dict[str, Any]:
    """Median and quartiles of the times, for the JSON."""
    return {"median_s": median(times), "quartiles_s": _quartiles(times), "rounds": len(times)}


def comparison(
    name: str,
    times: Mapping[str, Sequence[float]],
    *,
    goal: float | None,
    side: str = "ours",
    against: str = "torchvision",
) -> dict[str, Any]:
    """Times of two sides, and the share of the other side's time that ``side`` takes; ``goal`` is the wanted
    share.
    """
    shares = [ours / theirs for ours, theirs in zip(times[side], times[against], strict=True)]
    share = {"median": median(shares), "quartiles": _quartiles(shares)}
    sides = {key: summary(values) for key, values in times.items() if key in (side, against)}
    return {"name": name, "side": side, **sides, "share": share, "goal": goal}


def format_comparison(compared: Mapping[str, Any]) -> str:
    """A comparison as one line of text."""
    ours, theirs = (compared[side]["median_s"] for side in (compared["side"], "torchvision"))
    low, high = compared["share"]["quartiles"]
    goal = "" if compared["goal"] is None else f", goal: {compared['goal']:.3g}"
    return (
        f"{compared['name']}: {ours * 1e3:.2f} ms, torchvision {theirs * 1e3:.2f} ms; "
        f"share {compared['share']['median']:.3f} ({low:.3f} … {high:.3f}){goal}"
    )


@contextmanager
def no_host_sync(device: torch.device) -> Iterator[None]:
    """Raise ``RuntimeError`` if the host waits for the GPU inside the block; no effect on a CPU."""
    if device.type != "cuda":
        yield
        return
    with warnings.catch_warnings():  # PyTorch calls this mode a prototype
        warnings.simplefilter("ignore")
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def peak_gib(work: Work, *, device: torch.device) -> float | None:
    """Peak GiB of GPU memory during a call, including what was allocated before; None on a CPU."""
    if device.type != "cuda":
        return None
    synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    work()
    synchronize(device)
    return torch.cuda.max_memory_allocated(device) / 2**30


def _quartiles(values: Sequence[float]) -> list[float]:
    if len(values) < 2:
        return [values[0], values[0]]
    low, _, high = quantiles(values, n=4, method="inclusive")
    return [low, high]
