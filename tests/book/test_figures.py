"""Arabic figures: their words, that each English picture has one, and that Arabic notebooks run."""

import io
import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import polib
import pytest
import translations
from arabic import catalogs, figures, kernel, notebooks, pages, pictures, sources, words
from execute import run
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.legend import Legend
from matplotlib.text import Text
from PIL import Image

with_figures = pytest.mark.parametrize("page", figures.with_figures())
LARGEST = 2_500_000


@with_figures
def test_each_picture_with_words_has_an_arabic_one_that_is_up_to_date(page: str) -> None:
    assert pictures.problems(page) == [], f"make figures N={page}"


def test_the_words_of_all_pictures_are_in_the_catalog() -> None:
    used = [entry.msgid for entry in catalogs.load(words.CATALOG) if not entry.obsolete]
    assert used == pictures.messages(), "make gettext"


def test_pictures_are_small() -> None:
    files = [path.read_bytes() for path in pictures.FOLDER.rglob("*.png")]
    assert {Image.open(io.BytesIO(file)).mode for file in files} == {"P"}
    assert sum(map(len, files)) < LARGEST


@with_figures
def test_an_arabic_page_differs_in_its_pictures_alone(page: str) -> None:
    english = nbformat.read(pages.source(page), as_version=4)
    arabic = nbformat.reads(sources.text(page), as_version=4)
    nbformat.validate(arabic)
    bare = pictures.wordless(page)
    for (_, old), (_, new) in zip(pictures.outputs(english), pictures.outputs(arabic), strict=True):
        same = old.data[pictures.PNG] == new.data[pictures.PNG]
        assert same == (pictures.name(pictures.content(old)) in bare)
        new.data[pictures.PNG] = old.data[pictures.PNG]
    outputs = [[cell.get("outputs") for cell in notebook.cells] for notebook in (english, arabic)]
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize(
    ("text", "message", "values"),
    [
        ("20 objects", "{} objects", ["20"]),
        ("2,046 boxes at 3:1, 8 × 8", "{} boxes at {}, {}", ["2,046", "3:1", "8 × 8"]),
        ("cx −0.5 to 1e-05", "cx {} to {}", ["−0.5", "1e-05"]),
        ("variances (0.1, 0.2)", "variances {}", ["(0.1, 0.2)"]),
        ("focal, γ = 2", "focal, {}", ["γ = 2"]),
        ("hue − 36°, all at 98%", "hue {}, all at {}", ["− 36°", "98%"]),
        ("error $l_1 - 2$", "error $l_1 - 2$", []),
        ("SSD300 conv4_3", "SSD300 conv4_3", []),
        ("0.5", "", []),
        ("$x_1$ 1e3", "", []),
        ("كلب 2 SSD", "", []),
    ],
)
def test_numbers_of_a_text_are_placeholders(text: str, message: str, values: list[str]) -> None:
    assert words.split(text) == (message, values)


def test_a_text_is_drawn_in_arabic_with_its_numbers() -> None:
    say = {"{} of {} boxes\nhere": "صناديق {1}، منها {0}\nهنا", "SSD": "SSD"}.get
    assert words.drawn("3 of 20 boxes\nhere", say) == (
        "\u200fصناديق \u206620\u2069، منها \u20663\u2069\n\u200fهنا"
    )
    assert words.drawn("SSD", say) == "SSD"
    assert words.drawn("3:1", say) == "3:1"
    assert words.drawn("2 objects", str) == "2 objects"  # not translated yet


@pytest.mark.parametrize(
    ("arabic", "problem"),
    [
        ("{1} من {0}", ""),
        ("{} of {}", ""),
        ("{} من", "placeholders"),
        ("{0} من {0}", "placeholders"),
        ("{} / {}", "not Arabic"),
        ("{} من {} $x$", "math"),
        ("{} من {} ٣", "digits"),
    ],
)
def test_a_translation_is_checked(arabic: str, problem: str) -> None:
    assert [p.partition(":")[0] for p in words.problems("{} of {}", arabic)] == [problem] * bool(problem)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ((Text, "set_text"), (FigureCanvasAgg, "print_png"), (Legend, "__init__")):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # as it was, after the test
    known = {"{} dogs": "الكلاب: {}", "step": "الخطوة"}
    monkeypatch.setattr(catalogs, "translator", lambda name: lambda message: known.get(message, message))
    kernel.install()


def picture(*texts: str) -> bytes:
    figure, axes = plt.subplots()
    axes.plot([0, 1], label="3 dogs")
    for place, text in enumerate(texts):
        axes.text(0, place / 4, text)
    axes.legend()
    file = io.BytesIO()
    figure.savefig(file, format="png")
    plt.close(figure)
    return file.getvalue()


@pytest.mark.usefixtures("installed")
def test_a_figure_is_drawn_in_arabic_and_says_which_words_it_shows() -> None:
    arabic = picture("step", "4 dogs", "new", "0.5")
    known = {"step": "الخطوة", "{} dogs": "الكلاب: {}", "new": "new"}
    assert pictures.shown(arabic) == known
    assert pictures.shown(pictures.small(arabic)) == known
    assert not np.array_equal(*(np.array(Image.open(io.BytesIO(p))) for p in (arabic, picture())))


def page_of(*contents: bytes) -> nbformat.NotebookNode:
    cells = []
    for content in contents:
        cell = nbformat.v4.new_code_cell("draw()")
        cell.outputs = [nbformat.v4.new_output("display_data", {pictures.PNG: pictures.in_text(content)})]
        cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells)


def plain() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(file, "PNG")
    return file.getvalue()


@pytest.mark.usefixtures("installed")
def test_pictures_stand_for_english_ones_and_old_ones_are_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "figures")
    monkeypatch.setattr(pages, "BOOK", tmp_path)
    nbformat.write(page_of(b"one", b"two"), tmp_path / "page.ipynb")
    one, two = (pictures.name(content) for content in (b"one", b"two"))
    assert pictures.problems("page") == [f"missing: {one}", f"missing: {two}"]
    pictures.write("page", [(b"one", picture("step")), (b"two", plain())])
    assert pictures.problems("page") == []
    notebook = page_of(b"one", b"two")
    pictures.replace(notebook, "page")
    shown = [pictures.content(output) for _, output in pictures.outputs(notebook)]
    assert shown == [pictures.path("page", one).read_bytes(), b"two"]
    nbformat.write(page_of(b"three"), tmp_path / "page.ipynb")
    assert pictures.problems("page") == [
        f"missing: {pictures.name(b'three')}",
        f"unused: {one}",
        f"unused: {two}",
    ]
    monkeypatch.setattr(catalogs, "translator", lambda name: lambda message: message)
    assert f"drawn with other words: {one}" in pictures.problems("page")


def test_cells_that_gave_another_text_are_named() -> None:
    before = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"x\nprint({n})") for n in range(3)])
    for number, cell in enumerate(before.cells):
        cell.id, cell.outputs = f"cell-{number}", [nbformat.v4.new_output("stream", text=str(number))]
    after = nbformat.from_dict(before)
    after.cells[1].outputs[0].text = after.cells[2].outputs[0].text = "other"
    before.cells[2].metadata.tags = ["nbval-ignore-output"]
    assert figures.differences(before, before) == []
    assert figures.differences(before, after) == ["cell-1: print(1)"]


def test_a_message_without_translation_is_found() -> None:
    catalog = catalogs.merged(polib.POFile(), ["{} objects"])
    assert [entry.msgstr for entry in catalog] == [""]
    assert translations.messages(words.CATALOG) == pictures.messages()


def test_an_arabic_notebook_runs_where_it_lies(tmp_path: Path) -> None:
    page = "how-to-export"
    (tmp_path / "models").symlink_to(pages.BOOK / "models")
    notebooks.write(tmp_path / "ar")
    written = nbformat.read(tmp_path / "ar" / f"{page}.ipynb", as_version=4)
    ran = nbformat.read(tmp_path / "ar" / f"{page}.ipynb", as_version=4)
    run(ran, tmp_path / "ar")
    assert figures.differences(written, ran) == []
    first = [next(cell for cell in one.cells if cell.cell_type == "code") for one in (written, ran)]
    assert first[0].outputs == first[1].outputs


def test_links_of_arabic_notebooks_lead_somewhere(tmp_path: Path) -> None:
    notebooks.write(tmp_path)
    for path in tmp_path.iterdir():
        for link in re.findall(r"\]\(([\w./-]+\.(?:ipynb|md|png))[)#]", path.read_text()):
            place = pages.BOOK if link.startswith("../") else tmp_path
            assert (place / link.removeprefix("../")).exists(), (path.name, link)
