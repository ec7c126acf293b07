"""A small book that holds all explorable figures, built as the book is, and a browser to open it in."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from tests.book.chapters import BOOK, ROOT

NAMES = ("matching", "conflict", "offsets", "scales", "mining", "augmentation")
FOLDER = BOOK / "_static" / "explore"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (  # without these the browser asks its maker for updates, which no page of the book does
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

FIGURE = """
<div class="explore" data-explore="{name}" data-still="{page}-{name}"></div>

```{{figure}} still.png
:name: {page}-{name}
:alt: The still picture.

The caption of the figure on {name}, with a word or two of what is to be seen in it.
```
"""


def build(folder: Path) -> Path:
    """The small book: a page with all figures, one with two of them, one with none; returns its site."""
    source = folder / "book"
    shutil.copytree(FOLDER, source / "_static" / "explore")
    shutil.copy(BOOK / "images" / "detections.png", source / "still.png")
    pages = {"index": NAMES, "two": NAMES[3:5], "none": ()}
    for page, names in pages.items():
        parts = [f"# The page {page}", "Text.", *(FIGURE.format(name=name, page=page) for name in names)]
        (source / f"{page}.md").write_text("\n\n".join(parts))
    (source / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters: [file: two, file: none]\n")
    settings = yaml.safe_load((ROOT / "_config.yml").read_text())
    sphinx = {
        "recursive_update": True,
        "extra_extensions": ["sphinx.ext.autodoc"],  # whose event the hooks connect to
        "local_extensions": {"explore": str(BOOK), "sphinx_hooks": str(BOOK)},
        "config": {key: settings["sphinx"]["config"][key] for key in ("html_theme_options", "html_context")},
    }
    config = {"title": "Figures", "execute": {"execute_notebooks": "off"}, "sphinx": sphinx}
    (source / "_config.yml").write_text(yaml.safe_dump(config))
    jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
    command = [jupyter_book, "build", str(source), "-W", "-n", "--keep-going"]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return source / "_build" / "html"


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    installed = next((path for path in map(shutil.which, BROWSERS) if path), None)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=installed, args=QUIET)
        yield started
        started.close()


def visit(opened: Browser, page: Path, width: int = 1400, **options: Any) -> tuple[Page, list[str]]:
    """The page, and a list to which everything is added that goes wrong on it."""
    seen = opened.new_page(viewport={"width": width, "height": 900}, **options)
    problems: list[str] = []
    local = ("file:", "data:", "blob:", "about:")
    seen.on("request", lambda r: r.url.startswith(local) or problems.append(f"from elsewhere: {r.url}"))
    seen.on("requestfailed", lambda r: problems.append(f"failed: {r.url}"))
    seen.on("pageerror", lambda e: problems.append(f"error: {e}"))
    seen.on("console", lambda m: m.type in ("error", "warning") and problems.append(m.text))
    seen.goto(page.as_uri())
    return seen, problems
