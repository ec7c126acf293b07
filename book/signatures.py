"""For the API page: a default that a dataclass makes anew for each object is shown as ``...``.

Sphinx would write ``<factory>``, which is no Python, and would then show the whole signature unread.
"""

from typing import Any

from sphinx.application import Sphinx


def without_factories(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """The signature as Sphinx can read it."""
    return signature and signature.replace("<factory>", "..."), returns


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", without_factories)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
