"""Folders in VOC layout that are not as they should be: each error is named."""

import copy
import pickle
from pathlib import Path

import pytest
import torch
from PIL import ImageFile

from ssd_lite.data.problems import DatasetError, Problem
from ssd_lite.data.voc import VOCFolder, check
from tests.data.folders import put, voc_object, voc_xml, write_image, write_voc
from tests.data.voc_spoils import (
    DATASET_ERRORS,
    IMAGE_ERRORS,
    KING,
    OBJECT_ERRORS,
    SECOND,
    A,
    Spoil,
    a_box,
    a_xml,
    both,
    boxes_px,
    move,
    train,
)


@pytest.mark.parametrize(("spoil", "rule"), OBJECT_ERRORS.values(), ids=OBJECT_ERRORS)
def test_errors_of_an_object(tmp_path: Path, spoil: Spoil, rule: str) -> None:
    spoil(write_voc(tmp_path))
    with pytest.raises(DatasetError) as caught:
        VOCFolder(tmp_path, "train")
    (problem,) = caught.value.problems
    assert (problem.file, problem.object) == (A, SECOND)
    assert rule in problem.rule
    assert str(caught.value).startswith(f"{A}: {SECOND}: ")
    folder = VOCFolder(tmp_path, "train", skip_invalid=True)
    assert folder.problems == (problem,)
    assert folder.names == ("a", "b")
    assert boxes_px(folder, 0) == [[1, 1, 5, 5]]
    assert check(tmp_path) == [problem]


@pytest.mark.parametrize(("spoil", "file", "rule"), IMAGE_ERRORS.values(), ids=IMAGE_ERRORS)
def test_errors_of_an_image(tmp_path: Path, spoil: Spoil, file: str, rule: str) -> None:
    spoil(write_voc(tmp_path))
    with pytest.raises(DatasetError) as caught:
        VOCFolder(tmp_path, "train", classes=["king", "queen"])
    (problem,) = caught.value.problems
    assert (problem.file, problem.object) == (file, "")
    assert rule in problem.rule
    folder = VOCFolder(tmp_path, "train", skip_invalid=True)
    assert folder.problems == (problem,)
    assert folder.names == ("b",)
    assert check(tmp_path, "train") == [problem]


@pytest.mark.parametrize(("spoil", "file", "rule"), DATASET_ERRORS.values(), ids=DATASET_ERRORS)
@pytest.mark.parametrize("skip_invalid", [False, True])
def test_errors_of_a_dataset_always_raise(
    tmp_path: Path, spoil: Spoil, file: str, rule: str, skip_invalid: bool
) -> None:
    root = write_voc(tmp_path / "data")
    spoil(root)
    with pytest.raises(DatasetError) as caught:
        VOCFolder(root, "train", skip_invalid=skip_invalid)
    problem = caught.value.problems[0]
    assert problem.file in (file, f"{root}{file}")
    assert rule in problem.rule
    assert check(root, "train")[0] == problem


def test_a_name_that_is_no_class(tmp_path: Path) -> None:
    folder = VOCFolder(write_voc(tmp_path), "train", classes=["king"], skip_invalid=True)
    rule = "name must be one of the classes (king), got 'queen'"
    assert folder.problems == (Problem(A, rule, "object 1 (queen)"),)
    assert folder.truth(0).labels.tolist() == [1]


def test_an_object_without_a_name_and_without_a_number(tmp_path: Path) -> None:
    a_xml(voc_object(("", 1, 1, "x", 5)) + voc_object(KING))(write_voc(tmp_path))
    problems = check(tmp_path)
    assert [problem.rule for problem in problems] == ["name must be given", "xmax must be a number, got 'x'"]
    assert {problem.object for problem in problems} == {"object 1"}


def test_all_errors_come_at_once_and_in_order(tmp_path: Path) -> None:
    write_voc(tmp_path)
    both(train("nothing\na\nb"), a_box(9, 3, 7, 9), move("JPEGImages/b.jpg", "b.jpg"))(tmp_path)
    with pytest.raises(DatasetError) as caught:
        VOCFolder(tmp_path, "train")
    assert [problem.file for problem in caught.value.problems] == [
        "Annotations/nothing.xml",
        A,
        "Annotations/b.xml",
    ]


def test_objects_are_checked_even_where_the_image_is_missing(tmp_path: Path) -> None:
    both(a_box("x", 3, 7, 9), move("JPEGImages/a.jpg", "a.jpg"))(write_voc(tmp_path))
    assert [problem.object for problem in check(tmp_path)] == ["", SECOND]


def test_nothing_valid_left_raises(tmp_path: Path) -> None:
    both(train("a"), a_xml(voc_object(("king", 5, 5, 5, 5))))(write_voc(tmp_path))
    with pytest.raises(DatasetError, match="must hold valid objects, got 0 in 1 valid image"):
        VOCFolder(tmp_path, "train", skip_invalid=True)


def test_without_any_object_there_are_no_classes(tmp_path: Path) -> None:
    root = write_voc(tmp_path)
    for name in "ab":
        put(root / "Annotations" / f"{name}.xml", voc_xml(""))
    with pytest.raises(DatasetError, match="Annotations: must name an object, since no classes are given"):
        VOCFolder(root, "train")
    assert len(VOCFolder(root, "train", classes=["king"])) == 2


def test_errors_elsewhere_do_not_matter(tmp_path: Path) -> None:
    put(write_voc(tmp_path) / "Annotations" / "c.xml", "broken")
    assert VOCFolder(tmp_path, "train").classes == ("king", "queen")
    assert [problem.file for problem in check(tmp_path)] == ["Annotations/c.xml"]


def test_pixels_that_cannot_be_decoded(tmp_path: Path) -> None:
    path = write_voc(tmp_path) / "JPEGImages" / "a.jpg"
    path.write_bytes(path.read_bytes()[:-40])
    folder = VOCFolder(tmp_path, "train")
    with pytest.raises(DatasetError, match=r"^JPEGImages/a\.jpg: image must be whole"):
        folder[0]
    assert len(folder.truth(0)) == 2
    seen: list[tuple[int, int]] = []
    (problem,) = check(tmp_path, progress=lambda done, of: seen.append((done, of)))
    assert problem.file == "JPEGImages/a.jpg"
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
