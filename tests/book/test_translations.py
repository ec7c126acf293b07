"""The Arabic edition's catalogs: how messages are found and put back, and that none is missing or wrong."""

from pathlib import Path

import nbformat
import polib
import pytest
import translations
from arabic import catalogs, checks, fonts, pages, prose

INCOMPLETE: tuple[str, ...] = ()
"""Pages that are not translated yet. Elsewhere a message that is missing or fuzzy is an error."""

COMPLETE = [page for page in translations.all_pages() if page not in INCOMPLETE]

every_page = pytest.mark.parametrize("page", translations.all_pages())


@pytest.mark.parametrize("page", COMPLETE)
def test_a_complete_page_stays_complete(page: str) -> None:
    now = translations.state(page)
    todo = f"python book/translations.py {page}"
    assert now.missing == [], todo
    assert now.fuzzy == [], todo


@every_page
def test_translations_keep_formulas_code_links_and_numbers(page: str) -> None:
    assert translations.state(page).wrong == {}


@every_page
def test_catalogs_have_one_layout_and_no_dates_or_paths(page: str) -> None:
    catalog = catalogs.load(page)
    assert catalog.metadata == catalogs.HEADER
    used = [entry.msgid for entry in catalog if not entry.obsolete]
    text = f"{catalogs.merged(catalog, used)}".rstrip("\n") + "\n"
    assert text == catalogs.path(page).read_text(), "make gettext"
    assert "\n#:" not in text


@pytest.mark.parametrize("page", pages.names())
def test_repeating_the_english_changes_nothing(page: str) -> None:
    path, same = pages.source(page), pages.translated(page, lambda message: message)
    notebook = path.suffix == ".ipynb"
    assert same == (nbformat.read(path, as_version=4) if notebook else path.read_text())


@pytest.mark.parametrize("page", pages.names())
def test_code_and_outputs_are_the_english_ones(page: str) -> None:
    path = pages.source(page)
    if path.suffix == ".md":
        pytest.skip("no notebook")
    arabic, english = pages.translated(page, lambda _: "نص"), nbformat.read(path, as_version=4)
    nbformat.validate(arabic)
    assert len(arabic.cells) == len(english.cells)
    for ours, theirs in zip(arabic.cells, english.cells, strict=True):
        assert ours.cell_type == theirs.cell_type
        if ours.cell_type == "code":
            assert (ours.source, ours.outputs) == (theirs.source, theirs.outputs)
            assert ours.metadata.get("tags") == theirs.metadata.get("tags")


def test_without_the_font_a_site_has_none_and_says_so(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(fonts, "_files", list)
    fonts.write(tmp_path / "fonts")
    assert list((tmp_path / "fonts").iterdir()) == []
    assert len(capsys.readouterr().out.splitlines()) == 1


TEXT = r"""
(place)=
# A title

A paragraph over
two lines, with $x_1$ and `code`.\
After a meant break.

- an item
  that goes on
- 1.5

> quoted
> on

| head | second |
|---|---|
| same | same |
| `x` | {term}`box` |

```{exercise} Try it (easy)
:label: ex-try

Do it.
```

:::{note}
Noted.

- nested `a` {cite}`ssd`
:::

```{figure} a.png
:alt: What is seen.
:name: fig-a

A caption.
```

```python
nothing = "to say"
```

$$
\text{nothing}
$$

<details>
<summary>Answer</summary>

Yes.

</details>

```{glossary}
box
  A word.
```
"""

MESSAGES = [
    "A title",
    "A paragraph over two lines, with $x_1$ and `code`.\\\nAfter a meant break.",
    "an item that goes on",
    "quoted on",
    "head",
    "second",
    "same",
    "same",
    "{term}`box`",
    "Try it (easy)",
    "Do it.",
    "Noted.",
    "nested `a` {cite}`ssd`",
    "What is seen.",
    "A caption.",
    "Answer",
    "Yes.",
    "box",
    "A word.",
]


def test_every_message_is_found_in_its_order() -> None:
    found: list[str] = []
    prose.rewrite(TEXT, lambda message: found.append(message) or message)
    assert found == MESSAGES


def test_messages_are_replaced_and_the_rest_stays() -> None:
    new = prose.rewrite(TEXT, lambda message: message.upper().replace("\\\n", "\\\nX "))
    assert "# A TITLE\n\nA PARAGRAPH OVER TWO LINES, WITH $X_1$ AND `CODE`.\\\nX AFTER" in new
    assert "- AN ITEM THAT GOES ON\n- 1.5\n\n> QUOTED ON\n\n| HEAD | SECOND |" in new
    assert "| SAME | SAME |\n| `x` | {TERM}`BOX` |" in new
    assert "```{exercise} TRY IT (EASY)\n:label: ex-try\n\nDO IT.\n```" in new
    assert ":::{note}\nNOTED.\n\n- NESTED `A` {CITE}`SSD`\n:::" in new
    assert ":alt: WHAT IS SEEN.\n:name: fig-a\n\nA CAPTION.\n" in new
    assert '```python\nnothing = "to say"\n```\n\n$$\n\\text{nothing}\n$$' in new
    assert "<summary>ANSWER</summary>" in new
    assert "```{glossary}\nBOX\nbox\n  A WORD.\n```" in new


def test_a_directive_without_a_rule_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"how is \{unheard-of\} translated"):
        prose.rewrite("```{unheard-of}\nText.\n```", str)


ENGLISH = "See {term}`boxes <box>` in `f(x)`, $a^2$, 2,046 and 0.5, [there](a.md)."
ARABIC = "انظر {term}`الصناديق <box>` في `f(x)`، $a^2$، 0.5 و2,046، [هناك](a.md)."


def test_a_good_translation_has_no_problems() -> None:
    assert checks.problems(ENGLISH, ARABIC) == []
    assert checks.problems("SSD300", "SSD300") == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("f(x)", "f(y)", "code: missing ['f(x)'], added ['f(y)']"),
        ("a^2", "a^3", "math: missing ['a^2'], added ['a^3']"),
        ("<box>", "<cell>", "roles: missing ['term box'], added ['term cell']"),
        ("a.md", "b.md", "links: missing ['a.md'], added ['b.md']"),
        ("0.5", "0.6", "numbers: missing ['0.5'], added ['0.6']"),
        ("الصناديق <box>", "box", "text: write {term}`النص <box>`"),
        ("انظر", "٣", "digits: 0 to 9 are used"),
    ],
)
def test_a_problem_is_named(old: str, new: str, problem: str) -> None:
    assert problem in checks.problems(ENGLISH, ARABIC.replace(old, new))


def test_english_in_other_words_is_no_translation() -> None:
    assert checks.problems("The left side", "The right side") == [
        "not Arabic: translate it, or repeat the English"
    ]


def test_a_changed_message_keeps_its_translation_as_a_fuzzy_one() -> None:
    old = catalogs.merged(polib.POFile(), ["One sentence that stays here.", "Two of them."])
    old[0].msgstr, old[1].msgstr = "جملة", "اثنتان"
    new = catalogs.merged(old, ["One sentence that stays there.", "Three", "Two of them."])
    assert [(e.msgid, e.msgstr, e.fuzzy) for e in new] == [
        ("One sentence that stays there.", "جملة", True),
        ("Three", "", False),
        ("Two of them.", "اثنتان", False),
    ]
    assert new[0].previous_msgid == "One sentence that stays here."
    again = catalogs.merged(polib.pofile(str(new)), [entry.msgid for entry in new])
    assert str(again) == str(new)


def test_a_message_that_is_gone_waits_at_the_end_and_may_come_back() -> None:
    old = catalogs.merged(polib.POFile(), ["Gone", "Untranslated", "Here"])
    old[0].msgstr = "ذهب"
    without = polib.pofile(str(catalogs.merged(old, ["Here"])))
    assert [(e.msgid, e.obsolete) for e in without] == [("Here", False), ("Gone", True)]
    back = catalogs.merged(without, ["Gone", "Here"])
    assert [(e.msgid, e.msgstr, bool(e.obsolete)) for e in back] == [
        ("Gone", "ذهب", False),
        ("Here", "", False),
    ]
