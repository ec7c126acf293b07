"""The site of the Arabic edition, built beside the English one."""

import filecmp
import re
import shutil
import subprocess
import sys
from pathlib import Path

from . import notebooks, sources
from .prose import ROOT

SHARED = ("_static", "_images")
LINK = re.compile(
    rf'((?:src|href|data-[\w-]+)=")({"|".join(SHARED)})/([^"?#]+)'
)


def build(english: Path) -> None:
    """Build the Arabic site into the folder ``ar`` of the English one."""
    folder = english.parent / "ar"
    shutil.rmtree(folder, ignore_errors=True)
    sources.write(folder, english)
    jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
    options = ["-W", "-n", "--keep-going", "--quiet"]
    places = ["--config", folder / "_config.yml", "--path-output", folder]
    subprocess.run(
        [jupyter_book, "build", folder / "source", *options, *places],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,  # names a folder that is moved below
    )
    shutil.rmtree(english / "ar", ignore_errors=True)
    shutil.move(folder / "_build" / "html", english / "ar")
    finish(english)


def finish(english: Path) -> None:
    """Share files with the English site, mark pages as running from right to left, and notebooks."""
    arabic = english / "ar"
    shared = drop_copies(english, arabic)
    for page in arabic.glob("*.html"):
        text = page.read_text().replace(
            '<html lang="ar"', '<html lang="ar" dir="rtl"', 1
        )
        page.write_text(LINK.sub(lambda link: _nearest(link, shared), text))
    for path in (arabic / "_sources").glob("*.ipynb"):
        path.write_text(notebooks.in_json(path.stem))


def drop_copies(english: Path, arabic: Path) -> set[str]:
    """Delete what the English site has as well; returns the names of these files."""
    shared = set()
    for folder in SHARED:
        for path in list((arabic / folder).rglob("*")):
            name = path.relative_to(arabic).as_posix()
            original = english / name
            if original.is_file() and filecmp.cmp(original, path, False):
                path.unlink()
                shared.add(name)
        for path in sorted((arabic / folder).rglob("*"), reverse=True):
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
    return shared


def _nearest(link: re.Match[str], shared: set[str]) -> str:
    """A link, to the English site's file if the Arabic one has none of its own."""
    name = f"{link[2]}/{link[3]}"
    return f"{link[1]}../{name}" if name in shared else link[0]
