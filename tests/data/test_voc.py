import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from ssd_lite.data import voc as voc_module
from ssd_lite.data.examples import Concatenated, DatasetError, Problem
from ssd_lite.data.images import read_image
from ssd_lite.data.validation import MIN_SIDE, box_error
from ssd_lite.data.voc import VOC_CLASSES, VOCFolder, check, splits, voc
from tests.data.folders import put, voc_object, voc_xml, write_image, write_voc

KING = ("king", 4, 3, 20, 15)


def boxes_px(folder: VOCFolder, index: int, size: tuple[int, int] = (40, 30)) -> list[list[float]]:
    return (folder.truth(index).boxes_xyxy * torch.tensor([*size, *size])).tolist()


# ---- folders that are as they should be


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
    assert splits(tmp_path) == ("test", "train")


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


# ---- folders with faults

Spoil = Callable[[Path], object]


def a_xml(objects: str, **options: str) -> Spoil:
    return lambda root: put(root / "Annotations" / "a.xml", voc_xml(objects, **options))


def a_box(*corners: object) -> Spoil:
    return a_xml(voc_object(("queen", 1, 1, 5, 5)) + voc_object(("king", *corners)))


def a_text(text: str) -> Spoil:
    return lambda root: put(root / "Annotations" / "a.xml", text)


def train(text: str) -> Spoil:
    return lambda root: put(root / "ImageSets" / "Main" / "train.txt", text)


def move(source: str, goal: str) -> Spoil:
    return lambda root: (root / source).rename(root / goal)


def both(*spoils: Spoil) -> Spoil:
    return lambda root: [spoil(root) for spoil in spoils]


A, TRAIN, SECOND = "Annotations/a.xml", "ImageSets/Main/train.txt", "object 2 (king)"
INSIDE, CORNERS = (
    "box must lie inside the image of 40 × 30 pixels",
    "box must have xmin < xmax and ymin < ymax",
)

# A fault of one object leaves the image in; one of an image leaves "b" alone in the split.
OBJECT_FAULTS = {
    "zero width": (a_box(7, 3, 7, 9), f"{CORNERS}, got (7, 3, 7, 9)"),
    "zero height": (a_box(7, 3, 9, 3), f"{CORNERS}, got (7, 3, 9, 3)"),
    "swapped": (a_box(20, 3, 7, 9), f"{CORNERS}, got (20, 3, 7, 9)"),
    "left of the image": (a_box(-0.5, 3, 7, 9), f"{INSIDE}, got (-0.5, 3, 7, 9)"),
    "above the image": (a_box(1, -1, 7, 9), INSIDE),
    "right of the image": (a_box(1, 3, 40.001, 9), f"{INSIDE}, got (1, 3, 40.001, 9)"),
    "below the image": (a_box(1, 3, 7, 31), INSIDE),
    "vanishing": (a_box(1, 3, 1.0000001, 9), "box must be at least 1e-06 of its image wide and high"),
    "not a number": (a_box("nan", 3, 7, 9), "box must be finite, got (nan, 3, 7, 9)"),
    "infinite": (a_box(1, 3, "inf", 9), "box must be finite"),
    "overflowing": (a_box(1, 3, "1e999", 9), "box must be finite"),
    "text": (a_box("x", 3, 7, 9), "xmin must be a number, got 'x'"),
    "empty": (a_box(1, 3, 7, ""), "ymax must be a number, got ''"),
    "no bndbox": (
        a_xml(voc_object(("queen", 1, 1, 5, 5)) + "<object><name>king</name></object>"),
        "bndbox must be given",
    ),
    "bndbox of a part only": (
        a_xml(
            voc_object(("queen", 1, 1, 5, 5))
            + f"<object><name>king</name><part>{voc_object(KING)}<bndbox/></part></object>"
        ),
        "bndbox must be given",
    ),
    "difficult": (
        a_xml(voc_object(("queen", 1, 1, 5, 5)) + voc_object(KING, "<difficult>maybe</difficult>")),
        "difficult must be 0 or 1, got 'maybe'",
    ),
}

IMAGE_FAULTS = {
    "no XML": (lambda root: (root / A).unlink(), A, f"file must exist, {TRAIN} lists it"),
    "no image": (
        lambda root: (root / "JPEGImages" / "a.jpg").unlink(),
        A,
        "JPEGImages must hold its image, 'a'",
    ),
    "text for XML": (a_text("no XML"), A, "must be XML: syntax error"),
    "cut off": (a_text(voc_xml(voc_object(KING))[:-20]), A, "must be XML: "),
    "empty XML": (a_text(""), A, "must be XML: no element found"),
    "encoding": (a_text('<?xml version="1.0" encoding="no-such"?><annotation/>'), A, "must be XML: "),
    "wrong root": (a_text("<html/>"), A, "root must be <annotation>, got <html>"),
    "entity": (
        a_text('<!DOCTYPE annotation [<!ENTITY e "king">]>' + voc_xml(voc_object(("&e;", 4, 3, 20, 15)))),
        A,
        "must be XML without a DTD and entities",
    ),
    "external entity": (
        a_text(
            '<!DOCTYPE annotation [<!ENTITY e SYSTEM "file:///etc/hostname">]><annotation>&e;</annotation>'
        ),
        A,
        "must be XML without a DTD and entities",
    ),
    "other size": (
        a_xml("", size="<width>30</width><height>40</height>"),
        A,
        "size must be the image's, 40 × 30, got 30 × 40",
    ),
    "size in words": (
        a_xml("", size="<width>wide</width><height>30</height>"),
        A,
        "width must be a number, got 'wide'",
    ),
    "id listed twice": (train("b\nb\n"), TRAIN, "must list 'b' once, got 2 times"),
    "id of nothing": (train("b\nnothing\n"), "Annotations/nothing.xml", "file must exist"),
    "id climbs": (
        train("b\n../Annotations/a\n"),
        TRAIN,
        "id must stay inside Annotations, got '../Annotations/a'",
    ),
    "id climbs inside": (train("b\nx/../a\n"), TRAIN, "id must stay inside Annotations"),
    "id absolute": (train("b\n/etc/hostname\n"), TRAIN, "id must stay inside Annotations"),
    "id of another system": (train("b\n..\\a\n"), TRAIN, "id must stay inside Annotations"),
    "filename climbs": (
        both(a_xml("", filename="../a.jpg"), move("JPEGImages/a.jpg", "a.jpg")),
        A,
        "filename must stay inside JPEGImages, got '../a.jpg'",
    ),
    "garbage image": (
        lambda root: put(root / "JPEGImages" / "a.jpg", "garbage"),
        "JPEGImages/a.jpg",
        "file must be an image",
    ),
}

DATASET_FAULTS = {
    "no folder": (move("", "../moved"), "", "folder must exist"),
    "no Annotations": (move("Annotations", "x"), "Annotations", "folder must exist"),
    "no JPEGImages": (move("JPEGImages", "x"), "JPEGImages", "folder must exist"),
    "no split": (move(TRAIN, "ImageSets/Main/val.txt"), TRAIN, "split must be one of test, val, got 'train'"),
    "no split files": (
        both(move(TRAIN, "x"), move("ImageSets/Main/test.txt", "y")),
        TRAIN,
        "split must be one of all, got 'train'",
    ),
    "empty split": (train("\n \n"), TRAIN, "split must hold at least one image, got none"),
    "binary split": (lambda root: (root / TRAIN).write_bytes(b"\xff\xfe\0"), TRAIN, "must be text in UTF-8"),
    "a level too high": (
        lambda root: [(root / "VOC2007").mkdir(), move("Annotations", "VOC2007/Annotations")(root)],
        "Annotations",
        "VOC2007 meant?",
    ),
}


@pytest.mark.parametrize(("spoil", "rule"), OBJECT_FAULTS.values(), ids=OBJECT_FAULTS)
def test_faults_of_an_object(tmp_path: Path, spoil: Spoil, rule: str) -> None:
    spoil(write_voc(tmp_path))
    with pytest.raises(DatasetError) as caught:
        VOCFolder(tmp_path, "train")
    (fault,) = caught.value.problems
    assert (fault.file, fault.object) == (A, SECOND)
    assert rule in fault.rule
    assert str(caught.value).startswith(f"{A}: {SECOND}: ")
    folder = VOCFolder(tmp_path, "train", skip_invalid=True)
    assert folder.problems == (fault,)
    assert folder.names == ("a", "b")
    assert boxes_px(folder, 0) == [[1, 1, 5, 5]]
    assert check(tmp_path) == [fault]


@pytest.mark.parametrize(("spoil", "file", "rule"), IMAGE_FAULTS.values(), ids=IMAGE_FAULTS)
def test_faults_of_an_image(tmp_path: Path, spoil: Spoil, file: str, rule: str) -> None:
    spoil(write_voc(tmp_path))
    with pytest.raises(DatasetError) as caught:
        VOCFolder(tmp_path, "train", classes=["king", "queen"])
    (fault,) = caught.value.problems
    assert (fault.file, fault.object) == (file, "")
    assert rule in fault.rule
    folder = VOCFolder(tmp_path, "train", skip_invalid=True)
    assert folder.problems == (fault,)
    assert folder.names == ("b",)
    assert check(tmp_path, "train") == [fault]


@pytest.mark.parametrize(("spoil", "file", "rule"), DATASET_FAULTS.values(), ids=DATASET_FAULTS)
@pytest.mark.parametrize("skip_invalid", [False, True])
def test_faults_of_a_dataset_always_raise(
    tmp_path: Path, spoil: Spoil, file: str, rule: str, skip_invalid: bool
) -> None:
    root = write_voc(tmp_path / "data")
    spoil(root)
    with pytest.raises(DatasetError) as caught:
        VOCFolder(root, "train", skip_invalid=skip_invalid)
    fault = caught.value.problems[0]
    assert fault.file == (file or str(root))
    assert rule in fault.rule
    assert check(root, "train")[0] == fault


def test_a_name_that_is_no_class(tmp_path: Path) -> None:
    folder = VOCFolder(write_voc(tmp_path), "train", classes=["king"], skip_invalid=True)
    rule = "name must be one of the classes (king), got 'queen'"
    assert folder.problems == (Problem(A, rule, "object 1 (queen)"),)
    assert folder.truth(0).labels.tolist() == [1]


def test_an_object_without_a_name_and_without_a_number(tmp_path: Path) -> None:
    a_xml(voc_object(("", 1, 1, "x", 5)) + voc_object(KING))(write_voc(tmp_path))
    problems = check(tmp_path)
    assert [fault.rule for fault in problems] == ["name must be given", "xmax must be a number, got 'x'"]
    assert {fault.object for fault in problems} == {"object 1"}


def test_all_faults_come_at_once_and_in_order(tmp_path: Path) -> None:
    write_voc(tmp_path)
    both(train("nothing\na\nb"), a_box(9, 3, 7, 9), move("JPEGImages/b.jpg", "b.jpg"))(tmp_path)
    with pytest.raises(DatasetError) as caught:
        VOCFolder(tmp_path, "train")
    assert [fault.file for fault in caught.value.problems] == [
        "Annotations/nothing.xml",
        A,
        "Annotations/b.xml",
    ]


def test_objects_are_checked_even_where_the_image_is_missing(tmp_path: Path) -> None:
    both(a_box("x", 3, 7, 9), move("JPEGImages/a.jpg", "a.jpg"))(write_voc(tmp_path))
    assert [fault.object for fault in check(tmp_path)] == ["", SECOND]


def test_nothing_sound_left_raises(tmp_path: Path) -> None:
    both(train("a"), a_xml(voc_object(("king", 5, 5, 5, 5))))(write_voc(tmp_path))
    with pytest.raises(DatasetError, match="must hold sound objects, got 0 in 1 sound images"):
        VOCFolder(tmp_path, "train", skip_invalid=True)


def test_without_any_object_there_are_no_classes(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    for name in "ab":
        put(root / "Annotations" / f"{name}.xml", voc_xml(""))
    with pytest.raises(DatasetError, match="Annotations: must name an object, since no classes are given"):
        VOCFolder(root, "train")
    assert len(VOCFolder(root, "train", classes=["king"])) == 2


def test_faults_elsewhere_do_not_matter(tmp_path: Path) -> None:
    put(write_voc(tmp_path) / "Annotations" / "c.xml", "broken")
    assert VOCFolder(tmp_path, "train").classes == ("king", "queen")
    assert [fault.file for fault in check(tmp_path)] == ["Annotations/c.xml"]


def test_pixels_that_cannot_be_decoded(tmp_path: Path) -> None:
    path = write_voc(tmp_path) / "JPEGImages" / "a.jpg"
    path.write_bytes(path.read_bytes()[:-40])
    folder = VOCFolder(tmp_path, "train")
    with pytest.raises(DatasetError, match=r"^JPEGImages/a\.jpg: image must be whole"):
        folder[0]
    assert len(folder.truth(0)) == 2
    seen: list[tuple[int, int]] = []
    (fault,) = check(tmp_path, progress=lambda done, of: seen.append((done, of)))
    assert fault.file == "JPEGImages/a.jpg"
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_construction_and_truths_decode_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an image was decoded")

    (write_voc(tmp_path) / "JPEGImages" / "b.jpg").unlink()
    write_image(tmp_path / "JPEGImages" / "b.png", orientation=6)  # looking for its turn would decode a PNG
    put(tmp_path / "Annotations" / "b.xml", voc_xml(voc_object(KING), size=""))
    monkeypatch.setattr(ImageFile.ImageFile, "load", refuse)
    folder = VOCFolder(tmp_path, "train")
    assert [len(folder.truth(index)) for index in range(2)] == [2, 1]
    with pytest.raises(DatasetError, match="an image was decoded"):
        folder[0]


def test_errors_and_folders_travel_between_processes(tmp_path: Path) -> None:
    folder = VOCFolder(write_voc(tmp_path), "train")
    assert torch.equal(pickle.loads(pickle.dumps(folder))[0].image, folder[0].image)
    error = DatasetError([Problem("a.xml", "must be XML")])
    assert pickle.loads(pickle.dumps(error)).problems == error.problems
    assert str(DatasetError(f"Caught in a worker\n{error}")) == "Caught in a worker\na.xml: must be XML"


def test_a_truth_can_be_changed_without_harm(tmp_path: Path) -> None:
    folder = VOCFolder(write_voc(tmp_path), "train")
    before = copy.deepcopy(folder.truth(0))
    folder.truth(0).boxes_xyxy.zero_()
    assert torch.equal(folder.truth(0).boxes_xyxy, before.boxes_xyxy)


# ---- boxes


@given(st.lists(st.integers(-3, 20), min_size=4, max_size=4), st.integers(1, 16), st.integers(1, 16))
def test_box_error_against_the_rule_word_for_word(corners: list[int], width: int, height: int) -> None:
    x0, y0, x1, y1 = (float(side) for side in corners)
    legal = 0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height
    assert (box_error((x0, y0, x1, y1), (width, height)) is None) == legal


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 100_000))
def test_boxes_without_fault_survive_single_precision(a: float, b: float, width: int) -> None:
    x0, x1 = sorted((a * width, b * width))
    if box_error((x0, 0.0, x1, 1.0), (width, 1)) is None:
        for left, right in ((x0 / width, x1 / width), (1 - x1 / width, 1 - x0 / width)):
            assert torch.tensor(left) < torch.tensor(right)
    else:
        assert x1 - x0 < 2 * MIN_SIDE * width


# ---- links


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("JPEGImages/a.jpg", "Annotations/a.xml: its image must lie in the dataset's folder"),
        ("Annotations/a.xml", "Annotations/a.xml: must lie in the dataset's folder"),
        ("ImageSets/Main/train.txt", "ImageSets/Main/train.txt: must not be a link"),
    ],
)
def test_links_do_not_lead_out_of_the_dataset(tmp_path: Path, part: str, says: str) -> None:
    root = write_voc(tmp_path / "data")
    within, outside = root / part, tmp_path / Path(part).name
    within.rename(outside)
    within.symlink_to(outside)
    with pytest.raises(DatasetError, match=says):
        VOCFolder(root, "train")
    inside = root / Path(part).name
    outside.rename(inside)
    within.unlink()
    within.symlink_to(inside)
    assert len(VOCFolder(root, "train")) == 2  # a link that stays inside is one's own affair


def test_the_folder_of_images_may_be_a_link(tmp_path: Path) -> None:
    root = write_voc(tmp_path / "data")
    (root / "JPEGImages").rename(tmp_path / "large disk")
    (root / "JPEGImages").symlink_to(tmp_path / "large disk")
    assert len(VOCFolder(root, "train")) == 2


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]>',
        '<!DOCTYPE a [<!ENTITY c SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE a SYSTEM "http://localhost:9/a.dtd">',
    ],
)
def test_entities_are_not_expanded_and_nothing_is_fetched(tmp_path: Path, prolog: str) -> None:
    root = write_voc(tmp_path / "data")
    put(root / A, prolog + voc_xml(voc_object(KING)).replace("king", "&c;"))
    with pytest.raises(DatasetError, match=r"a\.xml: must be XML without a DTD and entities"):
        VOCFolder(root, "train")


# ---- fuzz

TAGS = ("annotation", "object", "name", "bndbox", "xmin", "ymax", "size", "width", "difficult", "part")
PIECES = st.sampled_from(
    [f"<{tag}>" for tag in TAGS]
    + [f"</{tag}>" for tag in TAGS]
    + [
        "<width/>",
        "&e;",
        "&#x41;",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "\0",
        "7",
        "-1",
        "nan",
        "1e400",
        "²",
        "ä",
    ]
)
GOOD = voc_xml(voc_object(KING) + voc_object(("queen", 1, 1, 5, 5)))


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    """The good annotation, some stretches of it replaced."""
    text = GOOD
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = text[:start] + draw(PIECES | st.text(max_size=4)) + text[end:]
    return text


def read_or_refuse(root: Path) -> None:
    try:
        folder = VOCFolder(root, "train", classes=["king", "queen"])
    except DatasetError:
        assert check(root, "train", classes=["king", "queen"])
    else:
        assert all(folder.truth(index).boxes_xyxy.isfinite().all() for index in range(len(folder)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=spoiled() | st.lists(PIECES, max_size=20).map("".join))
@example(text="<annotation>" * 20_000)
@example(text=GOOD.replace("20", "9" * 5000))
def test_any_text_for_xml_is_read_or_refused(tmp_path: Path, text: str) -> None:
    root = tmp_path / "data"
    if not root.exists():
        write_voc(root, splits={"train": "a"})
    (root / A).write_bytes(text.encode("utf-8", "surrogatepass"))
    read_or_refuse(root)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.text(max_size=8) | st.sampled_from(["a", "b 1", "/", "..", ".", "a" * 300, "\0"])))
def test_any_text_for_a_split_is_read_or_refused(tmp_path: Path, lines: list[str]) -> None:
    root = tmp_path / "data"
    if not root.exists():
        write_voc(root)
    (root / TRAIN).write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    read_or_refuse(root)


# ---- PASCAL VOC itself


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


# ---- real data


def test_cards(shared: Path) -> None:
    assert splits(shared / "data" / "cards") == ("test", "trainval")
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
    places = [(fault.file, fault.object) for fault in caught.value.problems]
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
