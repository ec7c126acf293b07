"""The README in Arabic: the same code, tables, links and numbers as the English one, from right to left."""

import re
from collections import Counter

import pytest

from benchmarks import readme
from benchmarks.readme_arabic import translated

ENGLISH, ARABIC = readme.README.read_text(), readme.ARABIC.read_text()
BOTH = pytest.mark.parametrize("text", [ENGLISH, ARABIC], ids=["English", "Arabic"])
FENCE = re.compile(r"^```\w+\n.*?^```$", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
INLINE = re.compile("`[^`]+`")
NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*")
LINK = re.compile(r"\]\(([^)]+)\)")


def prose(text: str) -> str:
    """The text without code and tables."""
    return re.sub(r"<!--.*?-->", "", TABLE.sub("", FENCE.sub("", text)))


def test_blocks_of_code_are_the_same() -> None:
    assert FENCE.findall(ARABIC) == FENCE.findall(ENGLISH)
    assert len(FENCE.findall(ENGLISH)) >= 4


def test_tables_are_what_was_measured() -> None:
    assert readme.rendered(ARABIC, say=translated) == ARABIC
    comments = re.findall("<!--.*?-->", ENGLISH)
    assert re.findall("<!--.*?-->", ARABIC) == comments


def test_tables_have_the_same_rows_and_numbers() -> None:
    ours, theirs = TABLE.findall(ARABIC), TABLE.findall(ENGLISH)
    assert len(ours) == len(theirs) >= 3
    for arabic, english in zip(ours, theirs, strict=True):
        rows = [NUMBER.findall(line) for line in english.splitlines()]
        assert [NUMBER.findall(line) for line in arabic.splitlines()] == rows


def test_prose_has_the_same_numbers_and_inline_code() -> None:
    arabic, english = prose(ARABIC), prose(ENGLISH)
    assert set(INLINE.findall(arabic)) == set(INLINE.findall(english))
    arabic, english = (LINK.sub("]", INLINE.sub("", text)) for text in (arabic, english))
    assert Counter(NUMBER.findall(arabic)) == Counter(NUMBER.findall(english))


def test_sections_lists_and_links_are_the_same() -> None:
    for pattern in (r"^#+ ", r"^- ", r"^!\["):
        counts = [len(re.findall(pattern, text, re.MULTILINE)) for text in (ARABIC, ENGLISH)]
        assert counts[0] == counts[1], pattern
    outside = [
        Counter(link for link in LINK.findall(text) if not link.startswith(("#", "README")))
        for text in (ARABIC, ENGLISH)
    ]
    assert outside[0] == outside[1]


def test_each_leads_to_the_other_at_the_top() -> None:
    assert "[العربية](README.ar.md)" in ENGLISH.split("\n## ")[0]
    assert "[English](README.md)" in ARABIC.split("\n## ")[0]


@BOTH
def test_links_lead_to_sections_and_files_that_are_there(text: str) -> None:
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    for link in LINK.findall(text):
        if link.startswith("#"):
            assert link[1:] in anchors
        elif not link.startswith("https:"):
            assert (readme.README.parent / link).exists(), link


def test_arabic_runs_from_right_to_left_and_code_does_not() -> None:
    outside = re.sub(r'^<div dir="rtl">\n\n.*?\n\n</div>$', "", ARABIC, flags=re.MULTILINE | re.DOTALL)
    assert FENCE.findall(outside) == FENCE.findall(ARABIC)
    assert FENCE.sub("", outside).strip() == ""


def test_what_begins_or_ends_with_a_sign_keeps_its_order() -> None:
    """Between Arabic words a sign at the edge of code would move to the other side."""
    for code in re.findall(r"(?<!ltr\">)`([^`\n]+)`", prose(ARABIC)):
        assert re.fullmatch(r"\w.*\w|\w", code), code
        assert not code.startswith("_"), code


def test_digits_and_punctuation_are_those_of_the_book() -> None:
    assert not re.search("[\u0660-\u0669\u06f0-\u06f9]", ARABIC)
    assert not re.search(r"[\u0621-\u064a][,;?]", ARABIC)
