"""The built book, opened in a browser from the disk: what a reader without a network sees."""

import os
import re
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.book.chapters import CHAPTERS, ROOT, name, pages

pytestmark = pytest.mark.site

SITE = Path(os.environ.get("SSD_LITE_SITE", ROOT / "_build" / "html")).resolve()
WIDTHS = (1400, 768, 400)
GENERATED = {"genindex", "search", "py-modindex"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not (SITE / "index.html").exists():
        if "SSD_LITE_SITE" in os.environ:
            pytest.fail(f"no book at {SITE}")
        pytest.skip(f"no book at {SITE}: make book")
    installed = next((path for path in map(shutil.which, BROWSERS) if path), None)
    with sync_playwright() as playwright:
        # Without these the browser asks its maker for updates, which no page of the book does.
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
        started = playwright.chromium.launch(executable_path=installed, args=quiet)
        yield started
        started.close()


class Visit:
    """A page, opened and ready, with all that went wrong meanwhile."""

    def __init__(self, browser: Browser, name: str, width: int, **options: Any) -> None:
        self.page: Page = browser.new_page(viewport={"width": width, "height": 1000}, **options)
        self.problems: list[str] = []
        self.page.on("request", lambda r: self._external(r.url))
        self.page.on("requestfailed", lambda r: self.problems.append(f"failed: {r.url}"))
        self.page.on("pageerror", lambda e: self.problems.append(f"error: {e}"))
        self.page.on("console", lambda m: m.type in ("error", "warning") and self.problems.append(m.text))
        self.page.goto((SITE / f"{name}.html").as_uri())
        self.page.wait_for_function("() => !window.MathJax || MathJax.startup?.promise !== undefined")
        self.page.evaluate("() => window.MathJax?.startup?.promise")

    def _external(self, url: str) -> None:
        if not url.startswith(("file:", "data:", "blob:")):
            self.problems.append(f"from elsewhere: {url}")

    def ask(self, script: str) -> Any:
        return self.page.evaluate(script)


@pytest.fixture(
    scope="module",  # each page is opened once a width; the tests that ask of it follow each other
    params=[(page, width) for page in pages() for width in WIDTHS],
    ids=lambda p: f"{p[0]}-{p[1]}",
)
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Visit]:
    found = Visit(browser, *request.param)
    yield found
    found.page.close()


def test_the_pages_built_are_the_pages_expected() -> None:
    built = {path.relative_to(SITE).with_suffix("").as_posix() for path in SITE.rglob("*.html")}
    built = {page for page in built if not page.startswith(("_static", "_sources", "_modules", "ar/"))}
    assert built - GENERATED == set(pages())


def test_a_page_is_whole(visit: Visit) -> None:
    """One visit, many questions: a page takes a second to open."""
    assert visit.problems == []
    assert visit.ask("() => document.querySelectorAll('article h1').length") == 1
    math = visit.ask(
        "() => [...document.querySelectorAll('.math')].map(m => !!m.querySelector('mjx-container'))"
    )
    assert all(math), f"{math.count(False)} of {len(math)} formulas are not typeset"
    errors = visit.ask("() => [...document.querySelectorAll('mjx-merror, merror')].map(m => m.textContent)")
    assert errors == []
    pictures = visit.ask(
        "() => [...document.querySelectorAll('article img')].map(i => [i.src, i.alt, i.naturalWidth])"
    )
    for source, alt, width in pictures:
        assert width > 0, f"not shown: {source}"
        assert alt, f"no alt text: {source}"
        assert not alt.endswith(".png"), f"no alt text: {source}"


def test_a_page_fits_its_width(visit: Visit) -> None:
    wide = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert visit.ask(wide) <= 1
    cut = visit.ask("""() => [...document.querySelectorAll('article img')]
        .filter(i => i.getBoundingClientRect().right > window.innerWidth + 1).map(i => i.src)""")
    assert cut == []


def test_nothing_is_cut_inside_a_page(visit: Visit) -> None:
    """Equations and code are whole on a wide page and can be scrolled on a narrow one; printed lines wrap."""
    cut = visit.ask("""() => {
        const cut = [];
        const narrow = window.innerWidth < 1000;
        const column = document.querySelector('article').getBoundingClientRect().right + 1;
        for (const part of document.querySelectorAll(
                'article mjx-container, article div.highlight pre, article table')) {
            if (!part.getClientRects().length) continue;  // folded
            const isOutput = part.closest('.cell_output') !== null;
            const wide = part.getBoundingClientRect().right > column
                || part.scrollWidth > part.clientWidth + 1 && part.tagName === 'PRE';
            if (!wide) continue;
            let box = part;
            while (box.tagName !== 'ARTICLE' && !/auto|scroll/.test(getComputedStyle(box).overflowX))
                box = box.parentElement;
            const scrolls = box.tagName !== 'ARTICLE';
            if (!(narrow && scrolls && !isOutput)) cut.push(part.textContent.slice(0, 120));
        }
        return cut;
    }""")
    assert cut == []


def test_links_lead_somewhere(visit: Visit) -> None:
    for link in visit.ask("() => [...document.querySelectorAll('a[href]')].map(a => a.href)"):
        parts = urlsplit(link)
        if parts.scheme != "file":
            continue
        target = Path(unquote(parts.path))
        assert target.exists(), link
        if parts.fragment and target.suffix == ".html":
            ids = re.findall(r'(?:id|name)="([^"]+)"', target.read_text())
            assert unquote(parts.fragment) in ids, link


@pytest.mark.parametrize("chapter", CHAPTERS, ids=name)
def test_answers_and_solutions_are_folded_and_open(browser: Browser, chapter: Path) -> None:
    visit = Visit(browser, chapter.stem, 1400)
    answers = visit.page.locator("article details:has(summary:text-is('Answer'))")
    assert answers.count() == 3
    for number in range(3):
        body = answers.nth(number).locator("p").first
        assert not body.is_visible()
        answers.nth(number).locator("summary").click()
        assert body.is_visible()
    solutions = visit.page.locator("div.solution.dropdown")
    assert solutions.count() >= 2
    for number in range(solutions.count()):
        solution = solutions.nth(number)
        assert not solution.locator(".section, section").first.is_visible()
        solution.locator("button.toggle-button").click()
        assert solution.locator(".section, section").first.is_visible()
    visit.page.close()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=name)
def test_a_chapter_can_be_launched_and_fetched(browser: Browser, chapter: Path) -> None:
    visit = Visit(browser, chapter.stem, 1400)
    links = visit.ask("() => [...document.querySelectorAll('a[href]')].map(a => a.href)")
    assert any("mybinder.org" in link and f"{chapter.name}" in link for link in links)
    assert any("colab.research.google.com" in link and f"book/{chapter.name}" in link for link in links)
    fetched = [link for link in links if link.startswith("file:") and link.endswith(chapter.name)]
    assert fetched, "no link to fetch the notebook"
    visit.page.close()


def test_pictures_keep_their_white_ground_in_dark_mode(browser: Browser) -> None:
    visit = Visit(browser, CHAPTERS[0].stem, 1400, color_scheme="dark")
    assert visit.ask("() => document.documentElement.dataset.theme") == "dark"
    picture = visit.page.locator("article img").last  # a plot, which has margins
    picture.scroll_into_view_if_needed()
    shot = Image.open(BytesIO(picture.screenshot())).convert("RGB")
    assert min(shot.getpixel((16, 16))) > 200  # inside the frame; the theme dims pictures a little
    visit.page.close()


def test_the_search_finds_a_word_of_a_chapter(browser: Browser) -> None:
    visit = Visit(browser, "search", 1400)
    visit.page.goto((SITE / "search.html").as_uri() + "?q=bipartite")
    visit.page.wait_for_selector("#search-results li", timeout=20_000)
    assert visit.page.locator("#search-results li").count() >= 1
    visit.page.close()
