"""Nothing outside a folder in VOC layout is read, and any text in it is read or refused."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ssd_lite.data.problems import DatasetError
from ssd_lite.data.voc import VOCFolder, check
from tests.data.folders import put, voc_object, voc_xml, write_voc
from tests.data.voc_spoils import KING, TRAIN, A


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
