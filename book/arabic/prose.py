"""The prose of a Markdown text: each message of it can be replaced, and nothing else changes.

A message is what a translator sees at once: a paragraph, a heading, a cell of a table, a title, an alt text.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import yaml
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

ROOT = Path(__file__).parents[2]
Say = Callable[[str], str]
Lines = list[str | None]

PROSE = {
    "admonition",
    "button-ref",
    "card",
    "caution",
    "div",
    "dropdown",
    "exercise",
    "figure",
    "grid",
    "grid-item",
    "grid-item-card",
    "hint",
    "important",
    "list-table",
    "margin",
    "note",
    "seealso",
    "sidebar",
    "tab-item",
    "tab-set",
    "table",
    "tip",
    "warning",
}
"""Directives whose body is Markdown."""
TITLED = {
    "admonition",
    "card",
    "dropdown",
    "exercise",
    "grid-item-card",
    "list-table",
    "sidebar",
    "tab-item",
    "table",
}
"""Directives whose first line ends in a title."""
OTHER = {
    "bibliography",
    "code-block",
    "glossary",
    "math",
    "solution-start",
    "solution-end",
}
"""Directives that hold no prose, and the glossary, which has rules of its own."""

OPTION = re.compile(r"^(\s*:(?P<name>[\w-]+):\s*)(?P<value>.*)$")
LETTER = re.compile("[A-Za-z]")
HTML_TEXT = re.compile(r'(?<=>)[^<>]*[^\W\d_][^<>]*(?=<)|(?<=alt=")[^"]+(?=")')


@lru_cache(maxsize=1)
def parser() -> MarkdownIt:
    """The parser of the book's Markdown, with the extensions that the book has."""
    settings = yaml.safe_load((ROOT / "_config.yml").read_text())
    extensions = set(settings["parse"]["myst_enable_extensions"])
    config = MdParserConfig(enable_extensions=extensions)
    return create_md_parser(config, RendererHTML)


def rewrite(text: str, say: Say) -> str:
    """The text with each message replaced by what ``say`` returns for it."""
    lines: Lines = list(text.split("\n"))
    columns: dict[int, int] = {}
    for token in parser().parse(text):
        if token.type == "inline":
            _inline(lines, token, columns, say)
        elif token.type in ("fence", "colon_fence"):
            _directive(lines, token, say)
        elif token.type == "html_block":
            _html(lines, token, say)
    return "\n".join(line for line in lines if line is not None)


def is_prose(message: str) -> bool:
    """Whether a message has something to translate: words, or roles that show words."""
    (inline,) = parser().parseInline(message)
    roles = (t for t in inline.children or () if t.type == "myst_role")
    return says_words(message) or any(
        t.meta["name"] in ("term", "abbr") or "<" in t.content for t in roles
    )


def says_words(message: str) -> bool:
    """Whether a message has English words outside of code, mathematics, roles and addresses."""
    (inline,) = parser().parseInline(message)
    words = (t for t in inline.children or () if t.type in ("text", "image"))
    return any(LETTER.search(t.content) for t in words)


def _span(token: Token) -> tuple[int, int]:
    assert token.map is not None
    return token.map[0], token.map[1]


def _inline(
    lines: Lines, token: Token, columns: dict[int, int], say: Say
) -> None:
    """Replace a paragraph, a heading or a cell; ``columns`` says where the next cell of a row begins."""
    first, last = _span(token)
    old = [line.strip() for line in token.content.split("\n")]
    raw = lines[first]
    if not old[0] or raw is None:
        return
    in_row = first in columns or (len(old) == 1 and "|" in raw)
    at = (
        raw.index(old[0], columns.get(first, 0))
        if in_row
        else raw.rindex(old[0])
    )
    columns[first] = at + len(old[0])
    message = one_line(old)
    new = say(message) if is_prose(message) else message
    if new == message:
        return
    margin = re.sub(r"[^>\s]", " ", raw[:at])
    rest = raw[at + len(old[0]) :]
    lines[first] = raw[:at] + new.replace("\n", f"\n{margin}") + rest
    lines[first + 1 : last] = [None] * (last - first - 1)
    columns[first] = at + len(new)


def one_line(parts: list[str]) -> str:
    """A message as translators see it: line breaks stay where they are meant."""
    return re.sub(r"(?<!\\)\n", " ", "\n".join(parts))


def _directive(lines: Lines, token: Token, say: Say) -> None:
    """Replace title, options and body of a directive."""
    found = re.match(r"\{([\w:-]+)\}\s*(.*)", token.info)
    if found is None:
        return  # a block of code
    name, title = found.groups()
    if name not in PROSE | OTHER:
        raise ValueError(f"how is {{{name}}} translated? See {__file__}")
    first, last = _span(token)
    raw = lines[first]
    assert raw is not None
    if name in TITLED and title and is_prose(title):
        lines[first] = raw[: raw.rindex(title)] + say(title)
    new = _body(name, token.content.removesuffix("\n"), say)
    if new != token.content.removesuffix("\n"):
        margin = re.sub(r"[^>\s]", " ", raw[: raw.index(token.markup)])
        lines[first + 1] = "\n".join(
            margin + line if line else line for line in new.split("\n")
        )
        lines[first + 2 : last - 1] = [None] * (last - first - 3)


def _body(name: str, body: str, say: Say) -> str:
    """What stands in a directive, in other words."""
    if name == "glossary":
        return _glossary(body, say)
    lines = body.split("\n")
    count = next(
        (n for n, line in enumerate(lines) if not OPTION.match(line)),
        len(lines),
    )
    options = [_option(line, say) for line in lines[:count]]
    rest = "\n".join(lines[count:])
    if name in PROSE and rest:
        rest = rewrite(rest, say)
    return "\n".join([*options, *([rest] if lines[count:] else [])])


def _option(line: str, say: Say) -> str:
    found = OPTION.match(line)
    if found and found["name"] in ("alt", "caption") and found["value"]:
        return found[1] + say(found["value"])
    return line


def _glossary(body: str, say: Say) -> str:
    """Entries: each keeps its English term below the Arabic one, since roles name it."""
    parts = []
    for line in body.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        if line and not indent:
            said = say(line)
            parts.append(line if said == line else f"{said}\n{line}")
        else:
            parts.append(line)
    blocks = re.split(r"((?:^[ ]+.*\n?)+)", "\n".join(parts), flags=re.M)
    blocks[1::2] = [_definition(block, say) for block in blocks[1::2]]
    return "".join(blocks)


def _definition(block: str, say: Say) -> str:
    indent = block[: len(block) - len(block.lstrip())]
    inner = re.sub(f"^{indent}", "", block, flags=re.M)
    return re.sub("^(?=.)", indent, rewrite(inner, say), flags=re.M)


def _html(lines: Lines, token: Token, say: Say) -> None:
    """Replace the text between the tags of a block of HTML, such as what is to be clicked for an answer."""
    first, last = _span(token)
    for number in range(first, last):
        line = lines[number]
        if line is not None:
            lines[number] = HTML_TEXT.sub(lambda m: say(m.group(0)), line)
