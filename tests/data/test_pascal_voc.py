"""PASCAL VOC itself, and real folders in its layout."""

from pathlib import Path

import pytest
import torch

from ssd_lite.data import voc as voc_module
from ssd_lite.data.examples import Concatenated
from ssd_lite.data.problems import DatasetError
from ssd_lite.data.voc import VOC_CLASSES, VOCFolder, splits, voc
from tests.data.folders import put, voc_object, voc_xml, write_voc


def write_years(root: Path) -> None:
    for year in ("2007", "2012"):
        part = write_voc(root / "VOCdevkit" / f"VOC{year}", splits={"trainval": "ab"})
        for name in "ab":
            put(part / "Annotations" / f"{name}.xml", voc_xml(voc_object(("dog", 4, 3, 20, 15))))


def test_two_years_one_after_the_other(tmp_path: Path) -> None:
    write_years(tmp_path)
    dataset = voc(tmp_path, "07+12", "trainval")
    assert isinstance(dataset, Concatenated)
    assert dataset.classes == VOC_CLASSES
    assert len(VOC_CLASSES) == 20
    assert list(VOC_CLASSES) == sorted(VOC_CLASSES)
    assert dataset.names == ("a", "b", "a", "b")
    assert len(dataset) == 4
    parents = [dataset.image_path(index).parts[-3] for index in range(4)]
    assert parents == ["VOC2007", "VOC2007", "VOC2012", "VOC2012"]
    assert dataset[-1].name == "b"
    assert dataset.truth(2).labels.tolist() == [12]
    with pytest.raises(IndexError):
        dataset[4]


def test_concatenated_needs_the_same_classes(tmp_path: Path) -> None:
    one = VOCFolder(write_voc(tmp_path), "train")
    other = VOCFolder(tmp_path, "train", classes=["queen", "king"])
    for parts in ([one, other], []):
        with pytest.raises(ValueError, match="parts must agree on classes"):
            Concatenated(parts)


def test_download_only_when_asked_and_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, str, bool]] = []

    def download(root: str, *, year: str, image_set: str, download: bool) -> None:
        calls.append((year, image_set, download))
        write_years(Path(root))

    monkeypatch.setattr(voc_module, "VOCDetection", download)
    with pytest.raises(DatasetError, match="VOC2007: folder must exist"):
        voc(tmp_path, "2007", "trainval")
    assert calls == []
    assert len(voc(tmp_path, "2007", "trainval", download=True)) == 2
    assert len(voc(tmp_path, "2007", "trainval", download=True)) == 2
    assert calls == [("2007", "trainval", True)]


def test_unknown_year(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"year must be one of 2007, 2012, 07\+12, got '2005'"):
        voc(tmp_path, "2005", "trainval")


def test_cards(shared: Path) -> None:
    assert splits(shared / "data" / "cards") == ("trainval", "test")
    folder = VOCFolder(shared / "data" / "cards", "trainval")
    assert folder.classes == ("ace", "jack", "king", "nine", "queen", "ten")
    assert len(folder) == 296
    assert max(len(folder.truth(index)) for index in range(296)) == 5
    image, truth, _ = folder[0]
    assert image.shape[0] == 3
    assert len(truth) > 0


def test_bccd_has_two_boxes_of_zero_area(shared: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        VOCFolder(shared / "data" / "bccd", "trainval")
    places = [(problem.file, problem.object) for problem in caught.value.problems]
    assert places == [
        ("Annotations/BloodImage_00338.xml", "object 13 (RBC)"),
        ("Annotations/BloodImage_00343.xml", "object 4 (RBC)"),
    ]
    folder = VOCFolder(shared / "data" / "bccd", "trainval", skip_invalid=True)
    assert folder.problems == caught.value.problems
    assert folder.classes == ("Platelets", "RBC", "WBC")
    assert len(folder) == 292
    assert max(len(folder.truth(index)) for index in range(292)) == 30


def test_fod_a_has_decimals_and_nothing_wrong(shared: Path) -> None:
    folder = VOCFolder(shared / "data" / "fod-a", "trainval")
    assert len(folder) == 3260
    assert len(folder.classes) == 31
    assert folder.problems == ()
    battery = folder.truth(folder.names.index("000000"))
    expected = torch.tensor([[138.2219, 104.2833, 151.4406, 148.3472]]) / 300
    torch.testing.assert_close(battery.boxes_xyxy, expected)
