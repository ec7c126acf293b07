"""Folders as real tools wrote them, in the shared folder's ``cases``: each is read, or says what is wrong."""

from pathlib import Path
from typing import NamedTuple

import pytest

from ssd_lite.data import DatasetError, errors, open_datasets, open_folder, summarise


class Case(NamedTuple):
    """What a folder is, and what is said of it; ``options`` are those that make it usable."""

    describe: str
    classes: tuple[str, ...]
    summary: str = "no problems"
    says: str = ""
    options: dict = {}  # noqa: RUF012  # none is changed


VOC = "VOC layout, XML in Annotations, images in JPEGImages"
BOX = ("box",)
CASES = {
    "boxes_out_by_one": Case(
        f"{VOC}: 8 images, not split",
        BOX,
        "2 errors, 2 repairs",
        "was clipped to the image of 96 × 96 pixels, got (20, 20, 97, 60)",
        {"skip_invalid": True},
    ),
    "class_case": Case(
        f"{VOC}: 6 images, not split",
        ("Car", "[red]x[/]", "a, b", "background", "car"),
        "3 warnings",
        "'Car', 'car'; they are learned as 2 classes",
    ),
    "class_markup": Case(f"{VOC}: 4 images, not split", ("[/x]", "[old] sign")),
    "coco_plain": Case(
        "COCO layout, JSON in annotations: splits train2017 (4 images), val2017 (4)", ("box", "b")
    ),
    "crowded": Case(f"{VOC}: 4 images, not split", ("c0", "c1", "c2")),
    "difficult_words": Case(
        f"{VOC}: 4 images, not split", BOX, "3 repairs", "difficult was read as 0, got 'Unspecified'"
    ),
    "labelimg_flat": Case("VOC layout, XML beside the images: 4 images, not split", BOX),
    "labels_normalised": Case(
        f"{VOC}: 5 images, not split", BOX, "1 error", "--boxes fractions", {"boxes": "fractions"}
    ),
    "list_paths": Case(
        f"{VOC}: splits train (4 images), test (2)", BOX, "2 repairs", "'/data/set/JPEGImages/e4.jpg'"
    ),
    "list_with_extension": Case(
        f"{VOC}: splits train (4 images), test (2)", BOX, "2 repairs", "2 images listed as files were found"
    ),
    "one_split_all_bad": Case(f"{VOC}: splits train (3 images), test (2)", BOX, "2 repairs", "'a3.jpg'"),
    "roboflow_coco": Case("COCO layout, JSON beside the images: splits train (4 images), valid (4)", BOX),
    "roboflow_voc_layout": Case(
        "VOC layout, XML beside the images: splits train (3 images), valid (3), test (3)", BOX
    ),
    "single_image": Case(f"{VOC}: 1 image, not split", BOX),
    "size_wrong": Case(
        f"{VOC}: 5 images, not split", BOX, "5 errors", "--scale-boxes", {"scale_boxes": True}
    ),
    "tif_images": Case(f"{VOC}: 4 images, not split", BOX),
    "unicode_xml": Case(f"{VOC}: 6 images, not split", ("安全帽",)),
    "xml_doctype_ns": Case(
        f"{VOC}: 4 images, not split", BOX, "1 error", "got a DTD", {"skip_invalid": True}
    ),
    "yolo_txt": Case("YOLO layout, names in data.yaml: splits train (2 images), val (2)", BOX),
}


@pytest.fixture(scope="session")
def cases(shared: Path) -> Path:
    if not (shared / "cases").is_dir():
        pytest.skip(f"no cases at {shared}")
    return shared / "cases"


@pytest.mark.parametrize("name", CASES)
def test_every_case_is_read_or_says_what_is_wrong(cases: Path, name: str) -> None:
    case = CASES[name]
    folder = open_folder(cases / name)
    assert folder.describe() == case.describe
    assert folder.classes == case.classes
    problems = folder.check()
    assert summarise(problems) == case.summary
    assert not problems or any(case.says in str(problem) for problem in problems)
    if errors(problems):
        with pytest.raises(DatasetError):
            folder.datasets(*folder.splits)
    for dataset in open_folder(cases / name, **case.options).datasets(*folder.splits):
        examples = [dataset[index] for index in range(len(dataset))]
        assert any(len(example.truth) for example in examples)
        truths = [example.truth.boxes_xyxy for example in examples]
        assert all(boxes.min() >= 0 and boxes.max() <= 1 for boxes in truths if len(boxes))


def test_every_case_is_in_the_table(cases: Path) -> None:
    assert {path.name for path in cases.iterdir() if path.is_dir()} <= set(CASES)


def test_one_image_cannot_be_split(cases: Path) -> None:
    with pytest.raises(DatasetError, match="must hold at least 2 images, one to train on and one to measure"):
        open_datasets("folder", root=cases / "single_image", train_split="all", test_split="every fifth")
