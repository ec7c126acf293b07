"""Sphinx extension: a page with an explorable figure loads its script, and holds its data and texts.

A page asks for a figure with an empty HTML element in a Markdown cell::

    <div class="explore" data-explore="matching" data-still="fig-one"></div>

In the built page the explorable figure replaces the picture inside the element with the id ``data-still``;
the caption stays. Without ``data-still`` it stands where the ``div`` is. Jupyter, Colab, print and a browser
without JavaScript show the picture.

The scripts lie in ``_static/explore``. The data (:mod:`explore.data`) and the texts, by language in
``texts``, are made part of the page, since a page that was opened from the disk may not fetch.
"""

import functools
import json
import re
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

FOLDER = "explore"
SHARED = ("math.js", "kit.js")
TEXTS = Path(__file__).parent / "texts"
DATA = {
    "matching": ("scene",),
    "conflict": ("scene",),
    "offsets": (),
    "scales": ("objects",),
    "mining": ("mining",),
    "augmentation": ("scene",),
}
"""The figures, and the data that each needs."""
TOGETHER = {"conflict": "matching"}
"""A figure that has no script of its own, and the one in whose script it is."""

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
    known = [name for name in DATA if name in figures]
    app.add_css_file(f"{FOLDER}/explore.css")
    for script in scripts(known):
        app.add_js_file(f"{FOLDER}/{script}", loading_method="defer")
    held = {name: values(name) for figure in known for name in DATA[figure]}
    held["texts"] = texts(app.config.language, known)
    for name, shown in held.items():
        attributes = {"type": "application/json", "id": f"{FOLDER}-{name}"}
        app.add_js_file(None, body=compact(shown), **attributes)


def scripts(figures: list[str]) -> list[str]:
    """The scripts of these figures, in the order in which they run, each once."""
    own = (f"{TOGETHER.get(name, name)}.js" for name in figures)
    return [*SHARED, *dict.fromkeys(own)]


@functools.cache
def values(name: str) -> Any:
    """The data of that name; it is made only if a page needs it."""
    from .data import DATA as MADE  # noqa: PLC0415 -- imports the package

    return MADE[name]()


def texts(language: str, figures: list[str]) -> dict[str, Any]:
    """The texts that all figures share, and those of these figures."""
    path = TEXTS / f"{language}.yml"
    known = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        key: text
        for key, text in known.items()
        if key in figures or key not in DATA
    }


def compact(shown: Any) -> str:
    """JSON that may stand in a page."""
    text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    return text.replace("</", r"<\/")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("config-inited", not_on_every_page, priority=100)
    app.connect("html-page-context", on_pages_that_need_them)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
