"""Annotation files in COCO's JSON that are not as they should be: each error is named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings

from ssd_lite.data.coco import COCOFolder, check
from ssd_lite.data.examples import DatasetError, Problem
from tests.data.folders import coco_content, put, write_coco
from tests.strategies import JSON, spoiled_json

FILE = "instances.json"
Spoil = Callable[[dict[str, Any]], object]
CORNERS = "box must have xmin < xmax and ymin < ymax"


def first(part: str, **changes: object) -> Spoil:
    """Changes in the first of a list; a key is removed where the change is ``...``."""

    def spoil(content: dict[str, Any]) -> None:
        item = content[part][0]
        item |= changes
        for key in [key for key, value in changes.items() if value is ...]:
            del item[key]

    return spoil


def box(*xywh: object) -> Spoil:
    return first("annotations", bbox=list(xywh))


ANNOTATION_ERRORS = {
    "zero width": (box(7, 3, 0, 6), f"{CORNERS}, got (7, 3, 7, 9)"),
    "negative height": (box(7, 3, 6, -1), CORNERS),
    "outside": (
        box(39, 3, 10, 6),
        "box must lie inside the image of 40 × 30 pixels, got (39, 3, 49, 9)",
    ),
    "left": (box(-4, 3, 6, 6), "box must lie inside"),
    "not finite": (box(float("nan"), 3, 6, 6), "box must be finite"),
    "infinite": (box(0, 3, float("inf"), 6), "box must be finite"),
    "huge integer": (box(0, 3, 10**400, 6), "bbox must be 4 numbers"),
    "text": (box("0", 3, 6, 6), "bbox must be 4 numbers, got ['0', 3, 6, 6]"),
    "truth value": (box(True, 3, 6, 6), "bbox must be 4 numbers"),
    "three numbers": (box(1, 3, 6), "bbox must be 4 numbers"),
    "five numbers": (box(1, 3, 6, 6, 6), "bbox must be 4 numbers"),
    "five, one of them text": (box(1, 3, 6, 6, "x"), "bbox must be 4 numbers"),
    "no box": (first("annotations", bbox=...), "bbox must be 4 numbers, got None"),
    "unknown category": (
        first("annotations", category_id=4),
        "category_id must be the id of a category, got 4",
    ),
    "category of no kind": (
        first("annotations", category_id=[2]),
        "category_id must be the id of a category",
    ),
    "unknown image": (first("annotations", image_id=4), "image_id must be the id of an image, got 4"),
    "image of no kind": (first("annotations", image_id={}), "image_id must be the id of an image, got {}"),
    "crowd": (first("annotations", iscrowd=2), "iscrowd must be 0 or 1, got 2"),
    "crowd in words": (first("annotations", iscrowd="no"), "iscrowd must be 0 or 1, got 'no'"),
    "no object": (lambda content: content["annotations"].__setitem__(0, 5), "must be an object, got 5"),
}

# Each leaves image "a.jpg" out, whose two annotations then belong to no image.
IMAGE_ERRORS = {
    "no file": (first("images", file_name="x.jpg"), "x.jpg", "file must exist"),
    "climbing": (
        first("images", file_name="../images/a.jpg"),
        FILE,
        "file_name must stay inside the folder of images",
    ),
    "absolute": (
        first("images", file_name="/etc/hostname"),
        FILE,
        "file_name must stay inside the folder of images",
    ),
    "null byte": (
        first("images", file_name="a\0.jpg"),
        FILE,
        "file_name must stay inside the folder of images",
    ),
    "half a character": (first("images", file_name="\ud800.jpg"), FILE, "file_name must be a name"),
    "number": (first("images", file_name=3), FILE, "file_name must be a name, got 3"),
    "no id": (first("images", id=...), FILE, "id must be an integer, got None"),
    "text for id": (first("images", id="7"), FILE, "id must be an integer, got '7'"),
    "other size": (
        first("images", width=30, height=40),
        FILE,
        "size must be the image's, 40 × 30, got 30 × 40",
    ),
    "size in words": (
        first("images", width="wide"),
        FILE,
        "width and height must be numbers, got ['wide', 30]",
    ),
    "no object": (lambda content: content["images"].__setitem__(0, []), FILE, "must be an object, got []"),
}


@pytest.mark.parametrize(("spoil", "rule"), ANNOTATION_ERRORS.values(), ids=ANNOTATION_ERRORS)
def test_errors_of_an_annotation(tmp_path: Path, spoil: Spoil, rule: str) -> None:
    spoil(content := coco_content())
    paths = write_coco(tmp_path, content)
    with pytest.raises(DatasetError) as caught:
        COCOFolder(*paths)
    (problem,) = caught.value.problems
    assert problem.file == FILE
    assert problem.object in ("annotation 1", "annotation 1 (queen)")
    assert rule in problem.rule
    folder = COCOFolder(*paths, skip_invalid=True)
    assert folder.problems == (problem,)
    assert len(folder) == 3
    assert folder.truth(0).labels.tolist() == [2]
    assert check(*paths) == [problem]


@pytest.mark.parametrize(("spoil", "file", "rule"), IMAGE_ERRORS.values(), ids=IMAGE_ERRORS)
def test_errors_of_an_image(tmp_path: Path, spoil: Spoil, file: str, rule: str) -> None:
    spoil(content := coco_content())
    paths = write_coco(tmp_path, content)
    with pytest.raises(DatasetError) as caught:
        COCOFolder(*paths)
    problem = caught.value.problems[0]
    assert problem.file == file
    assert rule in problem.rule
    folder = COCOFolder(*paths, skip_invalid=True)
    assert folder.names == ("b.jpg", "c.jpg")
    assert folder.problems == caught.value.problems


def test_an_id_of_two_images(tmp_path: Path) -> None:
    content = coco_content()
    content["images"][2]["id"] = 7
    folder = COCOFolder(*write_coco(tmp_path, content), skip_invalid=True)
    assert folder.problems == (Problem(FILE, "id must occur once, got 7 again", "image 3 (c.jpg)"),)
    assert folder.names == ("a.jpg", "b.jpg")


def test_a_class_that_is_not_wanted_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        COCOFolder(*write_coco(tmp_path), classes=["queen", "jack"])
    assert [problem.object for problem in caught.value.problems] == [
        "annotation 3 (king)",
        "annotation 2 (king)",
    ]
    assert caught.value.problems[0].rule == "name must be one of the classes (queen, jack), got 'king'"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"name": "queen"}, "categories must differ in name, got 'queen' twice"),
        ({"id": 2}, "id must occur once, got 2 again"),
        ({"name": ""}, "name must be a name, got ''"),
    ],
)
def test_errors_of_categories(tmp_path: Path, changes: dict[str, object], rule: str) -> None:
    content = coco_content()
    content["categories"].reverse()
    content["categories"][1] |= changes
    assert rule in {problem.rule for problem in check(*write_coco(tmp_path, content))}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "must be JSON: "),
        ("{", "must be JSON: "),
        ("[" * 100_000, "must be JSON: "),
        ('{"images": [' + "9" * 5000 + "]}", "must be JSON: "),
        ("\x00\xff", "must be JSON: "),
        ("[]", "must be a JSON object, got []"),
        ("null", "must be a JSON object, got None"),
        ('{"images": [], "categories": []}', "annotations must be a list, got None"),
        ('{"images": {}, "annotations": [], "categories": []}', "images must be a list, got {}"),
        (
            '{"images": [], "annotations": [], "categories": []}',
            "images must hold at least one image, got none",
        ),
    ],
)
@pytest.mark.parametrize("skip_invalid", [False, True])
def test_files_that_are_no_dataset(tmp_path: Path, text: str, rule: str, skip_invalid: bool) -> None:
    images, file = write_coco(tmp_path)
    put(file, text)
    with pytest.raises(DatasetError) as caught:
        COCOFolder(images, file, skip_invalid=skip_invalid)
    assert caught.value.problems[0].file == FILE
    assert rule in caught.value.problems[0].rule


def test_missing_paths(tmp_path: Path) -> None:
    images, file = write_coco(tmp_path)
    assert check(images, tmp_path / "x.json") == [Problem(str(tmp_path / "x.json"), "file must exist")]
    assert check(tmp_path / "x", file) == [Problem(str(tmp_path / "x"), "folder must exist")]


def test_no_categories(tmp_path: Path) -> None:
    content = coco_content() | {"annotations": [], "categories": []}
    with pytest.raises(DatasetError, match="categories must hold at least one category, got none"):
        COCOFolder(*write_coco(tmp_path, content), skip_invalid=True)
    assert len(COCOFolder(*write_coco(tmp_path, content), classes=["king"])) == 3


def test_pixels_that_cannot_be_decoded(tmp_path: Path) -> None:
    images, file = write_coco(tmp_path)
    (images / "b.jpg").write_bytes((images / "b.jpg").read_bytes()[:-40])
    with pytest.raises(DatasetError, match=r"^b\.jpg: image must be whole"):
        COCOFolder(images, file)[1]
    seen: list[tuple[int, int]] = []
    (problem,) = check(images, file, progress=lambda *counts: seen.append(counts))
    assert problem.file == "b.jpg"
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_links_do_not_lead_out_of_the_folder_of_images(tmp_path: Path) -> None:
    images, file = write_coco(tmp_path / "data")
    outside = tmp_path / "outside"
    outside.mkdir()
    (images / "a.jpg").rename(outside / "a.jpg")
    (images / "link").symlink_to(outside)
    content = coco_content()
    content["images"][0]["file_name"] = "link/a.jpg"
    put(file, json.dumps(content))
    with pytest.raises(DatasetError, match=r"link/a.jpg: file_name must stay inside .* a link leads out"):
        COCOFolder(images, file)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=spoiled_json(coco_content()) | JSON)
@example(content={"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [[[]]], "categories": [None]})
def test_any_json_is_read_or_refused(tmp_path: Path, content: Any) -> None:
    images, file = tmp_path / "images", tmp_path / FILE
    if not images.exists():
        write_coco(tmp_path)
    put(file, json.dumps(content))
    try:
        folder = COCOFolder(images, file)
    except DatasetError as error:
        str(error).encode()  # what is wrong can always be printed
        return
    assert all(folder.truth(index).boxes_xyxy.isfinite().all() for index in range(len(folder)))
    assert all(folder.image_path(index).parent == images for index in range(len(folder)))
