"""The catalogs of the Arabic edition.

``python book/translations.py update`` brings them up to date with the English (``make gettext``);
``python book/translations.py`` says how much of each page is translated, and what is wrong with it;
``python book/translations.py 01-matching`` lists the messages that are missing, fuzzy or wrong;
``python book/translations.py draw [PAGE …]`` runs notebooks, by default all that have figures, with Arabic
words in their figures, and keeps the pictures (``make figures``);
``python book/translations.py build _build/html`` builds the Arabic site into a site that is there, and the
Arabic notebooks (``make book``); ``python book/translations.py notebooks`` makes only the notebooks;
``python book/translations.py font`` fails if the Arabic font is not installed.
"""

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from arabic import (
    catalogs,
    checks,
    figures,
    fonts,
    notebooks,
    pages,
    pictures,
    site,
    words,
)


@dataclass(frozen=True)
class State:
    """How far the translation of a page is."""

    total: int
    missing: list[str] = field(default_factory=list)
    fuzzy: list[str] = field(default_factory=list)
    wrong: dict[str, list[str]] = field(default_factory=dict)


def state(page: str) -> State:
    """The page's messages as they are in the English now, looked up in its catalog."""
    entries = {entry.msgid: entry for entry in catalogs.load(page)}
    found = State(total=len(english := messages(page)))
    check = words.problems if page == words.CATALOG else checks.problems
    for message in english:
        entry = entries.get(message)
        if entry is None or entry.obsolete or not entry.msgstr:
            found.missing.append(message)
        elif entry.fuzzy:
            found.fuzzy.append(message)
        elif problems := check(message, entry.msgstr):
            found.wrong[message] = problems
    return found


def update() -> None:
    """Collect the messages of all pages and merge them into the catalogs."""
    for page in all_pages():
        if catalogs.update(page, messages(page)):
            print(f"{catalogs.path(page).name}: changed")


def all_pages() -> list[str]:
    """The catalogs: what belongs to no page, then the pages in their order."""
    return [pages.SITE, words.CATALOG, *pages.names()]


def messages(page: str) -> list[str]:
    """The messages of a catalog, each once."""
    if page == words.CATALOG:
        return pictures.messages()
    return pages.messages(page)


def draw(names: list[str]) -> None:
    """Draw the figures of pages in Arabic, and collect their words."""
    for page in names:
        began = time.perf_counter()
        for cell in figures.draw(page):
            print(f"  not as in English: {cell}")
        seconds = time.perf_counter() - began
        print(f"{page}: {seconds:.0f} s", flush=True)
    catalogs.update(words.CATALOG, pictures.messages())
    now = state(words.CATALOG)
    if todo := now.missing + now.fuzzy:
        print(f"Translate {len(todo)} words in figures.po; then draw again.")


def overview() -> None:
    """A line for each page."""
    print(f"{'page':22}{'messages':>9}{'missing':>9}{'fuzzy':>7}{'wrong':>7}")
    for page in all_pages():
        now = state(page)
        counts = f"{len(now.missing):9}{len(now.fuzzy):7}{len(now.wrong):7}"
        print(f"{page:22}{now.total:9}{counts}")


def details(page: str) -> None:
    """Everything that is to be done on a page."""
    now = state(page)
    for kind in ("missing", "fuzzy"):
        for message in getattr(now, kind):
            print(f"{kind}: {message}\n")
    for message, problems in now.wrong.items():
        print(f"wrong: {message}")
        print("".join(f"  {problem}\n" for problem in problems))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="*", help="a command, or names of pages")
    match parser.parse_args().what:
        case ["update"]:
            update()
        case ["build", folder]:
            site.build(Path(folder))
            notebooks.write(notebooks.FOLDER)
        case ["notebooks"]:
            notebooks.write(notebooks.FOLDER)
        case ["font"]:
            sys.exit(not fonts.installed())
        case ["draw", *some]:
            draw(some or figures.with_figures())
        case []:
            overview()
        case names:
            if unknown := set(names) - set(all_pages()):
                parser.error(f"no such page: {', '.join(sorted(unknown))}")
            for page in names:
                details(page)


if __name__ == "__main__":
    main()
