"""The tests. ``tests.typechecked`` is the run-time type checker that ``make test`` uses."""

from beartype import BeartypeConf, beartype

typechecked = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""Takes an int for a float, as static type checkers do."""
