"""What is used as it is and yet looks like a mistake."""

from pathlib import Path

import pytest
import torch

from ssd_lite.data import DatasetError, open_folder
from tests.data.folders import (
    KING_XML,
    put,
    voc_object,
    voc_xml,
    write_image,
    write_voc,
    write_voc_flat,
    write_voc_splits,
    write_yolo,
)

KING = ("king", 4, 3, 20, 15)


def warnings(root: Path, **options) -> list[str]:
    problems = open_folder(root, **options).problems
    assert all(problem.severity == "warning" for problem in problems)
    return [str(problem) for problem in problems]


def flat(root: Path, *objects: str) -> Path:
    """A flat folder of one image with such objects."""
    write_voc_flat(root, "a")
    put(root / "a.xml", voc_xml("".join(objects)))
    return root


def test_names_of_classes(tmp_path: Path) -> None:
    names = ("Car", "car ", "car", "background", "traffic  light", "Traffic light")
    root = flat(tmp_path, *(voc_object((name, place, 3, 20 + place, 15)) for place, name in enumerate(names)))
    assert warnings(root) == [
        "classes: 1 object has a name with spaces around it, which are ignored, got ['car ']",
        "classes: names differ only by case or spaces: 'Car', 'car'; they are learned as 2 classes "
        "unless they are written alike",
        "classes: names differ only by case or spaces: 'Traffic light', 'traffic  light'; they are learned "
        "as 2 classes unless they are written alike",
        "classes: class 'background' is learned like any object; background needs no class and no boxes",
    ]
    assert len(open_folder(root).dataset("all").truth(0)) == 6  # nothing is left out


def test_objects_that_repeat_another(tmp_path: Path) -> None:
    assert warnings(flat(tmp_path / "one", *[voc_object(KING)] * 2)) == [
        "a.jpg: 1 object repeats the box and the class of another"
    ]
    assert warnings(flat(tmp_path / "more", *[voc_object(KING)] * 200)) == [
        "a.jpg: 199 objects repeat the box and the class of another"
    ]
    assert warnings(flat(tmp_path / "none", voc_object(KING), voc_object(("queen", *KING[1:])))) == []


def test_many_boxes_on_one_spot(tmp_path: Path) -> None:
    boxes = [voc_object(("king", 4, 3, 20 + place / 1000, 15)) for place in range(10)]
    assert warnings(flat(tmp_path, *boxes)) == ["a.jpg: 10 boxes lie on one spot; they cannot be told apart"]


def test_images_without_annotation(tmp_path: Path) -> None:
    write_image(write_voc_flat(tmp_path) / "z.jpg")
    assert warnings(tmp_path) == [
        f"{tmp_path.name}: 1 image without annotation left out, the first 'z.jpg'; "
        "an image that shows no object needs an annotation without objects"
    ]
    assert open_folder(tmp_path).dataset("all").names == ("a", "b", "c")


def test_the_same_image_in_two_splits_and_twice_in_one(tmp_path: Path) -> None:
    write_voc_splits(tmp_path)
    content = (tmp_path / "train" / "a.jpg").read_bytes()
    for place in ("train/b", "test/g"):
        (tmp_path / f"{place}.jpg").write_bytes(content)
        put(tmp_path / f"{place}.xml", KING_XML)
    (tmp_path / "valid" / "d.jpg").write_bytes(bytes(len(content)))  # the same length is not the same content
    write_image(tmp_path / "valid" / "d.jpg")
    assert [text.partition(";")[0] for text in warnings(tmp_path)] == [
        "test/g.jpg: image of split test is in split train, too (train/a.jpg)"
    ]
    (tmp_path / "test" / "g.jpg").unlink()
    (tmp_path / "test" / "g.xml").unlink()
    assert warnings(tmp_path) == [
        "train/a.jpg: image has the same content as train/b.jpg; remove one of them"
    ]


def test_an_image_listed_in_two_splits(tmp_path: Path) -> None:
    write_voc(tmp_path, {"train": "ab", "test": "bc", "trainval": "ab"})
    assert [text.partition(";")[0] for text in warnings(tmp_path)] == [
        "JPEGImages/b.jpg: image of split test is in split train, too (JPEGImages/b.jpg)"
    ]


def test_an_empty_split(tmp_path: Path) -> None:
    write_voc(tmp_path, {"train": "abc", "val": ""})
    assert warnings(tmp_path) == ["split val: holds no image that can be used"]
    with pytest.raises(DatasetError, match="split val: must hold at least one image, got none"):
        open_folder(tmp_path).dataset("val")
    assert len(open_folder(tmp_path).dataset("train")) == 3


def test_a_split_without_label_files(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    (tmp_path / "labels" / "val" / "c.txt").unlink()
    assert warnings(tmp_path) == ["split val: no image has a label file, the first at labels/val/c.txt"]


# ---- boxes in another unit: an error of the dataset


def test_boxes_that_look_like_fractions(tmp_path: Path) -> None:
    root = flat(tmp_path, voc_object(("king", 0.1, 0.2, 0.6, 0.5)))
    (problem,) = open_folder(root).problems
    assert str(problem) == (
        "a.xml: object 1 (king): boxes must be in pixels, but 1 of 1 box looks like fractions of the image, "
        'got (0.1, 0.2, 0.6, 0.5); boxes="fractions" (--boxes fractions) reads them so'
    )
    for skip_invalid in (False, True):
        with pytest.raises(DatasetError, match="looks like fractions"):
            open_folder(root, skip_invalid=skip_invalid).dataset("all")
    folder = open_folder(root, boxes="fractions")
    assert folder.problems == ()
    expected = torch.tensor([[0.1, 0.2, 0.6, 0.5]])
    torch.testing.assert_close(folder.dataset("all").truth(0).boxes_xyxy, expected)


def test_boxes_that_look_like_pixels(tmp_path: Path) -> None:
    write_yolo(tmp_path)
    for split, name in (("train", "a"), ("train", "b"), ("val", "c")):
        put(tmp_path / "labels" / split / f"{name}.txt", "0 12 9 16 12\n")
    with pytest.raises(
        DatasetError, match=r'2 of 2 boxes look like pixels.*boxes="pixels" \(--boxes pixels\)'
    ):
        open_folder(tmp_path).dataset("train")
    folder = open_folder(tmp_path, boxes="pixels")
    boxes = folder.dataset("train").truth(0).boxes_xyxy
    torch.testing.assert_close(boxes, torch.tensor([[4 / 40, 3 / 30, 20 / 40, 15 / 30]]))


def test_a_few_tiny_boxes_are_no_fractions(tmp_path: Path) -> None:
    tiny = voc_object(("king", 0, 0, 1, 1))
    assert (
        open_folder(flat(tmp_path, tiny, *[voc_object((f"k{i}", *KING[1:])) for i in range(2)])).problems
        == ()
    )
