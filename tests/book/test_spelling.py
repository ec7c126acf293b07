"""The book's prose, word by word."""

import gc
import re
import warnings
from functools import lru_cache
from pathlib import Path

import pytest
from spylls.hunspell import Dictionary

from tests.book.chapters import BOOK, ROOT, cells, pages, prose, source

OWN_WORDS = Path(__file__).with_name("words.txt")


@lru_cache(maxsize=1)
def dictionary() -> Dictionary:
    """American English, as it comes with the checker; ``words.txt`` adds British forms and terms."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the checker leaves its files open
        found = Dictionary.from_files("en_US")
        gc.collect()
    return found


@lru_cache(maxsize=1)
def own_words() -> frozenset[str]:
    lines = OWN_WORDS.read_text().splitlines()
    return frozenset(line.strip().lower() for line in lines if line.strip() and not line.startswith("#"))


def words(text: str) -> list[str]:
    """The words of Markdown; code, mathematics, addresses, roles and directives' names left out."""
    text = re.sub(r"\$\$.*?\$\$", " ", text, flags=re.DOTALL)
    text = re.sub(
        r"^```+\{?(math|bibtex|python|console|eval-rst|code-block).*?^```+",
        " ",
        text,
        flags=re.DOTALL | re.MULTILINE,
    )
    text = re.sub(r"\{(cite|ref|numref|eq|doc|prf:ref)\}`[^`]*`", " ", text)
    text = re.sub(r"\{\w+[\w:-]*\}(?=`)", " ", text)  # a role's name; what it shows stays
    text = re.sub(r"^:\w+:.*$|^(```+|:::+)\{[\w-]+\}.*?$", _argument, text, flags=re.MULTILINE)
    text = re.sub(
        r"(?<!\w)\$[^$]+\$|\]\([^)]*\)|<[^>]*>|https?://[^\s`]+|\(\w+-[\w-]+\)=?$",
        " ",
        text,
        flags=re.MULTILINE,
    )
    text = re.sub(r"^(```+|:::+)$", " ", text, flags=re.MULTILINE)  # an odd backtick would pair with the next
    text = re.sub(r"\{term\}`([^`<]*)[^`]*`", r"\1", text)
    text = re.sub(r"`[^`]*`", " ", text)
    return [word.strip("'’") for word in re.findall(r"[A-Za-z][A-Za-z'’]*", text)]


def _argument(found: re.Match[str]) -> str:
    """What the first line of an exercise or an admonition says; labels and options are no prose."""
    title = re.match(r"(?:```+|:::+)\{(exercise|admonition|dropdown)\}(.*)", found.group(0))
    return title.group(2) if title else " "


def is_known(word: str) -> bool:
    own, plain = own_words(), word.replace("’", "'")
    if len(word) == 1 or plain.lower() in own or dictionary().lookup(plain):
        return True
    return plain.endswith("'s") and is_known(plain[:-2])


@pytest.mark.parametrize("page", pages())
def test_every_word_is_known(page: str) -> None:
    path = source(page)
    if page == "api":
        pytest.skip("its text is the package's docstrings")
    text = prose(path)
    if path.suffix == ".ipynb":
        shown = [cell.metadata.get("mystnb", {}) for cell in cells(path, "code")]
        text += "\n\n".join(
            f"{about.get('image', {}).get('alt', '')}\n\n{about.get('figure', {}).get('caption', '')}"
            for about in shown
        )
    unknown = sorted({word for word in words(text) if not is_known(word)})
    assert not unknown, f"{path.name}: not in the dictionary, nor in {OWN_WORDS.name}: {unknown}"


def test_the_readme_is_spelt_right() -> None:
    unknown = sorted({word for word in words((ROOT / "README.md").read_text()) if not is_known(word)})
    assert not unknown


def test_a_misspelt_word_is_found() -> None:
    assert [w for w in words("A defualt box `defualt` {cite}`defualt` $defualt$.") if not is_known(w)] == [
        "defualt"
    ]


def test_no_own_word_is_needless() -> None:
    """A list that only grows would hide mistakes."""
    texts = [prose(source(page)) for page in pages()] + [(ROOT / "README.md").read_text()]
    texts += [path.read_text() for path in BOOK.glob("*.ipynb")]
    used = {word.lower() for text in texts for word in re.findall(r"[A-Za-z]+", text)}
    assert own_words() - used == set()
