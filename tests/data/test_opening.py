"""From the name of a kind of data to a dataset to train on and one to measure on."""

import json
from pathlib import Path

import pytest

from ssd_lite.data import HELD_OUT, DatasetError, errors, open_datasets
from tests.data.folders import (
    coco_content,
    put,
    voc_object,
    voc_xml,
    write_coco,
    write_coco_standard,
    write_voc,
    write_voc_flat,
    write_voc_splits,
    write_yolo,
)


def test_any_layout_is_opened_and_splits_have_synonyms(tmp_path: Path) -> None:
    for name, write in (("voc", write_voc_splits), ("yolo", write_yolo)):
        root = write(tmp_path / name)
        datasets = open_datasets("folder", root=root, train_split="train", test_split="validation")
        assert len(datasets.train) == len(list(root.rglob("train/**/*.jpg")))
        assert len(datasets.test) == len(list(root.rglob("val*/**/*.jpg")))
        assert datasets.train.classes == datasets.test.classes == ("king",)


def test_coco_is_a_folder_in_cocos_layout(tmp_path: Path) -> None:
    root = write_coco_standard(tmp_path)
    datasets = open_datasets("coco", root=root, train_split="train2017", test_split="val2017")
    assert (len(datasets.train), len(datasets.test)) == (3, 2)
    with pytest.raises(DatasetError, match="Looked for COCO"):
        open_datasets("coco", root=write_voc_flat(tmp_path / "voc"))


def test_images_are_bounded_by_the_canvas(tmp_path: Path) -> None:
    datasets = open_datasets("folder", root=write_voc_splits(tmp_path), canvas_px=20)
    assert datasets.train[0].image.shape == (3, 15, 20)


def test_crowds_are_not_trained_on_and_ignored_in_evaluation(tmp_path: Path) -> None:
    content = coco_content()  # "b" holds one crowd
    write_coco(tmp_path, content)
    (tmp_path / "instances.json").unlink()
    for split in ("train", "val"):
        put(tmp_path / "annotations" / f"instances_{split}.json", json.dumps(content))
    train, test = open_datasets("coco", root=tmp_path, train_split="train", test_split="val")
    assert [len(train.truth(index)) for index in range(3)] == [2, 0, 0]
    assert len(train[1].truth) == 0
    assert [test.truth(index).difficult.tolist() for index in range(3)] == [[False, False], [True], []]
    train, test = open_datasets("coco", root=tmp_path, train_split="train", test_split=HELD_OUT)
    assert [len(train.truth(index)) for index in range(2)] == [0, 0]
    assert len(test.truth(0)) == 2


def test_every_fifth_image_is_held_out(tmp_path: Path) -> None:
    write_voc_flat(tmp_path, "abcdefg")
    train, test = open_datasets("folder", root=tmp_path, train_split="all", test_split=HELD_OUT)
    assert (train.names, test.names) == (("b", "c", "d", "e", "g"), ("a", "f"))
    (path,) = (write_voc_flat(tmp_path / "one", "a") / "a.jpg",)
    with pytest.raises(DatasetError, match="must hold at least 2 images, one to train on and one to measure"):
        open_datasets("folder", root=path.parent, train_split="all", test_split=HELD_OUT)


def test_errors_of_both_splits_are_said_at_once(tmp_path: Path) -> None:
    root = write_voc_splits(tmp_path)
    for place in ("train/a", "test/f"):
        put(root / f"{place}.xml", voc_xml(voc_object(("king", 9, 3, 9, 15))))
    with pytest.raises(DatasetError) as caught:
        open_datasets("folder", root=root)
    assert [problem.file for problem in caught.value.problems] == ["train/a.xml", "test/f.xml"]
    assert "--skip-invalid" in str(caught.value)
    with pytest.raises(DatasetError, match="split test: must hold valid objects, got 0 in 1 valid image"):
        open_datasets("folder", root=root, skip_invalid=True)
    train, _ = open_datasets("folder", root=root, test_split="valid", skip_invalid=True)
    assert [problem.file for problem in errors(train.problems)] == ["train/a.xml"]


def test_images_of_both_splits_are_reported(tmp_path: Path) -> None:
    write_voc(tmp_path, {"train": "ab", "test": "bc"})
    train, _ = open_datasets("folder", root=tmp_path)
    (problem,) = train.problems
    assert problem.severity == "warning"
    assert "image of split test is in split train, too" in problem.rule


def test_options_of_folders_are_handed_on(tmp_path: Path) -> None:
    box = voc_object(("king", 0.1, 0.2, 0.6, 0.5))
    for split in ("train", "test"):
        put(
            write_voc_flat(tmp_path / split, "a") / "a.xml",
            voc_xml(box, size="<width>80</width><height>60</height>"),
        )
    with pytest.raises(DatasetError, match=r"look(s)? like fractions"):
        open_datasets("folder", root=tmp_path, scale_boxes=True)
    train, _ = open_datasets("folder", root=tmp_path, layout="voc", boxes="fractions")
    assert len(train.truth(0)) == 1
    with pytest.raises(DatasetError, match="Looked for YOLO"):
        open_datasets("folder", root=tmp_path, layout="yolo")


def test_what_cannot_be_opened() -> None:
    with pytest.raises(ValueError, match="data must be one of scenes, voc07, voc0712, "):
        open_datasets("kitti")
    with pytest.raises(DatasetError, match="data 'folder' needs a folder, and none was given"):
        open_datasets("folder")


def test_scenes_to_train_on_are_none_to_measure_on() -> None:
    train, test = open_datasets("scenes", train_images=3, test_images=2, canvas_px=64, seed=4)
    assert (len(train), len(test)) == (3, 2)
    assert not (train[0].image == test[0].image).all()
