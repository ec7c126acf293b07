"""Any folder written in any layout, and read again as it was."""

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssd_lite.data import DatasetError, Folder, convert, open_folder
from ssd_lite.data.splits import meaning
from tests.data.folders import (
    coco_content,
    put,
    voc_object,
    voc_xml,
    write_coco,
    write_coco_roboflow,
    write_coco_standard,
    write_image,
    write_voc,
    write_voc_flat,
    write_voc_splits,
    write_yolo,
)

SOURCES = {
    "voc": write_voc,
    "flat": write_voc_flat,
    "splits": write_voc_splits,
    "coco": write_coco_standard,
    "roboflow": write_coco_roboflow,
    "yolo": write_yolo,
}
LAYOUTS = ("voc", "coco", "yolo")


def content(folder: Folder, split: str) -> list[tuple]:
    """What a split shows, whatever the names of its files and the order of its classes."""
    dataset = folder.dataset(split)
    images = []
    for index, image in enumerate(dataset.images):
        names = [folder.classes[label - 1] for label in image.labels]
        flags = zip(image.difficult, image.crowd, strict=True)
        boxes = torch.tensor(image.boxes_xyxy).reshape(-1, 4) * torch.tensor(image.size_px * 2)
        pixels = dataset[index].image
        images.append((pixels, sorted(zip(boxes.tolist(), names, flags, strict=True))))
    return images


def assert_the_same(one: Folder, other: Folder) -> None:
    assert len(one.splits) == len(other.splits)
    for split, name in zip(one.splits, other.splits, strict=True):
        assert split == name or meaning(split) == name
        for (pixels, objects), (others, found) in zip(content(one, split), content(other, name), strict=True):
            assert torch.equal(pixels, others)
            assert [thing[1:] for thing in objects] == [thing[1:] for thing in found]
            boxes, seen = ([thing[0] for thing in things] for things in (objects, found))
            torch.testing.assert_close(torch.tensor(boxes), torch.tensor(seen), atol=1e-3, rtol=0)


@pytest.mark.parametrize("to", LAYOUTS)
@pytest.mark.parametrize("source", SOURCES)
def test_there_and_back_is_the_same(tmp_path: Path, source: str, to: str) -> None:
    folder = open_folder(SOURCES[source](tmp_path / "in"))
    done = convert(folder, to=to, out=tmp_path / "deep" / "out")
    assert done.lost == ()
    assert done.folder.layout == to
    assert done.folder.problems == ()
    assert open_folder(tmp_path / "deep" / "out").splits == done.folder.splits
    assert_the_same(folder, done.folder)
    assert set(open_folder(tmp_path / "deep" / "out").classes) == set(folder.classes)
    back = convert(done.folder, to=folder.layout, out=tmp_path / "back")
    assert_the_same(folder, back.folder)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]  # nothing half-written


def crowd_and_difficult(root: Path) -> Path:
    content = coco_content()
    content["annotations"][2]["difficult"] = 1
    write_coco(root, content)
    return root


def test_difficult_objects_and_crowds(tmp_path: Path) -> None:
    folder = open_folder(crowd_and_difficult(tmp_path / "in"))
    flags = [(image.difficult, image.crowd) for image in folder.dataset("all").images]
    assert flags == [((False, True), (False, False)), ((False,), (True,)), ((), ())]
    for to in ("voc", "coco"):
        done = convert(folder, to=to, out=tmp_path / to)
        assert done.lost == ()
        assert_the_same(folder, done.folder)
    done = convert(folder, to="yolo", out=tmp_path / "yolo")
    assert done.lost == (
        "YOLO cannot say that an object is difficult: 1 object",
        "YOLO knows no crowds: 1 crowd left out",
    )
    assert [len(image.labels) for image in done.folder.dataset("all").images] == [2, 0, 0]


def test_classes_without_objects(tmp_path: Path) -> None:
    folder = open_folder(write_voc_flat(tmp_path / "in"), classes=["ace", "king", "queen"])
    assert convert(folder, to="voc", out=tmp_path / "voc").lost == (
        "VOC cannot name 2 classes without objects",
    )
    for to in ("coco", "yolo"):
        convert(folder, to=to, out=tmp_path / to)
        assert open_folder(tmp_path / to).classes == ("ace", "king", "queen")


def test_names_that_clash(tmp_path: Path) -> None:
    for split in ("train", "val"):
        write_voc_flat(tmp_path / "in" / split, "a")
    write_image(tmp_path / "in" / "train" / "A.png")
    put(tmp_path / "in" / "train" / "A.xml", voc_xml(voc_object(("queen", 4, 3, 20, 15))))
    folder = open_folder(tmp_path / "in")
    assert_the_same(folder, convert(folder, to="voc", out=tmp_path / "voc").folder)
    assert sorted(path.name for path in (tmp_path / "voc" / "JPEGImages").iterdir()) == [
        "A.png",
        "a_2.jpg",
        "a_3.jpg",
    ]


def test_links(tmp_path: Path) -> None:
    source = write_voc_flat(tmp_path / "in")
    convert(source, to="coco", out=tmp_path / "linked", link=True)
    convert(source, to="coco", out=tmp_path / "copied")
    assert (tmp_path / "linked" / "images" / "a.jpg").samefile(source / "a.jpg")
    assert not (tmp_path / "copied" / "images" / "a.jpg").samefile(source / "a.jpg")


def test_what_is_refused(tmp_path: Path) -> None:
    source = write_voc_flat(tmp_path / "in")
    with pytest.raises(ValueError, match="to must be one of voc, coco, yolo, got 'kitti'"):
        convert(source, to="kitti", out=tmp_path / "out")
    with pytest.raises(ValueError, match="out must be a new or an empty folder, got "):
        convert(source, to="coco", out=source)
    (tmp_path / "empty").mkdir()
    assert len(convert(source, to="coco", out=tmp_path / "empty").folder.dataset("all")) == 3


def test_errors_of_all_splits_leave_nothing_behind(tmp_path: Path) -> None:
    root = write_voc_splits(tmp_path / "in")
    for place in ("train/a", "test/f"):
        put(root / f"{place}.xml", voc_xml(voc_object(("king", 9, 3, 9, 15))))
    with pytest.raises(DatasetError, match=r"(?s)train/a\.xml.*test/f\.xml"):
        convert(root, to="coco", out=tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    put(root / "test/f.xml", voc_xml(voc_object(("king", 4, 3, 20, 15))))
    done = convert(open_folder(root, skip_invalid=True), to="coco", out=tmp_path / "out")
    assert [len(image.labels) for image in done.folder.dataset("train").images] == [0, 1, 1]


def test_a_name_that_xml_cannot_hold(tmp_path: Path) -> None:
    root = tmp_path / "in"
    content = coco_content()
    content["categories"][0]["name"] = "king\a"
    write_coco(root, content)
    with pytest.raises(DatasetError, match=r"class 'king\\x07' holds a character that XML cannot"):
        convert(root, to="voc", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=8)
NAMES = NAMES.map(str.strip).filter(bool)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, to=st.sampled_from(LAYOUTS), box=st.lists(st.floats(0, 29), min_size=4, max_size=4))
def test_any_name_and_any_box(tmp_path_factory, name: str, to: str, box: list[float]) -> None:
    tmp_path = tmp_path_factory.mktemp("convert")
    x0, x1, y0, y1 = *sorted(box[:2]), *sorted(box[2:])
    content = coco_content()
    content["categories"][0]["name"] = name + "'s king"
    content["annotations"][0]["bbox"] = [x0, y0, x1 - x0 + 0.01, y1 - y0 + 0.01]
    write_coco(tmp_path / "in", content)
    folder = open_folder(tmp_path / "in")
    if to == "yolo":
        content["annotations"][1]["iscrowd"] = 0
        write_coco(tmp_path / "in", content)
        folder = open_folder(tmp_path / "in")
    assert_the_same(folder, convert(folder, to=to, out=tmp_path / "out").folder)
