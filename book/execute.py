"""Run chapters and keep their outputs: ``python book/execute.py [NOTEBOOK …]``, by default all of them.

A chapter is written down with what its cells gave, since the built page shows exactly that and the tests
compare with it. Times and everything else that differs between two runs are left out.
"""

import argparse
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

BOOK = Path(__file__).parent
METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def execute(path: Path) -> float:
    """Run a notebook from top to bottom in a new kernel and write it back; the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    began = time.perf_counter()
    run(notebook, path.parent)
    write(notebook, path)
    return time.perf_counter() - began


def run(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run a notebook in a new kernel in that folder; its outputs are replaced."""
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=600,
        record_timing=False,
        coalesce_streams=True,
    )
    client.execute(cwd=str(folder))


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook whose metadata is the same on every machine."""
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat_minor = 5
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03d}"
        cell.metadata.pop("execution", None)
    nbformat.validate(notebook)
    path.write_text(nbformat.writes(notebook, indent=1) + "\n")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path)
    for path in parser.parse_args().notebooks or sorted(BOOK.glob("*.ipynb")):
        print(f"{path.name}: {execute(path.resolve()):.0f} s")


if __name__ == "__main__":
    main()
