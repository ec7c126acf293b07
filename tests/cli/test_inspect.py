"""``ssd-lite inspect``: what it shows of sound folders and of broken ones."""

from pathlib import Path

import pytest
from PIL import Image

from ssd_lite import plotting
from ssd_lite.cli.coverage import FITTED, FITTED_512, RELEASED, coverage_advice
from ssd_lite.scales import Coverage
from tests.cli.helpers import break_box, run, write_voc, write_xml

pytestmark = pytest.mark.plain  # run-time type checks would refuse in their own words


def inspect(folder: Path, *options: object) -> tuple[int, str]:
    return run("inspect", folder, "--sheet", folder.parent / "sheet.png", *options)


def test_a_sound_folder(folder: Path) -> None:
    code, said = inspect(folder)
    assert code == 0, said
    assert said.splitlines()[0].startswith("VOC layout")
    for words in ("images", "objects", "cat", "fish", "released, VOC", "fitted", "no problems"):
        assert words in said
    assert (folder.parent / "sheet.png").stat().st_size > 0


def test_all_errors_are_listed_at_once(folder: Path) -> None:
    break_box(folder)
    (folder / "Annotations/0002.xml").write_text("<annotation><object>")
    (folder / "JPEGImages/0007.png").write_bytes(b"no image")
    code, said = inspect(folder)
    assert code == 1
    for name in ("0001.xml", "0002.xml", "0007.png"):
        assert name in said
    assert "3 errors" in said
    assert "--skip-invalid" in said


def test_a_split_without_anything_valid_hides_no_error(folder: Path) -> None:
    for index in range(6, 10):  # all of val
        write_xml(folder, index, [("cat", [10, 10, 10, 40])])
    break_box(folder)
    code, said = inspect(folder)
    assert code == 1
    assert "5 errors" in said
    assert "0001.xml" in said
    assert "0009.xml" in said


def test_one_split_alone(folder: Path) -> None:
    break_box(folder)  # in train
    assert inspect(folder, "--split", "validation")[0] == 0  # a synonym of val
    assert inspect(folder, "--split", "train")[0] == 1
    code, said = inspect(folder, "--split", "other")
    assert code == 2
    assert "split must be one of train, val" in said


def test_repairs_are_counted_by_kind_and_warnings_listed(folder: Path) -> None:
    write_xml(folder, 1, [("cat", [10, 10, 129, 40]), ("cat", [-1, 10, 50, 40])])
    write_xml(folder, 2, [("Cat", [10, 10, 50, 40])], difficult="true")
    code, said = inspect(folder)
    assert code == 0, said
    assert "2 repairs, the first: Annotations/0001.xml: object 1 (cat): box was clipped" in said
    assert "1 repair, the first: Annotations/0002.xml" in said
    assert "warning classes: names differ only by case" in said
    assert "3 repairs, 1 warning" in said


def test_an_unexpected_class_is_an_error(folder: Path) -> None:
    code, said = inspect(folder, "--classes", "cat, dog")
    assert code == 1
    assert "(fish)" in said


def test_names_of_any_kind_are_shown_as_they_are(folder: Path) -> None:
    names = ("[/x]", "[red]x[/]", ":cat:", "$\\frac$", "安全帽")
    for index in range(10):
        write_xml(folder, index, [(name, [10, 10, 50, 50]) for name in names])
    code, said = inspect(folder)
    assert code == 0, said
    for name in names:
        assert name in said


def test_a_name_without_a_font_is_explained(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotting.fonts, "_family_with", lambda characters: None)
    write_xml(folder, 1, [("安全帽", [10, 10, 50, 50])])
    code, said = inspect(folder)
    assert code == 0, said
    assert "so in pictures class 3 is 安全帽" in said


def test_a_resized_folder_is_understood_on_request(folder: Path) -> None:
    for path in (folder / "JPEGImages").iterdir():
        Image.open(path).resize((64, 48)).save(path)
    code, said = inspect(folder)
    assert code == 1
    assert "--scale-boxes" in said
    assert "--skip-invalid" not in said  # it would leave nothing
    assert inspect(folder, "--scale-boxes")[0] == 0


def test_an_unknown_layout_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, said = inspect(tmp_path / "empty")
    assert code == 2
    assert "Looked for VOC" in said
    assert inspect(write_voc(tmp_path / "mine", 2), "--layout", "coco")[0] == 2
    assert "layout must be one of voc, coco, yolo" in inspect(tmp_path / "mine", "--layout", "xml")[1]


def _coverages(released: float, fitted: float, larger: float) -> dict[str, Coverage]:
    values = {RELEASED: released, FITTED: fitted, FITTED_512: larger}
    import torch

    return {name: Coverage(torch.zeros(0), recall, recall) for name, recall in values.items()}


@pytest.mark.parametrize(
    ("recalls", "says"),
    [
        ((0.97, 0.98, 0.99), None),
        ((0.6, 0.98, 0.99), "ssd-lite train FOLDER fits them by itself"),
        ((0.1, 0.6, 0.8), "--model ssd512_vgg16, reaches 80%"),
        ((0.0, 0.01, 0.2), "cut the images into tiles"),
    ],
)
def test_advice_follows_from_the_coverage(recalls: tuple[float, float, float], says: str | None) -> None:
    advice = coverage_advice(_coverages(*recalls))
    assert (advice is None) if says is None else (advice is not None and says in advice)
