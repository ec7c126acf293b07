"""Names of splits: what tools call the part to train on, to validate on, and to test on."""

import re
from collections.abc import Sequence
from pathlib import Path

from ssd_lite.data.paths import subfolders

ALL = "all"
"""The one split of a folder that names none."""

SYNONYMS = (
    ("train", "training", "trainset"),
    ("trainval",),
    ("val", "valid", "validation", "dev"),
    ("test", "testing", "testset"),
)
"""Names that mean the same split; a year or number may follow them, as in ``val2017``."""

TRAINING, HELD_OUT_FIRST = ("trainval", "train"), ("test", "val")
"""What to train on and to measure on where nothing is said, the preferred first."""


def meaning(name: str) -> str | None:
    """The usual name of a split: "val" for "Valid" and "validation2017"; ``None`` for other names."""
    plain = re.sub(r"[-_ ]?\d+$", "", name.strip().lower())
    return next((names[0] for names in SYNONYMS if plain in names), None)


def split_folders(root: Path) -> dict[str, Path]:
    """The subfolders that are named like splits, by name."""
    return {folder.name: folder for folder in subfolders(root) if meaning(folder.name)}


def find_split(wanted: str, splits: Sequence[str]) -> str | None:
    """The split with that name, or else the one whose name means the same."""
    if wanted in splits:
        return wanted
    usual = meaning(wanted)
    return next((name for name in splits if usual is not None and meaning(name) == usual), None)


def preferred(splits: Sequence[str], usual: Sequence[str]) -> str | None:
    """The first split that means one of the usual names."""
    return next((name for want in usual for name in splits if meaning(name) == want), None)


def in_usual_order(splits: Sequence[str]) -> tuple[str, ...]:
    """The splits, those to train on first, then those to validate and to test on, then all others."""
    usual = [names[0] for names in SYNONYMS]
    places = {name: usual.index(known) if (known := meaning(name)) else len(usual) for name in splits}
    return tuple(sorted(splits, key=lambda name: places[name]))
