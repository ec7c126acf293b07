"""Settings: checked by their types, frozen, and wrong ones named in plain words."""

import dataclasses
import inspect
import re
from typing import Annotated, Literal

import pytest
from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from ssd_lite.settings import settings

pytestmark = pytest.mark.plain  # values of a wrong type would meet the run-time type checks first


@settings()
class Inner:
    span: tuple[StrictFloat, StrictFloat] = (0.0, 1.0)
    kind: Literal["area", "side"] = "area"

    def __post_init__(self) -> None:
        if self.span[0] > self.span[1]:
            raise ValueError(f"span must rise, got {self.span}")


@settings()
class Outer:
    name: StrictStr
    count: Annotated[StrictInt, Field(ge=1, le=100)] = 3
    rate: Annotated[StrictFloat, Field(gt=0, lt=1)] = 0.5
    inner: Inner | None = None
    fast: StrictBool | None = None
    steps: tuple[StrictInt, ...] = ()


@settings(kw_only=False)
class Positional:
    size: Annotated[StrictInt, Field(ge=1)]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": 0}, "count must be at least 1, got 0"),
        ({"count": 101}, "count must be at most 100, got 101"),
        ({"count": True}, "count must be a whole number, got True"),
        ({"count": 2.5}, "count must be a whole number, got 2.5"),
        ({"rate": 0}, "rate must be greater than 0, got 0"),
        ({"rate": 1.0}, "rate must be less than 1, got 1.0"),
        ({"rate": "fast"}, "rate must be a number, got 'fast'"),
        ({"rate": float("nan")}, "rate must be finite, got nan"),
        ({"name": None}, "name must be text, got None"),
        ({"fast": 1}, "fast must be true or false, got 1"),
        ({"steps": 3}, "steps must be a list, got 3"),
        ({"steps": [1, "late"]}, "steps[1] must be a whole number, got 'late'"),
        ({"inner": 3}, "inner must be Inner, or an object with its settings, got 3"),
        ({"inner": {"kind": "volume"}}, "inner.kind must be one of area, side, got 'volume'"),
        ({"inner": {"span": (2, 1)}}, "inner: span must rise, got (2.0, 1.0)"),
        ({"inner": {"colour": "red"}}, "unknown setting 'inner.colour'"),
        ({"colour": "red"}, "unknown setting 'colour'"),
        ({"inner": {"span": (1,)}}, "inner.span[1] must be given"),
        ({"inner": {"span": (1, 2, 3)}}, "inner.span must have at most 2 values, got (1, 2, 3)"),
        ({"count": 0, "rate": 2.0}, "count must be at least 1, got 0; rate must be less than 1, got 2.0"),
    ],
)
def test_a_wrong_value_is_named_with_its_rule(values: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$") as caught:
        Outer(**{"name": "x"} | values)
    assert type(caught.value) is ValueError


def test_a_missing_value_is_named() -> None:
    with pytest.raises(ValueError, match=r"^name must be given$"):
        Outer()
    with pytest.raises(ValueError, match=r"^size must be given$"):
        Positional()
    with pytest.raises(ValueError, match=r"^size must be at least 1, got 0$"):
        Positional(0)


def test_a_rule_of_ones_own_is_told_as_it_is() -> None:
    with pytest.raises(ValueError, match=r"^span must rise, got \(2.0, 1.0\)$"):
        Inner(span=(2.0, 1.0))


def test_lists_become_tuples_and_objects_become_settings() -> None:
    outer = Outer(name="x", steps=[1, 2], inner={"span": [0, 0.5]})
    assert outer.steps == (1, 2)
    assert outer.inner == Inner(span=(0.0, 0.5))
    assert dataclasses.asdict(outer)["inner"] == {"span": (0.0, 0.5), "kind": "area"}


def test_settings_are_frozen_hashable_and_can_be_replaced() -> None:
    outer = Outer(name="x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        outer.count = 4
    assert hash(outer) == hash(Outer(name="x"))
    assert dataclasses.replace(outer, count=4).count == 4
    with pytest.raises(ValueError, match="count must be at least 1"):
        dataclasses.replace(outer, count=0)


def test_positions_are_for_those_who_allow_them() -> None:
    assert Positional(3) == Positional(size=3)
    with pytest.raises(TypeError, match="Inner takes 0 by position, got 1"):
        Inner((0.0, 1.0))
    with pytest.raises(TypeError, match="Positional takes 1 by position, got 2"):
        Positional(3, 4)


def test_the_signature_shows_plain_types():
    shown = str(inspect.signature(Outer))
    assert shown.startswith("(*, name: str, count: int = 3, rate: float = 0.5, ")
    assert "Annotated" not in shown
    assert str(inspect.signature(Positional)) == "(size: int) -> None"
