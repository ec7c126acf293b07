"""What the text files in ``ImageSets/Main`` list: the images of a split."""

import re
from collections import Counter
from collections.abc import Container
from pathlib import Path
from typing import NamedTuple

from ssd_lite.data.paths import IMAGE_SUFFIXES
from ssd_lite.data.problems import Problem
from ssd_lite.messages import plural, short_repr

FLAGS = ("-1", "0", "1")
"""Second column in VOC's split files of one class: absent, difficult, present."""


class Listed(NamedTuple):
    """The images of a split, each once and in order, and what is wrong with the list."""

    names: tuple[str, ...]
    problems: tuple[Problem, ...]


def read_split_list(path: Path, file: str, known: Container[str]) -> Listed:
    """The images that a file lists by the names that are known; ``file`` is what messages call it.

    Names may carry an image's suffix, or a path in front, as other tools write them.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        return Listed((), (Problem(file, f"must be text in UTF-8: {error}"),))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = [_name(line, known) for line in lines]
    times = Counter(name for name, _ in found)
    problems = [
        Problem(file, f"must list {short_repr(name)} once, got {many} times")
        for name, many in times.items()
        if many > 1
    ]
    repaired = [line for line, (_, was_file) in zip(lines, found, strict=True) if was_file]
    if repaired:
        files = plural(len(repaired), "image listed as a file was", "images listed as files were")
        rule = f"{files} found by name, got {short_repr(repaired[0])}"
        problems.append(Problem(file, rule, severity="repair"))
    return Listed(tuple(times), tuple(problems))


def _name(line: str, known: Container[str]) -> tuple[str, bool]:
    """The image that a line names, and whether the line names its file.

    The name is all of the line, or what stands before the flag of a split of one class.
    """
    if line in known:
        return line, False
    first, *flag = line.rsplit(maxsplit=1)
    name = first if flag and flag[0] in FLAGS else line
    if name in known or not name.lower().endswith(IMAGE_SUFFIXES):
        return name, False
    parts = re.split(r"[\\/]", name[: name.rindex(".")])
    # Of "/data/set/JPEGImages/sub/a.jpg" first "sub/a", then "a"; only files known by name are ever opened.
    ends = ("/".join(parts[start:]) for start in range(len(parts)))
    end = next((end for end in ends if end in known), None)
    return (name, False) if end is None else (end, True)
