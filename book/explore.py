"""Sphinx extension: pages with an explorable figure load its scripts, and no other page does.

A page asks for a figure with an empty HTML element in a Markdown cell::

    <div class="explore" data-explore="matching" data-still="fig-one"></div>

In the built page the explorable figure replaces the picture inside the element with the id ``data-still``;
the caption stays. Without ``data-still`` it stands where the ``div`` is. Jupyter, Colab, print and a browser
without JavaScript show the picture.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

FOLDER = "explore"
DATA = {
    "matching": ("scene",),
    "conflict": ("scene",),
    "offsets": (),
    "scales": ("objects",),
    "mining": ("mining",),
    "augmentation": ("scene",),
}
"""The figures, and the data files that each needs."""

ELEMENT = re.compile(r'<div class="explore" data-explore="([^"]*)"')


def not_on_every_page(app: Sphinx, config: Config) -> None:
    """Leave the figures' files out of those that Jupyter Book puts on every page: all of ``_static``."""
    for option in ("html_js_files", "html_css_files"):
        kept = [
            file
            for file in config[option]
            if not str(file).startswith(f"{FOLDER}/")
        ]
        config[option] = kept


def on_pages_that_need_them(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Add the scripts and the style to a page that has figures."""
    raw = doctree.findall(nodes.raw) if doctree else ()
    figures = [name for node in raw for name in ELEMENT.findall(node.astext())]
    if unknown := set(figures) - set(DATA):
        names, known = ", ".join(sorted(unknown)), ", ".join(DATA)
        logging.getLogger(__name__).warning(
            "%s: data-explore must be one of %s, got %s",
            page,
            known,
            names,
            location=page,
        )
    if not figures:
        return
    app.add_css_file(f"{FOLDER}/explore.css")
    for script in scripts(figures, app.config.language):
        app.add_js_file(f"{FOLDER}/{script}", loading_method="defer")


def scripts(figures: list[str], language: str = "en") -> list[str]:
    """The scripts of these figures, in the order in which they must run, each once."""
    known = [name for name in DATA if name in figures]
    data = dict.fromkeys(
        f"data-{file}.js" for name in known for file in DATA[name]
    )
    return [
        "math.js",
        "strings.js",
        *([] if language == "en" else [f"strings-{language}.js"]),
        "kit.js",
        *data,
        *(f"{name}.js" for name in known),
    ]


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("config-inited", not_on_every_page, priority=100)
    app.connect("html-page-context", on_pages_that_need_them)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
