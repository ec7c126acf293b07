"""The explorable figures on a page that is built as the book is: how they come there, and how they look."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import explore
import numpy as np
import pytest
from explore import data
from PIL import Image
from playwright.sync_api import Browser, Page

from ssd_lite.data import scenes
from ssd_lite.data.icons import PAINTS
from tests.book.explore_site import FOLDER, NAMES, visit

pytestmark = pytest.mark.site

WIDTHS = (1400, 768, 400)
SMALL = 40_000
CHAPTERS = (("matching", "conflict"), *((name,) for name in NAMES[2:]))


@pytest.fixture(scope="module", params=[(w, s) for w in WIDTHS for s in ("light", "dark")], ids=str)
def page(chromium: Browser, figures: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, scheme = request.param
    seen, problems = visit(chromium, figures / "index.html", width, color_scheme=scheme)
    yield seen
    assert problems == []
    seen.close()


def test_the_library_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < SMALL


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("names", CHAPTERS)
def test_a_page_loads_little(names: tuple[str, ...], language: str) -> None:
    files = ["explore.css", *explore.scripts(list(names))]
    held = [explore.values(name) for name in {name for figure in names for name in explore.DATA[figure]}]
    texts = [explore.compact(values) for values in (*held, explore.texts(language, list(names)))]
    code = sum((FOLDER / file).stat().st_size for file in files)
    assert code + sum(len(text.encode()) for text in texts) < SMALL


def test_each_figure_takes_the_place_of_its_still_picture(page: Page) -> None:
    for name in NAMES:
        figure = page.locator(f"figure#index-{name}")
        assert figure.locator(f".explore-live.ex-{name}").is_visible()
        assert not figure.locator("img.explore-still").is_visible()
        assert figure.locator("figcaption").is_visible()


@pytest.mark.parametrize("name", data.ICON_PAINTS)
def test_an_icon_looks_as_the_package_draws_it(chromium: Browser, name: str) -> None:
    page = chromium.new_page(viewport={"width": 100, "height": 100})
    page.set_content(f"<body style='margin:0'><svg viewBox='0 0 100 100'>{data.icon(name)}</svg>")
    shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.close()
    tile = scenes._tile(name, (100, 100), *(PAINTS[number] for number in data.ICON_PAINTS[name]))
    expected = Image.new("RGB", (100, 100), "white")
    expected.paste(tile, mask=tile)
    apart = np.abs(np.asarray(shown, dtype=float) - np.asarray(expected, dtype=float)).mean()
    assert apart < 5  # of 255: edges are smoothed in another way


def loaded(site: Path, name: str) -> list[str]:
    text = (site / f"{name}.html").read_text()
    return [part.split("?")[0].split('"')[0] for part in text.split("_static/explore/")[1:]]


def held(site: Path, name: str) -> dict[str, Any]:
    text = (site / f"{name}.html").read_text()
    found = re.findall(r'<script id="explore-(\w+)" type="application/json">(.*?)</script>', text, re.S)
    return {key: json.loads(values) for key, values in found}


def test_a_page_loads_the_scripts_of_its_own_figures_alone(figures: Path) -> None:
    shared = ["explore.css", "math.js", "kit.js"]
    assert loaded(figures, "none") == []
    assert loaded(figures, "two") == [*shared, "scales.js", "mining.js"]


def test_a_page_holds_the_data_and_texts_of_its_own_figures_alone(figures: Path) -> None:
    assert held(figures, "none") == {}
    found = held(figures, "two")
    assert set(found) == {"objects", "mining", "texts"}
    assert found["texts"] == explore.texts("en", ["scales", "mining"])
    assert found["objects"] == explore.values("objects")


def test_a_figure_without_a_still_picture_stands_where_its_element_is(
    chromium: Browser, figures: Path
) -> None:
    seen, problems = visit(chromium, figures / "two.html")
    seen.evaluate("""() => {
      const root = document.createElement('div');
      root.className = 'explore';
      root.dataset.explore = 'scales';
      document.querySelectorAll('div.explore').forEach((other) => other.remove());
      document.querySelector('article').append(root);
      Explore.kit.start();
    }""")
    assert seen.locator("div.explore > .explore-live.ex-scales").is_visible()
    assert problems == []
    seen.close()


def test_without_scripts_the_still_picture_stands(chromium: Browser, figures: Path) -> None:
    seen, _ = visit(chromium, figures / "index.html", java_script_enabled=False)
    for name in NAMES:
        assert seen.locator(f"figure#index-{name} > img").is_visible()
    assert seen.locator(".explore-live").count() == 0
    seen.close()


def test_on_paper_the_still_picture_stands(chromium: Browser, figures: Path) -> None:
    seen, problems = visit(chromium, figures / "index.html")
    seen.emulate_media(media="print")
    for name in NAMES:
        assert seen.locator(f"figure#index-{name} img.explore-still").is_visible()
        assert not seen.locator(f".explore-live.ex-{name}").is_visible()
    assert problems == []
    seen.close()


TEXTS = """() => [...document.querySelectorAll('.explore-live')].flatMap((live) => {
  const found = [], walk = document.createTreeWalker(live, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) if (walk.currentNode.data.trim()) found.push(walk.currentNode);
  return found.map((node) => {
    const style = getComputedStyle(node.parentElement);
    let ground = node.parentElement, range = document.createRange();
    range.selectNodeContents(node);
    const opaque = (e) => !/^rgba.*, 0\\)$/.test(getComputedStyle(e).backgroundColor);
    while (!opaque(ground)) ground = ground.parentElement;
    const { left, right } = range.getBoundingClientRect(), frame = live.getBoundingClientRect();
    return { text: node.data, size: parseFloat(style.fontSize), ink: style.color,
      ground: getComputedStyle(ground).backgroundColor, out: left < frame.left - 1 || right > frame.right + 1,
      mark: !!node.parentElement.closest('.ex-dot') };
  });
})"""


def luminance(colour: str) -> float:
    """Relative luminance of ``rgb(r, g, b)``, as WCAG defines it."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_texts_are_large_and_clear_enough_and_stay_inside(page: Page) -> None:
    texts: list[dict[str, Any]] = page.evaluate(TEXTS)
    assert len(texts) > 100
    for text in texts:
        assert text["size"] >= 12, text
        assert not text["out"], text
        if text["mark"]:  # a letter beside a dot has the dot's ground here, not its own
            continue
        dark, light = sorted((luminance(text["ink"]), luminance(text["ground"])))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, text


def test_nothing_is_wider_than_the_page(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    overflowing = page.evaluate("""() => [
      ...document.querySelectorAll('.explore-live, .ex-controls > *, .ex-table'),
    ].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className)""")
    assert overflowing == []


def test_all_controls_have_names_and_are_in_the_tab_order(page: Page) -> None:
    for name in NAMES:
        live = page.locator(f".explore-live.ex-{name}")
        assert live.get_attribute("aria-label")
        assert live.get_by_role("status").inner_text()
        controls = live.locator("input, button, [role=application]")
        names = controls.evaluate_all(
            "(all) => all.map((e) => e.ariaLabel || e.labels?.[0]?.innerText || e.innerText)"
        )
        assert all(names)
        assert controls.evaluate_all("(all) => all.some((e) => e.tabIndex === 0)")


def test_the_focus_can_be_seen(page: Page) -> None:
    for selector in (".ex-movable", ".ex-slider input", ".ex-button", ".ex-scales .ex-picture"):
        target = page.locator(selector).first
        page.keyboard.press("Shift")  # from now on the browser takes the focus for the keyboard's
        target.focus()
        assert target.evaluate("(e) => getComputedStyle(e).outlineStyle") == "solid", selector


def test_movement_can_be_turned_off(chromium: Browser, figures: Path) -> None:
    seen, _ = visit(chromium, figures / "index.html", reduced_motion="reduce")
    moving = seen.evaluate("""() => [...document.querySelectorAll('.explore-live *')]
      .filter((e) => getComputedStyle(e).transitionDuration !== '0s').length""")
    assert moving == 0
    seen.close()


def test_every_text_comes_from_the_table_and_may_run_from_right_to_left(
    chromium: Browser, figures: Path
) -> None:
    seen, problems = visit(chromium, figures / "index.html", 400)
    seen.evaluate("""() => {
      const mark = (of) => typeof of === 'string' ? `⟦${of}⟧`
        : Object.fromEntries(Object.entries(of).map(([key, value]) => [key, mark(value)]));
      const texts = document.getElementById('explore-texts');
      texts.textContent = JSON.stringify({ ...mark(JSON.parse(texts.textContent)), dir: 'rtl' });
      document.querySelectorAll('.explore-live').forEach((live) => live.remove());
      Explore.kit.start();
    }""")
    assert seen.locator(".explore-live[dir=rtl]").count() == len(NAMES)
    symbols = {"cx", "cy", "w", "h", "l", "ĝ", "l − ĝ"}
    for text in (found["text"] for found in seen.evaluate(TEXTS)):
        words = text if text.strip() not in symbols else ""
        unmarked = words.split("⟦")[0] + words.split("⟧")[-1] if "⟦" in words else words
        assert not any(letter.isalpha() for letter in unmarked), text
    assert seen.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert problems == []
    seen.close()
