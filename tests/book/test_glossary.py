"""The glossary: both of its lists name the same terms, and the Arabic edition has the same Arabic."""

import re

from arabic import catalogs

from tests.book.chapters import BOOK

PAGE = (BOOK / "glossary.md").read_text()
ARABIC = r'<span lang="ar" dir="rtl">([^<]*)</span>'
ENTRIES = re.findall(rf"^(\S.*)\n  {ARABIC} ([◆◇])\\$", PAGE, re.MULTILINE)
ROWS = re.findall(rf"^\| {ARABIC} ([◆◇]) \| \{{term\}}`(.*?)` \|$", PAGE, re.MULTILINE)
MARKS = re.compile("[\u064b-\u0652]")
"""Of short vowels and doubled letters, which a text may have or leave out."""

PLURALS = {"object": "أجسام", "region proposal": "مقترحات المناطق", "score": "درجات"}
"""Terms of the source of which it has the plural alone."""


def bare(arabic: str) -> str:
    """The letters that a term is looked up by: no marks, one form of alif, no article."""
    return re.sub("^ال", "", re.sub("[أإآ]", "ا", MARKS.sub("", arabic)))


def test_every_entry_is_found() -> None:
    assert len(ENTRIES) == len(ROWS) == PAGE.count("ipynb)*\n") > 100


def test_entries_are_in_the_order_of_the_english_alphabet() -> None:
    terms = [english for english, _, _ in ENTRIES]
    assert terms == sorted(set(terms), key=str.lower)


def test_rows_are_in_the_order_of_the_arabic_alphabet() -> None:
    terms = [arabic for arabic, _, _ in ROWS]
    assert terms == sorted(terms, key=bare)


def test_both_lists_have_the_same_terms_and_marks() -> None:
    assert {(arabic, mark, english) for english, arabic, mark in ENTRIES} == set(ROWS)


def test_the_arabic_edition_has_the_terms_of_the_glossary() -> None:
    say = catalogs.translator("glossary")
    assert [say(english) for english, _, _ in ENTRIES] == [arabic for _, arabic, _ in ENTRIES]


def test_no_two_terms_have_the_same_arabic() -> None:
    terms = [bare(arabic) for _, arabic, _ in ENTRIES]
    assert sorted(terms) == sorted(set(terms))


def test_marked_terms_are_the_sources(shared) -> None:
    source = (shared / "source" / "section-2.2-training.md").read_text()
    arabic_half = MARKS.sub("", source.partition("### النسخة العربية")[2])
    for english, arabic, mark in ENTRIES:
        form = PLURALS.get(english, re.sub("^ال", "", MARKS.sub("", arabic)))
        assert mark == "◇" or form in arabic_half, english


def test_words_that_replace_the_sources_are_named_at_the_top() -> None:
    """A term for which the book departs from the source says so, and the introduction leads to it."""
    introduction = PAGE.partition("```{glossary}")[0]
    departing = re.findall(r"^(\S.*)\n  .*◇\\\n  .*The source has <span", PAGE, re.MULTILINE)
    assert departing == re.findall(r"\{term\}`(.*?)`", introduction)
