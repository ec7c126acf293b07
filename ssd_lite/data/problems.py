"""What is wrong, repaired or suspicious in a dataset, and the error that says so."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ssd_lite.messages import plural

Severity = Literal["error", "repair", "warning"]

SKIP_ADVICE = "skip_invalid=True (--skip-invalid on the command line) leaves out what is invalid"


@dataclass(frozen=True)
class Problem:
    """Something to report of a dataset: the file, the object in it (or none), and what is the matter.

    ``severity`` is ``"error"`` for what makes a box or an image unusable: training refuses the dataset, or,
    with ``skip_invalid``, leaves it out. ``"repair"`` is for what was repaired without loss,
    ``"warning"`` for what is used as it is but looks like a mistake.
    """

    file: str
    rule: str
    object: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        return f"{self.file}: {self.object}: {self.rule}" if self.object else f"{self.file}: {self.rule}"


class DatasetError(ValueError):
    """A dataset that cannot be used as it is; ``problems`` holds every error found in it."""

    SHOWN = 20

    def __init__(self, problems: Sequence[Problem] | str, *, advice: str = "") -> None:
        self.problems = () if isinstance(problems, str) else tuple(problems)
        if isinstance(problems, str):  # a message: so do a loader's worker processes pass an error on
            super().__init__(problems)
            return
        lines = [str(problem) for problem in self.problems[: self.SHOWN]]
        if len(self.problems) > self.SHOWN:
            lines.append(f"… and {plural(len(self.problems) - self.SHOWN, 'more problem')}")
        super().__init__("\n".join([*lines, advice] if advice else lines))


def errors(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems that make something unusable."""
    return tuple(problem for problem in problems if problem.severity == "error")


def count_problems(problems: Iterable[Problem]) -> dict[Severity, int]:
    """The number of problems of each severity."""
    counts = Counter(problem.severity for problem in problems)
    return {severity: counts[severity] for severity in get_args(Severity)}


def summarise(problems: Iterable[Problem]) -> str:
    """The number of problems of each severity: "1 error, 2 repairs, 3 warnings", or "no problems"."""
    counts = count_problems(problems)
    return ", ".join(plural(count, kind) for kind, count in counts.items() if count) or "no problems"
