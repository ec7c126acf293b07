"""``ssd-lite convert``: written folders are read again, by the other commands, too."""

from pathlib import Path

import pytest

from tests.cli.helpers import break_box, run

pytestmark = pytest.mark.plain  # run-time type checks would refuse in their own words


@pytest.mark.parametrize("to", ["voc", "coco", "yolo"])
def test_a_converted_folder_is_recognised(to: str, folder: Path, tmp_path: Path) -> None:
    code, said = run("convert", folder, "--to", to, "--out", tmp_path / "new")
    assert code == 0, said
    first, second = said.splitlines()[:2]
    assert first.startswith("VOC layout")
    assert f"{to.upper()} layout" in second
    assert "train (6 images), val (4)" in second
    code, said = run("inspect", tmp_path / "new", "--sheet", tmp_path / "sheet.png")
    assert code == 0, said
    assert "no problems" in said


def test_invalid_folders_are_converted_on_request(folder: Path, tmp_path: Path) -> None:
    break_box(folder)
    code, said = run("convert", folder, "--to", "coco", "--out", tmp_path / "new")
    assert code == 2
    assert "Annotations/0001.xml" in said
    assert "--skip-invalid" in said
    assert not (tmp_path / "new").exists()
    assert run("convert", folder, "--to", "coco", "--out", tmp_path / "new", "--skip-invalid")[0] == 0


def test_an_unknown_layout_and_a_full_folder_are_refused(folder: Path) -> None:
    code, said = run("convert", folder, "--to", "xml", "--out", folder / "new")
    assert code == 2
    assert "must be one of voc, coco, yolo" in said
    code, said = run("convert", folder, "--to", "coco", "--out", folder)
    assert code == 2
    assert "must be a new or an empty folder" in said
