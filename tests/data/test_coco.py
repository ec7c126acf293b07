"""Annotation files in COCO's JSON that are as they should be."""

import json
import pickle
from pathlib import Path

import torch

from ssd_lite.data.coco import COCOFolder, check
from ssd_lite.data.images import read_image
from tests.data.folders import coco_content, put, write_coco, write_image

FILE = "instances.json"
SIZE = torch.tensor([40, 30, 40, 30])


def test_a_good_file(tmp_path: Path) -> None:
    folder = COCOFolder(*write_coco(tmp_path))
    assert folder.classes == ("queen", "king")
    assert folder.names == ("a.jpg", "b.jpg", "c.jpg")
    assert folder.problems == ()
    assert len(folder) == 3
    assert folder.image_path(1) == tmp_path / "images" / "b.jpg"
    image, truth, name = folder[0]
    assert name == "a.jpg"
    assert torch.equal(image, read_image(tmp_path / "images" / "a.jpg"))
    assert truth.labels.tolist() == [1, 2]
    assert (truth.boxes_xyxy * SIZE).tolist() == [[4, 3, 20, 15], [0, 0, 40, 30]]
    assert truth.difficult.tolist() == [False, False]
    assert folder.truth(1).difficult.tolist() == [True]
    assert (folder.truth(1).boxes_xyxy * SIZE).tolist() == [[10.5, 6, 20, 12]]
    assert len(folder.truth(2)) == 0
    assert check(*write_coco(tmp_path)) == []


def test_given_classes_max_side_and_pickling(tmp_path: Path) -> None:
    folder = COCOFolder(*write_coco(tmp_path), classes=["king", "queen"], max_side=20)
    folder = pickle.loads(pickle.dumps(folder))
    assert folder.classes == ("king", "queen")
    assert folder.truth(0).labels.tolist() == [2, 1]
    assert folder[0].image.shape == (3, 15, 20)


def test_files_in_folders_and_without_sizes(tmp_path: Path) -> None:
    content = coco_content()
    content["images"][0] = {"id": 7, "file_name": "sub/photo 1.png"}
    content["images"][1]["width"] = None
    folder, file = write_coco(tmp_path, content)
    write_image(folder / "sub" / "photo 1.png", (40, 30), orientation=6)
    content["images"][0] |= {"width": 40, "height": 30}  # its size as stored: boxes lie on their side
    put(tmp_path / "sized.json", json.dumps(content))
    plain, turned = COCOFolder(folder, file, skip_invalid=True), COCOFolder(folder, tmp_path / "sized.json")
    assert [problem.severity for problem in plain.problems] == ["warning"]  # 40 pixels are too wide upright
    assert (plain.truth(0).boxes_xyxy[1] * torch.tensor([30, 40, 30, 40])).tolist() == [0, 0, 30, 30]
    expected = torch.tensor([[15 / 30, 4 / 40, 27 / 30, 20 / 40], [0, 0, 1, 1]])
    torch.testing.assert_close(turned.truth(0).boxes_xyxy, expected)
    assert turned[0].image.shape == (3, 40, 30)


def test_sums_are_rounded_before_they_are_compared(tmp_path: Path) -> None:
    x, width = 0.08 * 640, (1 - 0.08) * 640
    assert x + width > 640
    content = coco_content()
    content["images"] = [{"id": 7, "file_name": "wide.png"}]
    content["annotations"] = [{"image_id": 7, "category_id": 2, "bbox": [x, 0, width, 4]}]
    folder, file = write_coco(tmp_path, content)
    write_image(folder / "wide.png", (640, 4))
    assert COCOFolder(folder, file).truth(0).boxes_xyxy[0, 2] == 1
