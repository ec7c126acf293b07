"""Two corrections of what Sphinx makes of the book; a local extension, see ``_config.yml``."""

from typing import Any

from sphinx.application import Sphinx


def without_factories(
    app: Sphinx,
    what: str,
    name: str,
    thing: Any,
    options: Any,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """For the API pages: a default that a dataclass makes anew for each object is shown as ``...``.

    Sphinx would write ``<factory>``, which is no Python, and then show the whole signature unread.
    """
    return signature and signature.replace("<factory>", "..."), returns


def each_script_once(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Leave out a script that stands on the page already.

    Sphinx puts scripts without a file in twice; sphinx-thebe's declare constants, which is an error then.
    """
    known = {}
    for script in context["script_files"]:
        known.setdefault(
            (str(script.filename or ""), *sorted(script.attributes.items())),
            script,
        )
    context["script_files"] = list(known.values())


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", without_factories)
    app.connect("html-page-context", each_script_once, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
