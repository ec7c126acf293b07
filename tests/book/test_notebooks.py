"""What nbval does not see: stripped or stale outputs, errors, missing alt text, the form of a chapter."""

import base64
import io
import json
import re
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from PIL import Image

from tests.book.chapters import (
    BOOK,
    CHAPTERS,
    NOTEBOOKS,
    ROOT,
    code,
    name,
    pages,
    prose,
    script,
    source,
    tags,
)

execute = script("execute")
LARGEST = 1_400_000
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=name)


def outputs(path):
    return [(cell, output) for cell in code(path) for output in cell.outputs]


def test_every_source_is_a_page_and_every_page_has_one() -> None:
    sources = {path.stem for pattern in ("*.ipynb", "*.md") for path in BOOK.glob(pattern)}
    assert sources == set(pages())
    assert all(source(page).exists() for page in pages())


def test_the_chapters_are_the_steps_of_the_section_in_its_order() -> None:
    steps = ["matching", "objective", "scales", "mining", "augmentation", "training"]
    assert [path.stem for path in CHAPTERS] == [f"{n:02d}-{step}" for n, step in enumerate(steps, start=1)]


@every_notebook
def test_was_run_from_top_to_bottom(path) -> None:
    assert [cell.execution_count for cell in code(path)] == list(range(1, len(code(path)) + 1))


@every_notebook
def test_has_no_error_and_no_warning(path) -> None:
    for _, output in outputs(path):
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output.text


@every_notebook
def test_is_written_as_execute_writes_it(path) -> None:
    """So a new run changes no line but those of outputs that changed."""
    notebook = nbformat.read(path, as_version=4)
    assert dict(notebook.metadata) == execute.METADATA
    assert [cell.id for cell in notebook.cells] == [f"cell-{n:03d}" for n in range(len(notebook.cells))]
    assert path.read_text() == nbformat.writes(notebook, indent=1) + "\n"


@every_notebook
def test_pictures_are_png_on_white_with_alt_text_and_caption(path) -> None:
    for cell, output in outputs(path):
        data = output.get("data", {})
        assert "image/svg+xml" not in data
        if "image/png" not in data:
            continue
        about = cell.metadata.get("mystnb", {})
        alt = about.get("image", {}).get("alt", "")
        assert len(alt) > 40, f"alt text wanted, a sentence: {cell.source}"
        assert about["figure"]["name"].startswith("fig-")
        assert about["figure"]["caption"]
        image = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGBA")
        corners = np.array(image)[[0, 0, -1, -1], [0, -1, 0, -1]]
        assert (corners == 255).all(), "a white, opaque ground is wanted, for dark mode"


@every_notebook
def test_no_picture_stands_in_a_cell_with_another(path) -> None:
    """They would share one alt text."""
    for cell in code(path):
        assert sum("image/png" in output.get("data", {}) for output in cell.outputs) <= 1


@every_notebook
def test_outputs_are_the_same_on_every_machine(path) -> None:
    for _, output in outputs(path):
        text = output.get("text", "") or output.get("data", {}).get("text/plain", "")
        assert not re.search(r"at 0x[0-9a-f]+", text), text
        assert not re.search(r"(?<![\w.])/(home|root|tmp|work|usr|Users|var)/", text), text


@every_notebook
def test_a_cell_that_is_not_compared_checks_itself(path) -> None:
    for cell in code(path):
        if "nbval-ignore-output" in tags(cell):
            assert re.search(r"^\s*assert ", cell.source, re.MULTILINE), cell.source
        assert not {"nbval-skip", "raises-exception"} & set(tags(cell))
        assert "NBVAL" not in cell.source


@every_notebook
def test_is_not_too_large_to_read_online(path) -> None:
    assert path.stat().st_size < LARGEST
    for _, output in outputs(path):
        assert len(output.get("text", "").splitlines()) <= 30


@every_notebook
def test_fetches_the_package_where_it_is_missing_and_only_there(path) -> None:
    first = code(path)[0]
    assert tags(first) == ["install", "remove-cell"]
    assert first.source == code(NOTEBOOKS[0])[0].source
    assert not any("install" in tags(cell) for cell in code(path)[1:])
    assert f"--branch v{_version()} " in first.source
    assert f'"{_address()}"' in first.source


def test_the_address_of_the_repository_is_the_same_everywhere() -> None:
    for file in ("_config.yml", "CITATION.cff", "README.md", "README.ar.md"):
        assert _address() in (ROOT / file).read_text(), file


def test_no_file_names_the_address_but_those_that_are_moved() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = [
        ROOT / name for name in tracked.splitlines() if not name.endswith((".png", ".safetensors", ".webp"))
    ]
    assert {path for path in texts if _address() in path.read_text()} <= set(script("address").places())


def test_the_address_is_moved_in_every_file_at_once(tmp_path) -> None:
    (tmp_path / "book").mkdir()
    readmes = ("README.md", "README.ar.md")
    for part in ("pyproject.toml", "_config.yml", "CITATION.cff", *readmes, "book/references.md"):
        (tmp_path / part).write_text((ROOT / part).read_text())
    for path in [*NOTEBOOKS, BOOK / "address.py"]:
        (tmp_path / "book" / path.name).write_text(path.read_text())
    new = "https://example.org/someone/detector"
    subprocess.run([sys.executable, tmp_path / "book" / "address.py", new], check=True)
    for path in [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "address.py"]:
        assert new in path.read_text(), path.name
        assert _address() not in path.read_text(), path.name
    json.loads((tmp_path / "book" / NOTEBOOKS[0].name).read_text())


@every_chapter
def test_seeds_what_it_draws(path) -> None:
    assert "torch.manual_seed(0)" in code(path)[1].source


@every_chapter
def test_has_the_form_of_a_chapter(path) -> None:
    text = prose(path)
    assert re.search(r"\*\*Time:\*\* .* to read,.* to run", text)
    assert text.index("**You need:**") < text.index("**Afterwards you can**") < text.index("\n## ")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    if headings[-1] == "For those who port this":  # behind the main road, if there is something to say
        headings.pop()
    assert headings[-4:] == ["Questions", "Exercises", "Summary", "Next"], headings
    questions = text.split("\n## Questions")[1].split("\n## Exercises")[0]
    assert questions.count("<details>") == questions.count("</details>") == 3
    assert re.search(r"\{cite\}`ssd`", text)


@every_chapter
def test_exercises_are_graded_and_each_has_a_solution_that_runs(path) -> None:
    text = prose(path)
    exercises = re.findall(r"\{exercise\} .*\((?:easy|medium|hard)\)\n:label: (\S+)", text)
    assert 2 <= len(exercises) <= 4
    assert text.count("{exercise}") == len(exercises)
    assert re.findall(r"\{solution-start\} (\S+)\n:label: \S+\n:class: dropdown", text) == exercises
    notebook = nbformat.read(path, as_version=4)
    inside, runs = False, 0
    for cell in notebook.cells:
        runs += inside and cell.cell_type == "code"
        begins, ends = cell.source.rfind("{solution-start}"), cell.source.rfind("{solution-end}")
        inside = inside if begins == ends else begins > ends  # both -1: nothing changes
    assert runs >= len(exercises) - 1


def _version() -> str:
    import ssd_lite

    return ssd_lite.__version__


def _address() -> str:
    import tomllib

    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
