"""Say where the repository lies, in every file that must know: ``python book/address.py https://…``.

The address stands in pyproject.toml; the book's settings, the reference and the install cells of the
chapters repeat it, since each of them is read on its own.
"""

import argparse
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def places() -> list[Path]:
    """The files that name the address."""
    names = (
        "pyproject.toml",
        "_config.yml",
        "CITATION.cff",
        "README.md",
        "README.ar.md",
        "book/references.md",
    )
    return [
        *(ROOT / name for name in names),
        *sorted((ROOT / "book").glob("*.ipynb")),
    ]


def address() -> str:
    """The address as pyproject.toml has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["urls"]["Repository"])


def move(url: str) -> None:
    """Put another address in the place of the old one, everywhere."""
    old = address()
    for path in places():
        path.write_text(path.read_text().replace(old, url.rstrip("/")))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    move(parser.parse_args().url)
