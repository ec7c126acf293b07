"""The sources of the Arabic site: pages in Arabic, with everything else as in the English ones."""

import json
import re
import shutil
from pathlib import Path

import nbformat
import polib
import yaml

from . import catalogs, fonts, pages, pictures
from .prose import ROOT

LOCALE = pages.BOOK / "locale" / "ar"
HERE = Path(__file__).parent
API = re.compile(rf"\[([^\[\]\n]+)\]\(({pages.ENGLISH_ONLY}-[\w-]+)\.md\)")
"""A link to a page that stays English."""
WORDS = ("sphinx", "booktheme")
"""Catalogs of the words of Sphinx and of the theme."""


def write(folder: Path, english: Path) -> None:
    """Write the sources into an empty folder; ``english`` is the site that references to the API lead to."""
    source = folder / "source"
    for page in pages.names():
        path = source / pages.source(page).name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(API.sub(r"<a href='../\2.html'>\1</a>", text(page)))
    shutil.copy(LOCALE / "api.md", source)
    shutil.copy(pages.BOOK / "references.bib", source)
    for name in ("images", "_static"):
        shutil.copytree(pages.BOOK / name, source / name)
    shutil.copytree(HERE / "static", source / "_static", dirs_exist_ok=True)
    fonts.write(source / "_static" / "fonts")
    toc = pages.translated_contents(catalogs.translator(pages.SITE))
    (source / "_toc.yml").write_text(yaml.safe_dump(toc, allow_unicode=True))
    write_words(folder / "locale")
    config = settings(folder, english)
    (folder / "_config.yml").write_text(yaml.safe_dump(config))


def text(page: str) -> str:
    """The source of a page in Arabic."""
    new = pages.translated(page, catalogs.translator(page))
    if isinstance(new, str):
        return new
    pictures.replace(new, page)
    return in_json(new)


def in_json(notebook: nbformat.NotebookNode) -> str:
    """A notebook as ``execute.py`` writes it."""
    return str(nbformat.writes(notebook, indent=1)) + "\n"


def settings(folder: Path, english: Path) -> dict:
    """The book's settings, with those of the Arabic edition."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    title = catalogs.translator(pages.SITE)(config["title"])
    sphinx = config["sphinx"]
    own = yaml.safe_load((LOCALE / "settings.yml").read_text())
    config["title"] = title
    theme = sphinx["config"]["html_theme_options"] | own["html_theme_options"]
    theme["logo"]["text"] = title
    folders = sphinx["local_extensions"].items()
    sphinx["local_extensions"] = {
        key: str(ROOT / path) for key, path in folders
    }
    sphinx["extra_extensions"].append("sphinx.ext.intersphinx")
    sphinx["config"] |= own | {
        "html_theme_options": theme,
        "locale_dirs": [str(folder.resolve() / "locale")],
        "intersphinx_mapping": {
            "english": ["..", str(english.resolve() / "objects.inv")]
        },
        "intersphinx_disabled_reftypes": ["std:*"],
    }
    return config


def write_words(folder: Path) -> None:
    """Compile the words of Sphinx and of the theme, also as its scripts read them."""
    target = folder / "ar" / "LC_MESSAGES"
    target.mkdir(parents=True)
    for name in WORDS:
        polib.pofile(str(catalogs.path(name))).save_as_mofile(
            str(target / f"{name}.mo")
        )
    words = catalogs.load("sphinx").translated_entries()
    messages = {
        "locale": "ar",
        "messages": {entry.msgid: entry.msgstr for entry in words},
        "plural_expr": "0",
    }
    text = json.dumps(messages, ensure_ascii=False)
    (target / "sphinx.js").write_text(
        f"Documentation.addTranslations({text});\n"
    )
