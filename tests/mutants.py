"""Break each line of the core and see that a test notices: ``python -m tests.mutants``, or ``make mutants``.

mutmut changes one operator, number, argument or word at a time in the modules that ``pyproject.toml`` names,
and runs the tests that reach the line. What came out stands in ``tests/mutants.md``: the numbers are written
by this program, the reason why a mutant may survive by hand. The command fails where a survivor has no
reason, or where less than 90 % are killed.

mutmut changes the bodies of functions; it leaves out defaults, constants and functions with a decorator.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
REPORT = Path(__file__).with_suffix(".md")
WANTED = 0.9
NOTICED = ("killed", "timeout", "segfault", "suspicious")
MISSING = "**no reason yet**"
HEAD = """# Mutants

Written by `make mutants`, but for the reasons. A mutant is the package with one small change; it is killed
when a test of the eight core modules or of `tests/test_device.py` fails. Defaults, constants and decorated
functions are not tried.

"""


@dataclass(frozen=True)
class Mutant:
    """``name`` is mutmut's; a change of the code renumbers it, so reports go by what it changes."""

    name: str
    status: str

    @property
    def module(self) -> str:
        return self.name.split(".")[1]

    @property
    def noticed(self) -> bool:
        return self.status in NOTICED


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=1, help="mutants at a time")
    parser.add_argument("--no-run", action="store_true", help="report on the last run alone")
    options = parser.parse_args()
    if not options.no_run:
        shutil.rmtree(ROOT / "mutants", ignore_errors=True)  # what mutmut keeps misses tests of new functions
        mutmut("run", "--max-children", str(options.cores), show=True)
    found = results(mutmut("results", "--all", "true"))
    survivors = [change(mutant) for mutant in found if not mutant.noticed]
    known = reasons(REPORT.read_text()) if REPORT.exists() else {}
    REPORT.write_text(report(found, survivors, known))
    sys.exit(verdict(found, survivors, known))


def mutmut(*arguments: str, show: bool = False) -> str:
    """What a command of mutmut prints; ``show`` lets it print instead."""
    command = [str(Path(sys.executable).parent / "mutmut"), *arguments]
    environment = os.environ | {"HYPOTHESIS_PROFILE": "mutants", "OMP_NUM_THREADS": "1"}
    pipe = None if show else subprocess.PIPE
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=pipe, text=True, check=True)
    return done.stdout or ""


def results(text: str) -> list[Mutant]:
    """The mutants in the output of ``mutmut results``."""
    found = [
        Mutant(*line) for line in re.findall(r"^\s*(ssd_lite\.\S+__mutmut_\d+): (.+)$", text, re.MULTILINE)
    ]
    unchecked = sum(mutant.status == "not checked" for mutant in found)
    if unchecked or not found:
        raise SystemExit(f"{unchecked} of {len(found)} mutants were not tried: run mutmut to its end")
    return found


def change(mutant: Mutant) -> str:
    """Where a mutant is and what it changes, as one line."""
    diff = mutmut("show", mutant.name).splitlines()
    old, new = (
        " ".join(line[1:].strip() for line in diff if re.match(rf"[{sign}](?![{sign}]{{2}} )", line))
        for sign in "-+"
    )
    function = re.sub(r"__mutmut_\d+$", "", mutant.name.removeprefix("ssd_lite."))
    function = function.replace(".xǁ", ".").replace("ǁ", ".").replace(".x_", ".")
    return f"`{function}`: `{old}` → `{new}`"


def reasons(text: str) -> dict[str, str]:
    """The reason of each survivor in a report."""
    return dict(re.findall(r"^- (`.+?)  \n  (.+)$", text, re.MULTILINE))


def source_of(survivor: str) -> Path:
    """The file that a survivor is in: "`augmentation.crop._choose`: …" is in augmentation/crop.py."""
    path = ROOT / "ssd_lite"
    for part in survivor.split("`")[1].split("."):
        path /= part
        if path.with_suffix(".py").is_file():
            return path.with_suffix(".py")
    raise FileNotFoundError(survivor)


def report(found: list[Mutant], survivors: list[str], known: dict[str, str]) -> str:
    """The whole file."""
    all_of, noticed = Counter(m.module for m in found), Counter(m.module for m in found if m.noticed)
    rows = [
        f"| {module} | {count} | {noticed[module]} | {noticed[module] / count:.1%} |"
        for module, count in all_of.items()
    ]
    total = f"| all | {len(found)} | {noticed.total()} | {noticed.total() / len(found):.1%} |"
    table = "\n".join(["| module | mutants | killed | share |", "|---|---|---|---|", *rows, total])
    listed = "\n".join(f"- {survivor}  \n  {known.get(survivor, MISSING)}" for survivor in survivors)
    return f"{HEAD}{table}\n\n## Survivors, and why\n\n{listed}\n"


def verdict(found: list[Mutant], survivors: list[str], known: dict[str, str]) -> str | None:
    """What is wrong, or None."""
    killed = 1 - len(survivors) / len(found)
    unlisted = [survivor for survivor in survivors if known.get(survivor, MISSING) == MISSING]
    print(f"{killed:.1%} of {len(found)} mutants killed; {len(survivors)} survivors are in {REPORT.name}")
    if unlisted:
        return "\n".join([f"{len(unlisted)} survivors without a reason in {REPORT.name}:", *unlisted])
    return f"less than {WANTED:.0%} are killed" if killed < WANTED else None


if __name__ == "__main__":
    main()
