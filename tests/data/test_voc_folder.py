"""Folders in VOC layout that are as they should be."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from ssd_lite.data.images import read_image
from ssd_lite.data.voc import VOCFolder, splits
from tests.data.folders import put, voc_object, voc_xml, write_image, write_voc
from tests.data.voc_spoils import KING, boxes_px


def test_a_good_folder(tmp_path: Path) -> None:
    folder = VOCFolder(write_voc(tmp_path), "train")
    assert folder.classes == ("king", "queen")
    assert folder.names == ("a", "b")
    assert folder.problems == ()
    assert len(folder) == 2
    assert folder.image_path(1) == tmp_path / "JPEGImages" / "b.jpg"
    image, truth, name = folder[0]
    assert name == "a"
    assert torch.equal(image, read_image(tmp_path / "JPEGImages" / "a.jpg"))
    assert truth.labels.tolist() == [2, 1]
    assert truth.difficult.tolist() == [False, False]
    assert boxes_px(folder, 0) == [[4, 3, 20, 15], [0, 0, 40, 30]]
    assert boxes_px(folder, 1) == [[10.5, 6, 20, 12]]
    with pytest.raises(IndexError):
        folder[2]


def test_classes_agree_between_splits(tmp_path: Path) -> None:
    assert VOCFolder(write_voc(tmp_path), "test").classes == VOCFolder(tmp_path, "train").classes


def test_given_classes_set_the_labels(tmp_path: Path) -> None:
    folder = VOCFolder(write_voc(tmp_path), "train", classes=["queen", "ace", "king"])
    assert folder.classes == ("queen", "ace", "king")
    assert folder.truth(0).labels.tolist() == [1, 3]


@pytest.mark.parametrize("classes", ["king", [], ["king", "king"]])
def test_classes_must_be_different_names(tmp_path: Path, classes: list[str]) -> None:
    with pytest.raises(ValueError, match="classes must be a list of different names, got"):
        VOCFolder(write_voc(tmp_path), "train", classes=classes)


def test_max_side(tmp_path: Path) -> None:
    folder = VOCFolder(write_voc(tmp_path), "train", max_side=20)
    assert folder[0].image.shape == (3, 15, 20)
    assert boxes_px(folder, 0)[0] == [4, 3, 20, 15]
    with pytest.raises(ValueError, match="max_side"):
        VOCFolder(tmp_path, "train", max_side=0)


def test_an_image_without_objects_is_legal(tmp_path: Path) -> None:
    assert VOCFolder(write_voc(tmp_path), "test")[0].truth.boxes_xyxy.shape == (0, 4)


def test_without_image_sets_every_annotation_counts(tmp_path: Path) -> None:
    assert splits(write_voc(tmp_path, splits={})) == ("all",)
    put(tmp_path / "Annotations" / "._a.xml", "left by an archive made on a Mac")
    assert VOCFolder(tmp_path, "all").names == ("a", "b", "c")


def test_splits_lists_files_and_no_hidden_ones(tmp_path: Path) -> None:
    put(write_voc(tmp_path) / "ImageSets" / "Main" / "._train.txt", "junk")
    assert splits(tmp_path) == ("train", "test")


@pytest.mark.parametrize(
    "text", ["a\nb\n", "\ufeffa\nb", "a\r\n\r\n  b  \r\n\r\n", "a  1\nb -1\n", "a\t0\nb 1", "a 1\nb"]
)
def test_split_files(tmp_path: Path, text: str) -> None:
    put(write_voc(tmp_path) / "ImageSets" / "Main" / "train.txt", text)
    assert VOCFolder(tmp_path, "train").names == ("a", "b")


@pytest.mark.parametrize("name", ["my photo", "my photo 1", "sub/deeper/x", "x.y", "ä ö", "._x/y"])
def test_names_with_spaces_folders_and_dots(tmp_path: Path, name: str) -> None:
    put(write_voc(tmp_path) / "Annotations" / f"{name}.xml", voc_xml(voc_object(KING)))
    write_image(tmp_path / "JPEGImages" / f"{name}.jpg")
    put(tmp_path / "ImageSets" / "Main" / "train.txt", f"{name}\na")
    folder = VOCFolder(tmp_path, "train")
    assert folder.names == (name, "a")
    assert folder.image_path(0) == tmp_path / "JPEGImages" / f"{name}.jpg"


@pytest.mark.parametrize("suffix", [".JPG", ".jpeg", ".Png", ".png", ".bmp", ".webp"])
def test_image_suffixes(tmp_path: Path, suffix: str) -> None:
    (write_voc(tmp_path) / "JPEGImages" / "a.jpg").unlink()
    path = write_image(tmp_path / "JPEGImages" / f"a{suffix}")
    assert VOCFolder(tmp_path, "train").image_path(0) == path


def test_the_id_goes_before_the_filename(tmp_path: Path) -> None:
    put(write_voc(tmp_path) / "Annotations" / "a.xml", voc_xml(voc_object(KING), filename="b.jpg"))
    assert VOCFolder(tmp_path, "train").image_path(0).name == "a.jpg"


@pytest.mark.parametrize("filename", ["photo.x.png", "photo.x"])
def test_the_filename_finds_an_image_of_another_name(tmp_path: Path, filename: str) -> None:
    (write_voc(tmp_path) / "JPEGImages" / "a.jpg").unlink()
    path = write_image(tmp_path / "JPEGImages" / "photo.x.png")
    put(tmp_path / "Annotations" / "a.xml", voc_xml(voc_object(KING), filename=filename))
    assert VOCFolder(tmp_path, "train").image_path(0) == path


@pytest.mark.parametrize(
    ("extra", "difficult"),
    [
        ("", False),
        ("<difficult/>", False),
        ("<difficult> 1 </difficult>", True),
        ("<attributes><attribute><name>track</name></attribute></attributes>", False),
        ("<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>", False),
    ],
)
def test_objects_in_all_their_forms(tmp_path: Path, extra: str, difficult: bool) -> None:
    put(write_voc(tmp_path) / "Annotations" / "a.xml", voc_xml(voc_object(KING, extra)))
    folder = VOCFolder(tmp_path, "train")
    assert boxes_px(folder, 0) == [[4, 3, 20, 15]]
    assert folder.truth(0).difficult.tolist() == [difficult]
    assert folder.classes == ("king",)


@pytest.mark.parametrize(
    "size", ["", "<width/><height/>", "<width>0</width><height>0</height>", "<width>40</width>"]
)
def test_without_a_size_the_image_tells(tmp_path: Path, size: str) -> None:
    put(write_voc(tmp_path) / "Annotations" / "a.xml", voc_xml(voc_object(KING), size=size))
    put(tmp_path / "Annotations" / "b.xml", f"<annotation>{voc_object(KING)}</annotation>")
    folder = VOCFolder(tmp_path, "train")
    assert boxes_px(folder, 0) == boxes_px(folder, 1) == [[4, 3, 20, 15]]


def lying_photo(root: Path, size: tuple[int, int], box: tuple[float, ...], orientation: int = 6) -> VOCFolder:
    """A photo stored as 40 × 30 with a white patch at (4, 3, 20, 9), displayed turned."""
    raw = Image.new("L", (40, 30))
    raw.paste(255, (4, 3, 20, 9))
    exif = Image.Exif()
    exif[0x0112] = orientation
    write_voc(root)
    (root / "JPEGImages" / "b.jpg").unlink()
    raw.save(root / "JPEGImages" / "b.png", exif=exif)
    text = "<width>{}</width><height>{}</height>".format(*size)
    put(root / "Annotations" / "b.xml", voc_xml(voc_object(("king", *box)), size=text))
    return VOCFolder(root, "train")


@pytest.mark.parametrize(
    ("size", "box", "orientation"),
    [
        ((40, 30), (4, 3, 20, 9), 6),
        ((40, 30), (4, 3, 20, 9), 8),
        ((40, 30), (4, 3, 20, 9), 5),
        ((40, 30), (4, 3, 20, 9), 7),
        ((30, 40), (21, 4, 27, 20), 6),
        ((40, 30), (20, 21, 36, 27), 3),
        ((0, 0), (21, 4, 27, 20), 6),
    ],
)
def test_turned_photos_and_their_boxes(
    tmp_path: Path, size: tuple[int, int], box: tuple[float, ...], orientation: int
) -> None:
    image, truth, _ = lying_photo(tmp_path, size, box, orientation)[1]
    rows, columns = image[0].nonzero().T
    height, width = image.shape[1:]
    found = torch.tensor(
        [columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height]
    )
    torch.testing.assert_close(truth.boxes_xyxy[0], found)
