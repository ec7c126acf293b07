"""Old names that still work for one version, with a ``DeprecationWarning``."""

import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


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


def renamed_arguments(**names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator for a function that still takes old names of its keyword arguments: ``old="new"``."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def with_old_names(*arguments: P.args, **options: P.kwargs) -> R:
            for old in names.keys() & options.keys():
                warn_renamed(f"{function.__name__}({old}=)", f"{names[old]}=")
                options[names[old]] = options.pop(old)
            return function(*arguments, **options)

        return with_old_names

    return decorate
