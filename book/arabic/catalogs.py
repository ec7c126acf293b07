"""The catalogs of translations: a PO file a page, brought up to date as ``msgmerge`` does it."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

import polib

from .pages import BOOK
from .prose import Say

FOLDER = BOOK / "locale" / "ar" / "LC_MESSAGES"
HEADER = {
    "Project-Id-Version": "ssd_lite",
    "Language": "ar",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
}
ALIKE = 0.6
"""How like each other two messages must be for one to be taken for the other, changed; 1 is equal."""


def path(page: str) -> Path:
    """The catalog of a page."""
    return FOLDER / f"{page}.po"


def load(page: str) -> polib.POFile:
    """The catalog of a page; one that is not there is empty."""
    file = path(page)
    return polib.pofile(str(file)) if file.exists() else polib.POFile()


def translator(page: str) -> Say:
    """What the catalog has for a message, even if it was not used for a while; others stay English."""
    known = {e.msgid: e.msgstr for e in load(page) if e.msgstr and not e.fuzzy}
    return lambda message: known.get(message, message)


def update(page: str, messages: Iterable[str]) -> bool:
    """Bring the catalog of a page up to date; whether that changed it."""
    file = path(page)
    before = file.read_text() if file.exists() else ""
    text = f"{merged(load(page), list(messages))}".rstrip("\n") + "\n"
    if text == before:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return True


def merged(old: polib.POFile, messages: list[str]) -> polib.POFile:
    """The catalog for these messages.

    Translations of messages that are still there are kept. A message that was changed keeps its old
    translation as a fuzzy one, with the old English beside it. What is not used any more goes to the end.
    """
    known = {entry.msgid: entry for entry in old}
    gone = {
        entry.msgid: entry
        for entry in old
        if entry.msgid not in messages and entry.msgstr
    }
    new = polib.POFile(wrapwidth=0)
    new.metadata = HEADER
    for message in messages:
        entry = known.get(message) or _like(message, gone)
        entry.obsolete = False
        new.append(entry)
    for entry in gone.values():
        entry.obsolete = True
        new.append(entry)
    return new


def _like(message: str, gone: dict[str, polib.POEntry]) -> polib.POEntry:
    """An entry for a new message, with the translation of a similar one that has gone, if there is one."""
    entry = polib.POEntry(msgid=message)
    for old in get_close_matches(message, gone, n=1, cutoff=ALIKE):
        former = gone.pop(old)
        entry.msgstr = former.msgstr
        entry.tcomment = former.tcomment
        entry.previous_msgid = former.previous_msgid or old
        entry.flags = ["fuzzy"]
    return entry
