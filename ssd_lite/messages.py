"""Wording that several modules' messages share."""

import reprlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 60

_RULES = {
    "bool_type": "be true or false",
    "dataclass_type": "be {class_name}, or an object with its settings",
    "finite_number": "be finite",
    "float_type": "be a number",
    "greater_than": "be greater than {gt}",
    "greater_than_equal": "be at least {ge}",
    "int_type": "be a whole number",
    "less_than": "be less than {lt}",
    "less_than_equal": "be at most {le}",
    "literal_error": "be one of {choices}",
    "mapping_type": "be an object",
    "string_type": "be text",
    "too_long": "have at most {max_length} values",
    "too_short": "have at least {min_length} values",
    "tuple_type": "be a list",
}
"""What each of pydantic's errors says that a value must be or have."""


def short_repr(value: object) -> str:
    """``repr(value)`` on one line and of bounded length."""
    return _REPR.repr(value)


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """The count with its noun: "1 image", "2 images"; ``nouns`` is an irregular plural."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def validation_message(error: ValidationError) -> str:
    """Pydantic's errors in this package's words: "alpha must be at least 0, got -1", joined by semicolons.

    A setting inside another is named by its path: "crop.weights[1]". What a validator of our own raised is
    kept as it is, behind the name of the setting that it stands in.
    """
    details = error.errors(include_url=False)
    return "; ".join(dict.fromkeys(_one_message(dict(detail)) for detail in details))


def _one_message(detail: Mapping[str, Any]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    context = {name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()}
    setting = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"])
    setting = setting.removeprefix(".")
    if kind == "value_error":
        rule = str(context["error"])
        return f"{setting}{' ' if rule.startswith('must ') else ': '}{rule}" if setting else rule
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"unknown setting {setting!r}"
    if kind in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return f"{setting} must be given"
    got = f"got {short_repr(detail['input'])}"
    if kind not in _RULES:
        return f"{setting}: {detail['msg']}, {got}"
    choices = context.get("expected", "").replace(" or ", ", ").replace("'", "")
    return f"{setting} must {_RULES[kind].format(**context, choices=choices)}, {got}"
