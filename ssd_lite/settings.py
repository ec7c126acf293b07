"""Settings: frozen dataclasses whose values pydantic checks, with this package's messages."""

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from functools import wraps
from inspect import Signature, signature
from typing import Any, NoReturn, TypeVar, cast, dataclass_transform, get_type_hints

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from ssd_lite.messages import validation_message

T = TypeVar("T")

CONFIG = ConfigDict(extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field, Field))
def settings(*, kw_only: bool = True) -> Callable[[type[T]], type[T]]:
    """Class decorator: a frozen dataclass whose fields pydantic checks by their types.

    Fields of type ``StrictInt``, ``StrictFloat`` and the like take nothing that must be converted, such as
    true for 1; lists become tuples, and an object with the settings becomes the dataclass. Rules about
    several fields go into ``__post_init__``. Whatever is wrong is raised as a plain ``ValueError`` with
    :func:`ssd_lite.messages.validation_message`.
    """

    def decorate(cls: type[T]) -> type[T]:
        checked: Any = dataclass(frozen=True, kw_only=kw_only, config=CONFIG)(cls)
        checked.__init__ = _with_plain_errors(checked.__init__)
        checked.__signature__ = _plain_signature(checked)
        return cast(type[T], checked)

    return decorate


class FrozenDict(dict[str, Any]):
    """A dictionary that cannot be changed and therefore has a hash; JSON and ``**`` take it as any other."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("settings cannot be changed: make new ones, for example with Recipe.changed")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:  # pickle would otherwise set the items one by one
        return FrozenDict, (dict(self),)


def freeze(value: Any) -> Any:
    """The value with lists as tuples and dictionaries as :class:`FrozenDict`, at every depth."""
    if isinstance(value, Mapping):
        return FrozenDict({key: freeze(inner) for key, inner in value.items()})
    return tuple(freeze(inner) for inner in value) if isinstance(value, list | tuple) else value


def _plain_signature(cls: type) -> Signature:
    """The signature with plain types, without pydantic's constraints, for ``help`` and the API pages."""
    original, types = signature(cls), get_type_hints(cls)
    plain = [item.replace(annotation=types[item.name]) for item in original.parameters.values()]
    return original.replace(parameters=plain)


def _with_plain_errors(init: Callable[..., None]) -> Callable[..., None]:
    @wraps(init)
    def checked_init(self: Any, *arguments: Any, **values: Any) -> None:
        names = [setting.name for setting in fields(self) if not setting.kw_only]
        if len(arguments) > len(names):
            raise TypeError(f"{type(self).__name__} takes {len(names)} by position, got {len(arguments)}")
        try:  # all by name, so that pydantic names those that were given by position, too
            init(self, **dict(zip(names, arguments, strict=False)), **values)
        except ValidationError as error:
            raise ValueError(validation_message(error)) from None

    return checked_init
