"""``ssd-lite detect``: what it takes, what it passes over and says so, and what it writes."""

import csv
import json
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssd_lite import models
from ssd_lite.cli import video
from ssd_lite.data import read_image
from tests.cli.helpers import break_image, run, write_detector

pytestmark = pytest.mark.plain  # run-time type checks would refuse in their own words


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_detector(tmp_path / "model.safetensors")


def detect(weights: Path, *inputs: object, out: Path) -> tuple[int, str]:
    return run("detect", weights, *inputs, "--out", out, "--device", "cpu", "--threshold", "0.0")


def found_in(folder: Path) -> dict:
    return json.loads((folder / "detections.json").read_text())


def write_video(path: Path, frames: int = 5, size: tuple[int, int] = (48, 64)) -> Path:
    with video.VideoWriter(path, rate=Fraction(10)) as writer:
        for number in range(frames):
            writer.write(np.full((*size, 3), 40 * number, dtype=np.uint8))
    return path


def test_boxes_are_those_of_predict_and_pictures_as_large_as_the_images(
    weights: Path, folder: Path, tmp_path: Path
) -> None:
    image = folder / "JPEGImages/0001.png"
    assert detect(weights, image, out=tmp_path / "out")[0] == 0
    pixels = read_image(image)
    expected = models.load(weights).predict([pixels], score_threshold=0.0)[0]
    objects = found_in(tmp_path / "out")[str(image)]
    assert len(objects) == len(expected["scores"]) > 0
    for item, box, score in zip(
        objects, expected["boxes"].tolist(), expected["scores"].tolist(), strict=True
    ):
        assert item["box"] == pytest.approx(box, abs=0.051)
        assert item["score"] == pytest.approx(score, abs=1e-3)
        assert item["class"] == "cat"
    with Image.open(tmp_path / "out/0001.png") as drawn:
        assert drawn.size == (128, 96)


@pytest.mark.parametrize("batch", [1, 3])
def test_batches_change_nothing(batch: int, weights: Path, folder: Path, tmp_path: Path) -> None:
    options = (folder / "JPEGImages", "--no-pictures", "--batch", batch)
    assert detect(weights, *options, out=tmp_path / "some")[0] == 0
    assert detect(weights, *options[:2], out=tmp_path / "all")[0] == 0
    assert found_in(tmp_path / "some").keys() == found_in(tmp_path / "all").keys()
    assert [*(tmp_path / "some").iterdir()] == [tmp_path / "some/detections.json"]
    for name, objects in found_in(tmp_path / "all").items():
        scores = [item["score"] for item in found_in(tmp_path / "some")[name]]
        assert scores == pytest.approx([item["score"] for item in objects], abs=2e-4)


def test_what_is_passed_over_is_counted(weights: Path, folder: Path, tmp_path: Path) -> None:
    (folder / "notes.txt").write_text("x")
    (folder / "more.txt").write_text("x")
    Image.new("RGB", (40, 30)).save(folder / "photo.tif")
    Image.new("RGB", (40, 30)).save(folder / "photo.gif")
    code, said = detect(weights, folder, out=tmp_path / "out")
    assert code == 0, said
    assert "2 × .txt" in said
    assert "3 subfolders (--recursive" in said
    assert len(found_in(tmp_path / "out")) == 2


def test_subfolders_and_patterns(weights: Path, folder: Path, tmp_path: Path) -> None:
    code, said = detect(weights, folder, "--recursive", "--no-pictures", out=tmp_path / "out")
    assert code == 0, said
    assert len(found_in(tmp_path / "out")) == 10
    assert "10 × .xml" in said
    code, said = detect(weights, folder / "**/000[12].png", "--no-pictures", out=tmp_path / "two")
    assert code == 0, said
    assert [Path(name).name for name in found_in(tmp_path / "two")] == ["0001.png", "0002.png"]
    code, said = detect(weights, folder / "*.bmp", out=tmp_path / "none")
    assert code == 2
    assert "*.bmp" in said


def test_csv_and_cocos_results_hold_the_same(weights: Path, folder: Path, tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    options = ("--format", "csv", "--format", "coco", "--no-pictures")
    code, said = detect(weights, folder / "JPEGImages", *options, out=tmp_path / "out")
    assert code == 0, said
    objects = [(name, item) for name, found in found_in(tmp_path / "out").items() for item in found]
    with (tmp_path / "out/detections.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == [name for name, _ in objects]
    corners = [[float(row[side]) for side in ("x0", "y0", "x1", "y1")] for row in rows]
    assert corners == [item["box"] for _, item in objects]
    coco = COCO(str(tmp_path / "out/images.coco.json"))
    assert sorted(coco.getImgIds()) == list(range(10))  # the numbers that the files are named by
    results = coco.loadRes(str(tmp_path / "out/detections.coco.json")).anns.values()
    assert len(results) == len(objects)
    for result, (_, item) in zip(results, objects, strict=True):
        x0, y0, width, height = result["bbox"]
        assert [x0, y0, x0 + width, y0 + height] == pytest.approx(item["box"], abs=0.1)
        assert coco.loadCats(result["category_id"])[0]["name"] == item["class"]


def test_an_unknown_format_is_refused_before_anything_is_done(weights: Path, tmp_path: Path) -> None:
    code, said = detect(weights, "nowhere", "--format", "xml", out=tmp_path / "out")
    assert code == 2
    assert "--format must be one of json, csv, coco, got 'xml'" in said


def test_a_video_is_detected_in_frame_by_frame(weights: Path, tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4")
    code, said = detect(weights, path, "--every", "2", out=tmp_path / "out")
    assert code == 0, said
    assert "3 frames of 1 video" in said
    objects = found_in(tmp_path / "out")[str(path)]
    assert sorted({(item["frame"], item["seconds"]) for item in objects}) == [(0, 0.0), (2, 0.2), (4, 0.4)]
    drawn = list(video.read_video(tmp_path / "out/clip.mp4"))
    assert [tuple(frame.image.shape) for frame in drawn] == [(3, 48, 64)] * 3


def test_a_video_without_the_extra_names_it(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "clip.mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    code, said = detect(weights, path, out=tmp_path / "out")
    assert code == 2
    assert "pip install" in said
    assert "ssd-lite[video]" in said
    assert not (tmp_path / "out").exists()


def test_a_broken_video_is_named_and_the_others_used(weights: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    code, said = detect(
        weights, tmp_path / "broken.mp4", folder / "JPEGImages/0001.png", out=tmp_path / "out"
    )
    assert code == 2
    assert "broken.mp4" in said
    assert len(found_in(tmp_path / "out")) == 1
    assert not list((tmp_path / "out").glob("*.mp4*"))


def test_unreadable_images_are_named_and_the_others_used(weights: Path, folder: Path, tmp_path: Path) -> None:
    break_image(folder)
    code, said = detect(weights, folder / "JPEGImages", out=tmp_path / "found")
    assert code == 2
    assert "0001.png" in said
    assert len(found_in(tmp_path / "found")) == 9


def test_what_holds_no_image_is_refused(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, said = detect(weights, tmp_path / "empty", out=tmp_path / "found")
    assert code == 2
    assert "holds no image" in said
    code, said = detect(weights, tmp_path / "nowhere", out=tmp_path / "found")
    assert code == 2
    assert "no such file or folder" in said


def test_weights_that_cannot_be_read(tmp_path: Path) -> None:
    code, said = run("detect", tmp_path / "nowhere.safetensors", "image.png")
    assert code == 2
    assert "nowhere.safetensors" in said
