"""Arabic notebooks to be downloaded and run.

Their text runs from right to left by a style that the first cell shows. It is not marked with HTML: what
stands between tags is no Markdown for JupyterLab's extension, which then shows formulas as their source.
"""

import re
import shutil
from pathlib import Path

import nbformat

from . import pages, sources

FOLDER = pages.BOOK / "ar"
"""Where they lie; ``make book`` writes them."""
ABOVE = re.compile(rf"(?<=\]\()(?=images/|{pages.ENGLISH_ONLY}[-.])")
"""In front of the addresses of what lies in the book's folder."""
STYLE = """\
<style>
.jp-MarkdownCell :is(.myst, .jp-RenderedMarkdown) {
  direction: rtl;
}
.jp-MarkdownCell :is(code, pre, .katex, mjx-container) {
  direction: ltr;
  unicode-bidi: isolate;
}
</style>"""
FIRST = f'''

from pathlib import Path

from IPython.display import HTML

if Path.cwd().name == "ar":  # paths are those of the book's folder
    %cd -q ..

HTML("""{STYLE}""")'''


def write(folder: Path) -> None:
    """Write all pages in Arabic into a folder of the book's: notebooks, and what they link to."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for page in pages.names():
        name = pages.source(page).name
        notebook = name.endswith(".ipynb")
        text = in_json(page) if notebook else _moved(sources.text(page))
        (folder / name).write_text(text)


def in_json(page: str) -> str:
    """A notebook that can be run from its folder, as it is written down."""
    notebook = nbformat.reads(sources.text(page), as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _moved(cell.source)
        elif "install" in cell.metadata.get("tags", ()):
            cell.source += FIRST
            cell.outputs = [_styled(cell.execution_count)]
    return sources.in_json(notebook)


def _moved(text: str) -> str:
    """Markdown for a folder in the book's."""
    return ABOVE.sub("../", text)


def _styled(count: int) -> nbformat.NotebookNode:
    """What the first cell shows."""
    shown = {
        "text/html": STYLE,
        "text/plain": "<IPython.core.display.HTML object>",
    }
    return nbformat.v4.new_output(
        "execute_result", shown, execution_count=count
    )
