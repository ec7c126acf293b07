"""What must be the same in a translation as in the English: formulas, code, links, numbers."""

import re
from collections import defaultdict
from collections.abc import Callable

from markdown_it.token import Token

from .prose import parser, says_words

ARABIC = re.compile(r"[\u0621-\u064a]")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
OTHER_DIGITS = re.compile(r"[\u0660-\u0669\u06f0-\u06f9]")
HTML_TAG = re.compile(r"<(?!/?span).*>")  # a span marks what is Arabic
TARGET = re.compile(r"<([^<>]+)>\s*$")
KINDS: dict[str, tuple[str, Callable[[Token], list[str]]]] = {
    "math": ("math", lambda t: [" ".join(t.content.split())]),
    "code_inline": ("code", lambda t: [t.content]),
    "myst_role": (
        "roles",
        lambda t: [f"{t.meta['name']} {target(t.content)}"],
    ),
    "link_open": ("links", lambda t: [str(t.attrs["href"])]),
    "image": ("images", lambda t: [str(t.attrs["src"])]),
    "text": ("numbers", lambda t: NUMBER.findall(t.content)),
    "html_inline": ("tags", lambda t: HTML_TAG.findall(t.content)),
}
"""What must stay: by the type of token, a name for it, and what of the token it is."""
WITH_ENGLISH_TEXT = ("term", "ref", "doc")
"""Roles that show their target, an English term or title, where no text is given."""


def problems(english: str, arabic: str) -> list[str]:
    """What is wrong with a translation, in words; an empty list if nothing is."""
    before, after = parts(english), parts(arabic)
    found = []
    for kind in sorted(before.keys() | after.keys()):
        missing = sorted(before[kind] - after[kind])
        added = sorted(after[kind] - before[kind])
        if missing or added:
            found.append(f"{kind}: missing {missing}, added {added}")
    if english != arabic and says_words(english) and not ARABIC.search(arabic):
        found.append("not Arabic: translate it, or repeat the English")
    if OTHER_DIGITS.search(arabic):
        found.append("digits: 0 to 9 are used")
    return found + _untitled(arabic)


def parts(message: str) -> dict[str, set[str]]:
    """What a message holds besides words, by kind."""
    found: dict[str, set[str]] = defaultdict(set)
    (inline,) = parser().parseInline(message)
    for token in inline.children or ():
        for type_, (kind, values) in KINDS.items():
            if token.type.startswith(type_):
                found[kind].update(values(token))
    return found


def target(role: str) -> str:
    """What a role leads to: ``text <target>`` or ``target``."""
    found = TARGET.search(role)
    return found[1] if found else role


def _untitled(arabic: str) -> list[str]:
    """Roles that would show English words in the Arabic text."""
    (inline,) = parser().parseInline(arabic)
    roles = [t for t in inline.children or () if t.type == "myst_role"]
    return [
        f"text: write {{{role.meta['name']}}}`النص <{role.content}>`"
        for role in roles
        if role.meta["name"] in WITH_ENGLISH_TEXT
        and not TARGET.search(role.content)
        and not ARABIC.search(role.content)
    ]
