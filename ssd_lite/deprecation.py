"""Old names that still work for one version, with a ``DeprecationWarning``."""

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def warn_renamed(old: str, new: str, *, stacklevel: int = 3) -> None:
    """Warn that ``old`` is now called ``new``; by default in the name of the caller's caller."""
    warnings.warn(
        f"{old} is now {new}; the old name goes away in the next version", DeprecationWarning, stacklevel
    )


def renamed(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` for old names, each mapped to "module.name" of the new one.

    ``__getattr__ = renamed(__name__, {"Old": "ssd_lite.place.New"})``
    """

    def getattr_(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn_renamed(f"{module}.{name}", names[name])
        place, _, new = names[name].rpartition(".")
        return getattr(import_module(place), new)

    return getattr_
