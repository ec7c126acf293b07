"""What is repaired without loss is read, and said; what would lose something is an error or a warning."""

import codecs
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssd_lite.data import COCOFolder, DatasetError, open_folder, summarise
from ssd_lite.data.images import Box
from ssd_lite.data.problems import Problem
from ssd_lite.data.validation import _clipped
from tests.data.folders import coco_content, put, voc_object, voc_xml, write_coco, write_image, write_voc

A = "Annotations/a.xml"


def said(root: Path, **options) -> list[tuple[str, str]]:
    """Severity and text of all that is said of a folder."""
    return [(problem.severity, str(problem)) for problem in open_folder(root, **options).problems]


def with_box(root: Path, *corners: float) -> Path:
    put(write_voc(root) / A, voc_xml(voc_object(("king", *corners))))
    return root


@pytest.mark.parametrize(
    ("corners", "inside", "severity"),
    [
        ((4, 3, 41, 15), (4, 3, 40, 15), "repair"),
        ((-1, -2, 20, 32), (0, 0, 20, 30), "repair"),
        ((4, 3, 40.005, 15), (4, 3, 40, 15), None),  # rounding
        ((4, 3, 45, 15), (4, 3, 40, 15), "warning"),
    ],
)
def test_boxes_that_reach_over_the_edge_are_clipped(tmp_path: Path, corners, inside, severity) -> None:
    folder = open_folder(with_box(tmp_path, *corners), classes=["king", "queen"])
    truth = folder.dataset("train").truth(0)
    torch.testing.assert_close(
        truth.boxes_xyxy[0] * torch.tensor([40, 30, 40, 30]), torch.tensor(inside) * 1.0
    )
    rule = "box was clipped to the image of 40 × 30 pixels, got ({:g}, {:g}, {:g}, {:g})".format(*corners)
    expected = (Problem(A, rule, "object 1 (king)", severity),) if severity else ()
    assert folder.problems == expected


def test_a_hundredth_of_a_large_image_is_no_loss(tmp_path: Path) -> None:
    root = with_box(tmp_path, 100, 3, 1008, 15)
    (root / "JPEGImages" / "a.jpg").unlink()
    write_image(root / "JPEGImages" / "a.png", (1000, 30))
    put(root / A, voc_xml(voc_object(("king", 100, 3, 1008, 15)), size=""))
    assert [severity for severity, _ in said(root)] == ["repair"]


def test_a_box_of_which_most_lies_outside_is_an_error(tmp_path: Path) -> None:
    assert said(with_box(tmp_path, 30, 3, 60, 15)) == [
        (
            "error",
            f"{A}: object 1 (king): box must lie inside the image of 40 × 30 pixels, got (30, 3, 60, 15)",
        )
    ]


@given(st.lists(st.integers(-40, 80), min_size=4, max_size=4))
def test_clipping_against_the_rule_word_for_word(corners: list[int]) -> None:
    x0, y0, x1, y1 = map(float, corners)
    box, rule = _clipped((x0, y0, x1, y1), (40, 30))
    if not (x0 < x1 and y0 < y1):
        assert rule is not None
        assert rule[0] == "error"
        return
    cut: Box = (max(x0, 0.0), max(y0, 0.0), min(x1, 40.0), min(y1, 30.0))
    inside = max(0.0, cut[2] - cut[0]) * max(0.0, cut[3] - cut[1])
    if 2 * inside < (x1 - x0) * (y1 - y0):
        assert rule is not None
        assert rule[0] == "error"
    else:
        assert box == cut
        beyond = max(-x0, -y0, x1 - 40, y1 - 30)
        assert (rule and rule[0]) == (None if beyond <= 0 else "repair" if beyond <= 2 else "warning")


@pytest.mark.parametrize(
    ("word", "difficult"),
    [("true", True), ("Yes", True), ("False", False), ("Unspecified", False), ("NONE", False)],
)
def test_words_for_difficult(tmp_path: Path, word: str, difficult: bool) -> None:
    put(
        write_voc(tmp_path) / A, voc_xml(voc_object(("king", 4, 3, 20, 15), f"<difficult>{word}</difficult>"))
    )
    assert said(tmp_path) == [
        ("repair", f"{A}: object 1 (king): difficult was read as {int(difficult)}, got '{word}'")
    ]
    assert open_folder(tmp_path).dataset("train").truth(0).difficult.tolist() == [difficult]


@pytest.mark.parametrize(
    "line", ["a.jpg", "JPEGImages/a.JPG", "/data/set/JPEGImages/a.jpg", "C:\\set\\a.png", "a.jpg 1"]
)
def test_lists_of_files(tmp_path: Path, line: str) -> None:
    put(write_voc(tmp_path) / "ImageSets/Main/train.txt", f"{line}\nb\n")
    rule = "1 image listed as a file was found by name, got "
    assert said(tmp_path) == [("repair", f"ImageSets/Main/train.txt: {rule}{line.removesuffix(' 1')!r}")] or (
        line.endswith(" 1") and rule in said(tmp_path)[0][1]
    )
    assert open_folder(tmp_path).dataset("train").names == ("a", "b")


def test_a_file_listed_in_two_ways_is_listed_twice(tmp_path: Path) -> None:
    put(write_voc(tmp_path) / "ImageSets/Main/train.txt", "a\na.jpg\nb\n")
    with pytest.raises(DatasetError, match="must list 'a' once, got 2 times"):
        open_folder(tmp_path).dataset("train")


KING = "<?xml version='1.0' encoding='{}'?>" + voc_xml(voc_object(("王", 4, 3, 20, 15)))


@pytest.mark.parametrize(
    "content",
    [
        KING.format("gbk").encode("gbk"),
        KING.format("GB2312").encode("gb2312"),
        KING.format("gb18030").encode("gb18030"),
        KING.format("big5").encode("big5"),
        KING.format("shift_jis").encode("shift_jis"),
        KING.format("utf-16").encode("utf-16"),
        KING.format("utf-16").encode("utf-16-be"),
        KING.format("utf-16").encode("utf-16-le"),
        KING.format("utf-16").encode("utf-8"),  # as .NET writes it
        KING.format("utf-8").encode("utf-8-sig"),
        codecs.BOM_UTF16_BE + KING.format("utf-16").encode("utf-16-be"),
    ],
)
def test_xml_is_read_by_its_declared_encoding(tmp_path: Path, content: bytes) -> None:
    (write_voc(tmp_path) / A).write_bytes(content)
    assert open_folder(tmp_path).classes == ("king", "王")
    assert open_folder(tmp_path).problems == ()


def test_xml_is_read_by_local_names(tmp_path: Path) -> None:
    text = voc_xml(voc_object(("king", 4, 3, 20, 15)))
    for name, space in (
        ("a", "<annotation xmlns='http://x.org/'>"),
        ("b", "<annotation xmlns:v='http://x.org/'>"),
    ):
        changed = text.replace("<annotation>", space)
        changed = (
            changed.replace("<name>", "<v:name>").replace("</name>", "</v:name>") if name == "b" else changed
        )
        put(write_voc(tmp_path / name) / A, changed)
        assert open_folder(tmp_path / name).dataset("train").truth(0).labels.tolist() == [1]
    put(tmp_path / "a" / A, text.replace("annotation>", "Annotation>"))
    assert len(open_folder(tmp_path / "a").dataset("train").truth(0)) == 1


def test_boxes_of_another_size_are_scaled_on_request(tmp_path: Path) -> None:
    size = "<width>80</width><height>120</height>"
    put(write_voc(tmp_path) / A, voc_xml(voc_object(("king", 8, 12, 40, 60)), size=size))
    ((severity, text),) = said(tmp_path)
    assert severity == "error"
    assert "size must be the image's, 40 × 30, got 80 × 120; if the image was resized" in text
    assert "scale_boxes=True (--scale-boxes) scales the boxes to it; otherwise the size is wrong" in text
    assert said(tmp_path, scale_boxes=True) == [
        ("repair", f"{A}: boxes were scaled to the image's 40 × 30 pixels, got 80 × 120")
    ]
    truth = open_folder(tmp_path, scale_boxes=True).dataset("train").truth(0)
    torch.testing.assert_close(truth.boxes_xyxy, torch.tensor([[0.1, 0.1, 0.5, 0.5]]))


@pytest.mark.parametrize(
    "size", ["<width>-4</width><height>30</height>", "<width>nan</width><height>1</height>"]
)
def test_boxes_are_scaled_by_a_size_only(tmp_path: Path, size: str) -> None:
    put(write_voc(tmp_path) / A, voc_xml(voc_object(("king", 8, 12, 40, 60)), size=size))
    assert said(tmp_path, scale_boxes=True)[0][0] == "error"


def test_cocos_boxes_without_height_name_the_option(tmp_path: Path) -> None:
    content = coco_content()
    content["annotations"][0]["bbox"] = [4, 3, 16, 0]
    with pytest.raises(DatasetError) as caught:
        COCOFolder(*write_coco(tmp_path, content))
    assert str(caught.value).splitlines()[-1] == (
        "skip_invalid=True (--skip-invalid on the command line) leaves out what is invalid"
    )
    json.dumps([vars(problem) for problem in caught.value.problems])


def test_the_summary_counts_each_severity() -> None:
    severities = ["error", "repair", "repair", "warning"]
    problems = [Problem("f", "r", severity=severity) for severity in severities]
    assert summarise(problems) == "1 error, 2 repairs, 1 warning"
    assert summarise([]) == "no problems"
    assert str(DatasetError(problems * 6)).endswith("\n… and 4 more problems")
    assert str(DatasetError((problems * 6)[:21])).endswith("\n… and 1 more problem")
