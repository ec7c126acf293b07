"""Class names in pictures: a font that has their characters, or a substitute."""

from collections.abc import Sequence
from functools import cache

from matplotlib.font_manager import findfont, fontManager, get_font

DEFAULT = "DejaVu Sans"

PLACEHOLDER_FONTS = ("Last Resort High-Efficiency", "LastResort")
"""Fonts that claim every character and draw an empty frame for it."""


def class_names(classes: Sequence[str]) -> tuple[str, ...]:
    """The names to write on a picture: a name that no installed font can write becomes "class 3".

    The number is the class's label, from 1. Line breaks become spaces.
    """
    flat = (" ".join(name.split()) for name in classes)
    return tuple(name if families(name) else f"class {label}" for label, name in enumerate(flat, start=1))


def families(text: str) -> list[str]:
    """Font families that together can write the text, empty if the installed ones cannot.

    The default family comes first; where it lacks characters, an installed one that has them follows.
    """
    missing = frozenset(character for character in text if not _has(findfont(DEFAULT), character))
    if not missing:
        return [DEFAULT]
    fallback = _family_with(missing)
    return [DEFAULT, fallback] if fallback else []


@cache
def _family_with(characters: frozenset[str]) -> str | None:
    for font in fontManager.ttflist:
        if font.name not in PLACEHOLDER_FONTS and all(_has(font.fname, c) for c in characters):
            return str(font.name)
    return None


def _has(path: str, character: str) -> bool:
    return bool(get_font(path).get_char_index(ord(character)))
