"""Sphinx extension of both editions: the switch between them, and what Arabic needs; see ``_config.yml``."""

from typing import Any

from docutils import nodes
from sphinx import locale
from sphinx.application import Sphinx

from . import pages
from .search import SearchArabic

ARABIC = "ar"
OTHER = {"en": ("العربية", ARABIC), ARABIC: ("English", "en")}
"""By the language of a page: the name of the other edition, and its language."""
CATALOG = "booktheme"
GENERATED = ("genindex", "search")


def counterpart(page: str, language: str) -> str:
    """The address of the same page in the other language, relative to the page.

    What has no Arabic page, such as the pages of the API, leads to the nearest that there is.
    """
    up = "../" * page.count("/")
    if language == ARABIC:
        return f"{up}../{page}.html"
    if page.startswith(pages.ENGLISH_ONLY):
        return f"{up}{ARABIC}/{pages.ENGLISH_ONLY}.html"
    there = {*pages.names(), *GENERATED}
    return f"{up}{ARABIC}/{page if page in there else 'index'}.html"


def add_switch(
    app: Sphinx,
    page: str,
    template: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Put the switch in front of the page's other buttons."""
    name, language = OTHER[app.config.language]
    address = counterpart(page, app.config.language)
    context["header_buttons"].insert(
        0,
        {
            "type": "link",
            "url": address,
            "text": name,
            "label": "language",
            "classes": "language-switch",
        },
    )
    context["metatags"] = (
        context.get("metatags", "")
        + f'<link rel="alternate" hreflang="{language}" href="{address}">'
    )


def own_words_first(app: Sphinx) -> None:
    """Let the book's Arabic for the theme's words come before the theme's."""
    (folder,) = app.config.locale_dirs
    theirs = locale.translators.pop(("general", CATALOG), None)
    app.add_message_catalog(CATALOG, str(folder))
    if theirs:
        locale.translators["general", CATALOG].add_fallback(theirs)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("html-page-context", add_switch, priority=950)
    app.add_search_language(SearchArabic)
    if app.config.language == ARABIC:
        own_words_first(app)
        app.add_js_file("arabic.js", priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
