"""The Arabic site, opened in a browser from the disk, and the way from each language to the other."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import explore
import pytest
import yaml
from arabic import edition, pages
from arabic.search import SearchArabic
from playwright.sync_api import Browser

from tests.book.test_site import SITE, WIDTHS, Visit
from tests.book.test_translations import COMPLETE

pytestmark = pytest.mark.site

PAGES = [*pages.names(), pages.ENGLISH_ONLY]
every_page = pytest.mark.parametrize("page", PAGES)


@pytest.fixture(autouse=True)
def _built() -> None:
    if not (SITE / "ar" / "index.html").exists():
        pytest.skip(f"no Arabic book at {SITE}: make book")


@pytest.fixture(
    scope="module",
    params=[(page, width) for page in PAGES for width in WIDTHS],
    ids=lambda p: f"{p[0]}-{p[1]}",
)
def visit(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    page, width = request.param
    found = Visit(chromium, f"ar/{page}", width)
    yield found
    found.page.close()


def directions(visit: Visit, selector: str) -> set[str]:
    script = "(s) => [...document.querySelectorAll(s)].map((e) => getComputedStyle(e).direction)"
    return set(visit.page.evaluate(script, selector))


def test_every_page_has_an_arabic_one() -> None:
    built = {path.stem for path in (SITE / "ar").glob("*.html")}
    assert built == {*PAGES, *edition.GENERATED}


def test_a_page_runs_from_right_to_left_and_code_from_left_to_right(visit: Visit) -> None:
    assert visit.problems == []
    assert visit.ask("() => [document.documentElement.lang, document.documentElement.dir]") == ["ar", "rtl"]
    assert directions(visit, "article, article p:not(dl.citation *, .citation *)") == {"rtl"}
    left = "pre, code, mjx-container, div.math, .cell_input, .ex-picture, .ex-field"
    assert directions(visit, ", ".join(f"article {part}" for part in left.split(", "))) <= {"ltr"}
    assert directions(visit, "article .explore-live") <= {"rtl"}
    assert visit.ask("() => document.querySelectorAll('article h1').length") == 1


def test_nothing_is_wider_than_the_page(visit: Visit) -> None:
    wide = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert visit.ask(wide) <= 1
    out = visit.ask("""() => {
        const column = document.querySelector('article').getBoundingClientRect();
        return [...document.querySelectorAll('article :is(p, li, h1, h2, h3, img, figcaption, details)')]
            .filter((e) => e.getClientRects().length && !e.closest('mjx-container, .ex-picture, table'))
            .filter((e) => {
                const { left, right } = e.getBoundingClientRect();
                return left < column.left - 1 || right > column.right + 1;
            }).map((e) => e.textContent.slice(0, 80) || e.src);
    }""")
    assert out == []


def test_pictures_are_shown_and_links_lead_somewhere(visit: Visit) -> None:
    shown = visit.ask("() => [...document.querySelectorAll('article img')].map(i => [i.alt, i.naturalWidth])")
    assert all(alt and width for alt, width in shown)
    for link in visit.ask("() => [...document.querySelectorAll('a[href]')].map(a => a.href)"):
        if link.startswith("file:"):
            assert Path(re.sub(r"^file://|[?#].*$", "", link)).exists(), link


def test_the_sidebars_are_mirrored(chromium: Browser) -> None:
    visit = Visit(chromium, "ar/glossary", 1400)
    middle = (
        "(s) => { const r = document.querySelector(s).getBoundingClientRect(); return r.x + r.width / 2 }"
    )
    contents, article, aside, following = (
        visit.page.evaluate(middle, part)
        for part in (".bd-sidebar-primary", "article", ".bd-sidebar-secondary", ".right-next")
    )
    assert contents > article > aside
    assert following < article
    visit.page.close()


@every_page
def test_the_switch_leads_to_the_same_page_and_back(chromium: Browser, page: str) -> None:
    visit = Visit(chromium, page, 400)
    for address, language in ((f"ar/{page}.html", "ar"), (f"{page}.html", "en")):
        switch = visit.page.locator("a.language-switch")
        switch.evaluate("(e) => e.removeAttribute('target')")
        switch.click()
        visit.page.wait_for_load_state()
        assert visit.page.url.split("#")[0] == (SITE / address).as_uri()
        assert visit.ask("() => document.documentElement.lang") == language
    visit.page.close()


@pytest.mark.parametrize("page", ["api-data", "api-steps", "py-modindex", "search", "genindex"])
def test_pages_without_an_arabic_one_lead_to_the_nearest(page: str) -> None:
    address = edition.counterpart(page, "en")
    assert f'href="{address}"' in (SITE / f"{page}.html").read_text()
    assert (SITE / address).exists()


@pytest.mark.parametrize("word", ["المطابقة", "ازاحات", "صُندوق", "بالخلفية"])
def test_the_search_finds_arabic_words(chromium: Browser, word: str) -> None:
    visit = Visit(chromium, "ar/search", 1400)
    visit.page.goto((SITE / "ar" / "search.html").as_uri() + f"?q={word}")
    visit.page.wait_for_selector("#search-results li", timeout=20_000)
    found = visit.page.locator("#search-results li a").evaluate_all("(all) => all.map((a) => a.href)")
    assert any("/ar/glossary.html" in link for link in found)
    visit.page.close()


def test_words_are_reduced_alike_for_the_index_and_for_the_query(chromium: Browser) -> None:
    visit = Visit(chromium, "ar/search", 1400)
    text = "الصّناديقُ والصندوق للصندوق، بالخلفية فالإزاحة إلى SSD300 ال الـجسم المدى مدرسة وال كالكلب match_2"
    script = "(text) => splitQuery(text).map((word) => new Stemmer().stemWord(word.toLowerCase()))"
    search = SearchArabic({})
    reduced = [search.stem(word) for word in search.split(text)]
    assert visit.page.evaluate(script, text) == reduced
    assert reduced[:5] == ["صناديق", "صندوق", "صندوق", "خلفيه", "ازاحه"]
    visit.page.close()


def leaves(table: Any, path: str = "") -> dict[str, Any]:
    """The texts of a table of figures' texts; of those that depend on a number, the forms together."""
    if isinstance(table, str) or "other" in table:
        return {path: table}
    parts = [leaves(value, f"{path}.{key}") for key, value in table.items()]
    return {key: value for part in parts for key, value in part.items()}


def values(text: Any) -> set[str]:
    """The values that a text has, other than the number that its form depends on."""
    forms = [text] if isinstance(text, str) else text.values()
    found = {frozenset(re.findall(r"\{(\w+)\}", form)) - {"n"} for form in forms}
    assert len(found) == 1, text
    return set(found.pop())


def test_figures_have_all_their_texts_in_arabic(chromium: Browser) -> None:
    english, arabic = (
        leaves(yaml.safe_load((explore.TEXTS / f"{language}.yml").read_text())) for language in ("en", "ar")
    )
    assert list(english) == list(arabic)
    for path, text in english.items():
        assert values(arabic[path]) == values(text), path
    visit = Visit(chromium, "ar/01-matching", 1400)
    assert visit.ask("() => Explore.kit.num(-0.5)") == "\u200e−0.50"  # the sign stays before its number
    live = visit.page.locator(".explore-live").first
    assert live.get_attribute("dir") == "rtl"
    words = set(re.findall(r"[A-Za-z]{2,}", live.inner_text())) - {"Tab", "Shift", "Home"}
    assert words == set()
    visit.page.close()


PROSE = """() => {
  const article = document.querySelector('article').cloneNode(true);
  article.querySelectorAll('pre, code, script, style, [lang=en], .citation, mjx-container, dt + dt')
    .forEach((e) => e.remove());
  return article.textContent;
}"""


@pytest.mark.parametrize("page", [page for page in COMPLETE if page in pages.names()])
def test_no_english_sentence_is_left(chromium: Browser, page: str) -> None:
    visit = Visit(chromium, f"ar/{page}", 1400)
    assert re.findall(r"(?:\b[A-Za-z][a-z]+[ ,]+){4,}", visit.ask(PROSE)) == []
    visit.page.close()
