"""The page that goes through section 2.2: every sentence of the source is there, and what it names exists."""

import re

import pytest
from arabic import catalogs

from tests.book.chapters import BOOK, ROOT, prose

PAGE = (BOOK / "section-2-2.md").read_text()
ENTRIES = re.findall(r"^(\d+)\\\. “(.*?) …”\n: (.*?)(?=^\d+\\\.|^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)


def test_entries_are_numbered() -> None:
    assert [int(number) for number, _, _ in ENTRIES] == list(range(1, len(ENTRIES) + 1))
    assert len(ENTRIES) == 49


def test_every_sentence_of_the_source_has_its_entry_in_order(shared) -> None:
    source = (shared / "source" / "section-2.2-training.md").read_text()
    english = source.split("### English Version")[1].split("### النسخة العربية")[0]
    english = re.sub(r"\*\*.*?\*\* ", "", english)  # titles of paragraphs
    english = ". " + re.sub(r"\$\$.*?\$\$", "", english, flags=re.DOTALL).lstrip()
    at = 1
    for beginning in [*(beginning for _, beginning, _ in ENTRIES), "\n---"]:
        found = english.find(beginning, at)
        assert found >= 0, beginning
        passed = re.search(r"(?:^|[\w)$])[.:]\s+(?:- )?(?=[A-Z])", english[at - 1 : found])
        assert not passed, f"before “{beginning}” a sentence has no entry: {english[at:found]}"
        at = found + len(beginning)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry[0])
def test_what_an_entry_names_exists(entry) -> None:
    _, _, body = entry
    chapters = re.findall(r"\]\((\S+\.ipynb)\), “(.*?)”", body)
    assert chapters
    for chapter, heading in chapters:
        assert re.search(rf"^#+ {re.escape(heading)}$", prose(BOOK / chapter), re.MULTILINE), heading
    for file, function in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", body):
        text = (ROOT / file).read_text()
        assert not function or f"def {function}(" in text, function
    for study in re.findall(r"`benchmarks.ablations (\w+)`", body):
        assert f"def _{study}()" in (ROOT / "benchmarks/ablations/studies.py").read_text()
    assert "*Tested:*" in body or "*Measured:*" in body or "*Shown:*" in body


def test_the_arabic_entries_begin_as_the_sentences_of_the_source_do(shared) -> None:
    source = (shared / "source" / "section-2.2-training.md").read_text().split("### النسخة العربية")[1]
    say, at = catalogs.translator("section-2-2"), 0
    for number, beginning, _ in ENTRIES:
        translated = say(f"{number}\\. “{beginning} …”")
        found = re.fullmatch(rf"{number}\\\. «(.*) …»", translated)
        assert found, translated
        at = source.find(found[1], at)
        assert at >= 0, translated


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry[0])
def test_the_arabic_names_chapters_and_headings_as_the_arabic_chapters_do(entry) -> None:
    say = catalogs.translator("section-2-2")
    english = next(part for part in entry[2].split("\n") if "*Taught:*" in part).strip()
    arabic = say(english)
    place = r"\[(\d) (.*?)\]\((.*?)\.ipynb\)[,،] [“«](.*?)[”»]"
    ours, theirs = re.findall(place, arabic), re.findall(place, english)
    assert theirs
    for (number, _, chapter, heading), named in zip(ours, theirs, strict=True):
        assert (number, chapter) == (named[0], named[2])
        assert heading == catalogs.translator(chapter)(named[3])
