"""Wording that several modules' messages share."""

import reprlib

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 60


def short_repr(value: object) -> str:
    """``repr(value)`` on one line and of bounded length."""
    return _REPR.repr(value)


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """The count with its noun: "1 image", "2 images"; ``nouns`` is an irregular plural."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
