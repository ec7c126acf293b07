"""Which layout a folder has, which splits, and what is said where that is not clear."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ssd_lite.data import DatasetError, errors, open_folder
from tests.data import folders
from tests.data.folders import (
    KING_TXT,
    KING_XML,
    put,
    write_coco_roboflow,
    write_coco_single,
    write_coco_standard,
    write_image,
    write_voc,
    write_voc_flat,
    write_voc_splits,
    write_yolo,
)

Write = Callable[[Path], object]


def images_and_annotations(root: Path) -> None:
    """Kaggle's usual names."""
    for name in "ab":
        write_image(root / "images" / f"{name}.png", (40, 30 + ord(name) % 2))
        put(
            root / "annotations" / f"{name}.xml",
            KING_XML.replace("<height>30</height>", "<height>0</height>"),
        )


def darknet(root: Path) -> None:
    """CVAT's export for YOLO."""
    for name in "ab":
        write_image(root / "obj_train_data" / f"{name}.jpg")
        put(root / "obj_train_data" / f"{name}.txt", KING_TXT)
    put(root / "train.txt", "data/obj_train_data/a.jpg\ndata/obj_train_data/b.jpg\n")
    put(root / "obj.names", "king\n")


def label_studio_yolo(root: Path) -> None:
    for name in "ab":
        write_image(root / "images" / f"{name}.jpg")
        put(root / "labels" / f"{name}.txt", KING_TXT)
    put(root / "classes.txt", "king\n")
    put(root / "notes.json", '{"categories": [], "info": {}}')


VOC_FORM = "VOC layout, XML in Annotations, images in JPEGImages"
FORMS: dict[str, tuple[Write, str, str]] = {
    "VOC": (
        lambda root: write_voc(root, {"train": "ab", "val": "c"}),
        "voc",
        f"{VOC_FORM}: splits train (2 images), val (1)",
    ),
    "VOC without lists": (lambda root: write_voc(root, {}), "voc", f"{VOC_FORM}: 3 images, not split"),
    "VOC, flat": (write_voc_flat, "voc", "VOC layout, XML beside the images: 3 images, not split"),
    "VOC, by folder": (
        write_voc_splits,
        "voc",
        "VOC layout, XML beside the images: splits train (3 images), valid (2), test (1)",
    ),
    "VOC, two levels down": (
        lambda root: write_voc(root / "VOCdevkit" / "VOC2007", {"trainval": "ab", "test": "c"}),
        "voc",
        "VOC layout in VOCdevkit/VOC2007, XML in Annotations, images in JPEGImages: "
        "splits trainval (2 images), test (1)",
    ),
    "images and annotations": (
        images_and_annotations,
        "voc",
        "VOC layout, XML in annotations, images in images: 2 images, not split",
    ),
    "COCO": (
        write_coco_standard,
        "coco",
        "COCO layout, JSON in annotations: splits train2017 (3 images), val2017 (2)",
    ),
    "COCO, Roboflow": (
        write_coco_roboflow,
        "coco",
        "COCO layout, JSON beside the images: splits train (3 images), valid (2)",
    ),
    "COCO, one file": (
        write_coco_single,
        "coco",
        "COCO layout, JSON beside the images: 3 images, not split",
    ),
    "YOLO": (write_yolo, "yolo", "YOLO layout, names in data.yaml: splits train (2 images), val (1)"),
    "YOLO, Roboflow": (
        lambda root: write_yolo(root, "train/images"),
        "yolo",
        "YOLO layout, names in data.yaml: splits train (2 images), val (1)",
    ),
    "YOLO, labels beside": (
        lambda root: write_yolo(root, "beside", yaml="names: {0: king}"),
        "yolo",
        "YOLO layout, names in data.yaml: splits train (2 images), valid (1)",
    ),
    "YOLO, Darknet": (darknet, "yolo", "YOLO layout, labels in text files: split train (2 images)"),
    "YOLO, Label Studio": (
        label_studio_yolo,
        "yolo",
        "YOLO layout, labels in text files: 2 images, not split",
    ),
}


@pytest.mark.parametrize(("write", "layout", "says"), FORMS.values(), ids=FORMS)
def test_every_form_is_recognised_and_read(tmp_path: Path, write: Write, layout: str, says: str) -> None:
    write(tmp_path)
    folder = open_folder(tmp_path)
    assert folder.layout == layout
    assert folder.describe() == says
    assert repr(folder) == f"Folder({str(tmp_path)!r}: {says})"
    assert "king" in folder.classes
    assert "cards" not in folder.classes
    assert errors(folder.problems) == ()
    assert not any(problem.severity == "warning" for problem in folder.problems)
    assert open_folder(tmp_path, layout=layout).describe() == says
    dataset = folder.dataset(folder.splits[0])
    if not says.startswith(VOC_FORM) and "VOCdevkit" not in says:  # those hold other objects
        width, height = dataset.size_px(0)
        expected = torch.tensor([[4 / width, 3 / height, 20 / width, 15 / height]])
        torch.testing.assert_close(dataset.truth(0).boxes_xyxy, expected)
        assert dataset[0].image.shape == (3, height, width)
    assert dataset.image_path(0).is_relative_to(tmp_path)


def test_splits_have_synonyms(tmp_path: Path) -> None:
    folder = open_folder(write_voc_splits(tmp_path))
    assert folder.dataset("val").names == folder.dataset("valid").names == ("d", "e")
    assert folder.choose_splits() == ("train", "test")
    assert folder.choose_splits(test="validation") == ("train", "valid")
    with pytest.raises(DatasetError, match="split must be one of train, valid, test, got 'trial'"):
        folder.dataset("trial")
    assert open_folder(write_voc_flat(tmp_path / "flat")).choose_splits() == ("all", None)
    coco = open_folder(write_coco_standard(tmp_path / "coco"))
    assert coco.choose_splits() == ("train2017", "val2017")
    assert len(coco.dataset("train")) == 3


def test_lists_of_one_class_are_read_but_not_shown(tmp_path: Path) -> None:
    splits = {"train": "ab", "val": "c", "trainval": "abc", "king_train": "a", "king_val": "c"}
    folder = open_folder(write_voc(tmp_path, splits))
    assert folder.splits == ("train", "trainval", "val")
    assert folder.dataset("king_train").names == ("a",)
    assert folder.problems == ()  # what trainval shares with train and val is as it should be


def test_a_folder_of_two_layouts_is_asked_about(tmp_path: Path) -> None:
    write_coco_roboflow(tmp_path)
    put(tmp_path / "train" / "a.xml", KING_XML)
    with pytest.raises(DatasetError) as caught:
        open_folder(tmp_path)
    assert str(caught.value).endswith(
        "holds two layouts, VOC layout (XML beside the images) and COCO layout (JSON beside the images); "
        "say which with layout='voc' (--layout voc) or layout='coco' (--layout coco)"
    )
    assert open_folder(tmp_path, layout="coco").splits == ("train", "valid")
    assert open_folder(tmp_path, layout="voc").splits == ("train",)


def test_several_datasets_are_asked_about(tmp_path: Path) -> None:
    for year in ("VOC2007", "VOC2012"):
        write_voc(tmp_path / "VOCdevkit" / year)
    with pytest.raises(DatasetError, match=r"open one of them: VOCdevkit/VOC2007, VOCdevkit/VOC2012"):
        open_folder(tmp_path)
    assert open_folder(tmp_path / "VOCdevkit" / "VOC2012").layout == "voc"


def test_what_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere: folder must exist"):
        open_folder(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match=r"x\.zip: must be a folder, got a file; unpack archives first"):
        open_folder(put(tmp_path / "x.zip", ""))
    write_image(tmp_path / "photos" / "a.jpg")
    put(tmp_path / "boxes.csv", "a.jpg,1,2,3,4")
    with pytest.raises(DatasetError) as caught:
        open_folder(tmp_path)
    assert "Looked for VOC (XML in Annotations" in str(caught.value)
    assert "COCO (annotations/instances_*.json" in str(caught.value)
    assert "YOLO (data.yaml" in str(caught.value)
    assert "found 1 × " in str(caught.value)
    assert "in folders photos" in str(caught.value)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"layout": "kitti"}, "layout must be one of voc, coco, yolo, got 'kitti'"),
        ({"boxes": "inches"}, "boxes must be pixels or fractions, got 'inches'"),
        ({"classes": "king"}, "classes must be a list of different names, got 'king'"),
        ({"max_side": 0}, "max_side must be at least 1 pixel, got 0"),
    ],
)
@pytest.mark.plain  # the wrong kinds are the point
def test_options_that_cannot_be(tmp_path: Path, option: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_folder(write_voc_flat(tmp_path), **option)


def test_links_are_not_searched(tmp_path: Path) -> None:
    write_voc_flat(tmp_path / "elsewhere")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match="must hold a dataset in a layout that is known"):
        open_folder(tmp_path / "data")


def test_classes_of_all_splits_agree(tmp_path: Path) -> None:
    write_coco_standard(tmp_path)
    file = tmp_path / "annotations" / "instances_val2017.json"
    put(file, file.read_text().replace('"king"', '"queen"'))
    folder = open_folder(tmp_path)
    assert folder.classes == ("king", "queen")
    assert folder.dataset("train").classes == folder.dataset("val").classes == folder.classes
    assert folder.dataset("val").truth(0).labels.tolist() == [2]
    assert open_folder(tmp_path, classes=["queen", "king"]).dataset("val").truth(0).labels.tolist() == [1]


def test_every_form_is_in_the_table() -> None:
    written = {name for name in vars(folders) if name.startswith("write_") and name != "write_image"}
    assert written - {"write_coco"} <= {name for name in globals() if name.startswith("write_")}
