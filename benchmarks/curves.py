"""Curves of mAP over steps and seconds that stay on disk as they grow, and the claim of a work folder."""

import json
from pathlib import Path
from typing import Any

from ssd_lite.files import write_atomic
from ssd_lite.recipes import Recipe


class Curve:
    """Points of mAP in a JSONL file; the file of an earlier run is read up to step ``until``."""

    def __init__(self, path: Path, *, until: int) -> None:
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self.points: list[dict[str, Any]] = [p for p in map(json.loads, lines) if p["step"] <= until]

    def add(self, step: int, seconds: float, mean: float) -> None:
        """Add a point and write the file; a step that has a point already keeps it."""
        if not self.points or self.points[-1]["step"] < step:
            self.points.append({"step": step, "seconds": round(seconds, 3), "map": mean})
        text = "".join(json.dumps(point) + "\n" for point in self.points)
        write_atomic(self.path, text.encode())


def claim(work: Path, run: Recipe, **beside: Any) -> None:
    """Write down which run a folder holds; raises ``ValueError`` if it holds another one."""
    path, settings = work / "run.json", json.loads(json.dumps(run.to_dict() | beside))
    if path.exists() and (held := json.loads(path.read_text())) != settings:
        differing = ", ".join(sorted(key for key in {*held, *settings} if held.get(key) != settings.get(key)))
        raise ValueError(
            f"--work {work} holds another run, which differs in {differing}; choose another folder"
        )
    write_atomic(path, json.dumps(settings, indent=1).encode())
