"""Folders in YOLO's layout: labels, names, where splits lie, and what is wrong with any of it."""

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssd_lite.data import DatasetError, open_folder
from ssd_lite.data.readers.yolo_yaml import place_in
from tests.data.folders import KING_TXT, put, write_image, write_yolo

A = "labels/train/a.txt"


def with_labels(root: Path, text: str) -> Path:
    put(write_yolo(root) / A, text)
    return root


def problems(root: Path, **options) -> list[tuple[str, str]]:
    return [(problem.severity, str(problem)) for problem in open_folder(root, **options).problems]


def test_a_good_folder(tmp_path: Path) -> None:
    text = "0 0.5 0.5 1.0 1.0\n\n1 0.3 0.3 0.4 0.4\n"
    put(with_labels(tmp_path, text) / "data.yaml", "names:\n  0: king\n  1: queen\n")
    (tmp_path / "labels" / "train" / "b.txt").unlink()  # an image that shows no object
    dataset = open_folder(tmp_path).dataset("train")
    assert dataset.classes == ("king", "queen")
    assert dataset.names == ("a.jpg", "b.jpg")
    assert dataset.truth(0).labels.tolist() == [1, 2]
    expected = torch.tensor([[0, 0, 1, 1], [0.1, 0.1, 0.5, 0.5]])
    torch.testing.assert_close(dataset.truth(0).boxes_xyxy, expected)
    assert len(dataset.truth(1)) == 0
    assert not dataset.truth(0).difficult.any()


LINE = "must be a class and four numbers (x, y, width, height), or a class and the corners of a polygon, got "


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("1 0.3 0.3 0.4 0.4", "line 2: class must be a whole number from 0 to 0, got '1'"),
        ("-1 0.3 0.3 0.4 0.4", "line 2: class must be a whole number from 0 to 0, got '-1'"),
        ("0.5 0.3 0.3 0.4 0.4", "line 2: class must be a whole number from 0 to 0, got '0.5'"),
        ("nan 0.3 0.3 0.4 0.4", "line 2: class must be a whole number from 0 to 0, got 'nan'"),
        ("0 0.3 0.3 0.4", f"line 2: {LINE}'0 0.3 0.3 0.4'"),
        ("0 0.3 0.3 0.4 0.4 0.9", f"line 2: {LINE}'0 0.3 0.3 0.4 0.4 0.9'"),
        ("king 0.3 0.3 0.4 0.4", f"line 2: {LINE}'king 0.3 0.3 0.4 0.4'"),
        ("0 0.3 0.3 0 0.4", "line 2 (king): box must have xmin < xmax and ymin < ymax, got (12, 3, 12, 15)"),
        ("0 0.3 0.3 nan 0.4", "line 2 (king): box must be finite, got (nan, 3, nan, 15)"),
        (
            "0 1.5 0.3 0.4 0.4",
            "line 2 (king): box must lie inside the image of 40 × 30 pixels, got (52, 3, 68, 15)",
        ),
    ],
)
def test_errors_name_file_line_and_rule(tmp_path: Path, line: str, says: str) -> None:
    assert problems(with_labels(tmp_path, f"{KING_TXT}{line}\n")) == [("error", f"{A}: {says}")]
    assert len(open_folder(tmp_path, skip_invalid=True).dataset("train").truth(0)) == 1


def test_polygons_become_boxes(tmp_path: Path) -> None:
    with_labels(tmp_path, "0 0.1 0.1 0.5 0.1 0.3 0.5\n")
    rule = "the polygon was replaced by the box around it"
    assert problems(tmp_path) == [("repair", f"{A}: line 1 (king): {rule}")]
    boxes = open_folder(tmp_path).dataset("train").truth(0).boxes_xyxy
    torch.testing.assert_close(boxes, torch.tensor([[0.1, 0.1, 0.5, 0.5]]))


def test_boxes_over_the_edge_are_clipped(tmp_path: Path) -> None:
    ((severity, text),) = problems(with_labels(tmp_path, "0 0.1 0.3 0.22 0.4\n"))
    assert severity == "repair"
    assert "box was clipped to the image of 40 × 30 pixels" in text


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        (
            "",
            "names of the classes must stand in data.yaml or classes.txt, or be given: classes= (--classes)",
        ),
        ("names: [", "must be YAML: while parsing"),
        ("[king]", "must be a mapping with the key names, got ['king']"),
        ("names: []", "names of the classes must stand in data.yaml"),
        ("names: 3", "names must be a list of names, or give one for each number from 0, got 3"),
        ("names: [[king]]", "names must be a list of names"),
        ("names: {1: king}", "names must be a list of names, or give one for each number from 0, got [None]"),
        ("names: [king, ' king']", "names must differ and not be empty, got 'king'"),
        ("names: [king, '']", "names must differ and not be empty, got ''"),
        ("a: &a [king]\nb: &b [*a, *a]\nnames: [*b, *b]", "names must be a list of names"),
    ],
)
def test_names_of_classes(tmp_path: Path, yaml: str, says: str) -> None:
    write_yolo(tmp_path, yaml=yaml)
    with pytest.raises(DatasetError) as caught:
        open_folder(tmp_path).dataset("train")
    assert says in str(caught.value)
    if not yaml.startswith("names: ["):
        assert open_folder(tmp_path, classes=["king"]).dataset("train").classes == ("king",)


def test_names_in_a_text_file(tmp_path: Path) -> None:
    (write_yolo(tmp_path) / "data.yaml").unlink()
    put(tmp_path / "classes.txt", "king\nqueen\n\n")
    assert open_folder(tmp_path).classes == ("king", "queen")


@pytest.mark.parametrize(
    "place",
    [
        "images/train",
        "./images/train",
        "../images/train",
        "/home/me/set/images/train",
        "C:\\set\\images\\train",
        "train",
    ],
)
def test_paths_of_another_machine_are_understood(tmp_path: Path, place: str) -> None:
    write_yolo(tmp_path, yaml=f"train: '{place}'\nval: images/val\npath: images\nnames: [king]")
    assert open_folder(tmp_path).dataset("train").names == ("a.jpg", "b.jpg")


def test_lists_of_images(tmp_path: Path) -> None:
    write_yolo(tmp_path, yaml="train: train.txt\nval: [images/val]\nnames: [king]")
    put(tmp_path / "train.txt", "./images/train/b.jpg\n/elsewhere/images/train/a.jpg\nnowhere.jpg\n")
    folder = open_folder(tmp_path)
    assert folder.dataset("train").names == ("images/train/b.jpg", "images/train/a.jpg")
    assert folder.dataset("val").names == ("c.jpg",)


def test_splits_that_the_yaml_file_does_not_state(tmp_path: Path) -> None:
    write_yolo(tmp_path, yaml="train: images/train\nnames: [king]")
    assert open_folder(tmp_path).splits == ("train", "val")


def test_no_path_leads_out(tmp_path: Path) -> None:
    write_image(tmp_path / "outside" / "secret.jpg")
    put(tmp_path / "outside" / "secret.txt", KING_TXT)
    root = write_yolo(tmp_path / "data")
    assert place_in(root, "../outside") is None
    assert place_in(root, str(tmp_path / "outside")) is None
    (root / "images" / "train" / "d.jpg").symlink_to(tmp_path / "outside" / "secret.jpg")
    (root / "labels" / "train" / "a.txt").unlink()
    (root / "labels" / "train" / "a.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (root / "more").symlink_to(tmp_path / "outside")
    assert place_in(root, "more") is None
    rule = "must lie in the dataset's folder, but is a link that leads out of it"
    assert problems(root) == [("error", f"{A}: {rule}"), ("error", f"images/train/d.jpg: {rule}")]
    put(tmp_path / "outside" / "data.yaml", "names: [other]")
    (root / "data.yaml").unlink()
    (root / "data.yaml").symlink_to(tmp_path / "outside" / "data.yaml")
    with pytest.raises(
        DatasetError, match=r"data\.yaml: must be a file of at most 1,000,000 bytes in the data"
    ):
        open_folder(root).dataset("val")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    labels=st.lists(st.text(max_size=12) | st.sampled_from(["0 .5 .5 .5 .5", "0 1e400 nan 2 2", "²", "\0"])),
    yaml=st.text(max_size=20)
    | st.sampled_from(["names: [king]", "names: &a [*a]", "train: \0", "names: {}"]),
)
def test_any_text_is_read_or_refused(tmp_path: Path, labels: list[str], yaml: str) -> None:
    root = tmp_path / "data"
    if not root.exists():
        write_yolo(root)
    (root / A).write_bytes("\n".join(labels).encode("utf-8", "surrogatepass"))
    (root / "data.yaml").write_bytes(yaml.encode("utf-8", "surrogatepass"))
    try:
        datasets = open_folder(root).datasets("train", "val")
    except DatasetError as error:
        str(error).encode()
        return
    assert all(dataset.truth(0).boxes_xyxy.isfinite().all() for dataset in datasets)
