"""``ssd-lite detect``: images, folders and patterns; what it writes, and what it passes over."""

import csv
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from ssd_lite import models
from tests.cli.helpers import break_image, run, write_detector


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_detector(tmp_path / "model.safetensors")


def detect(weights: Path, *arguments: object) -> tuple[int, str]:
    """Detect with a threshold that leaves a few objects of an untrained detector."""
    return run("detect", weights, *arguments, "--out", weights.parent / "found", "--threshold", "0.3")


def found(weights: Path) -> dict[str, list]:
    return json.loads((weights.parent / "found/detections.json").read_text(encoding="utf-8"))


def pictures(weights: Path) -> list[str]:
    files = (weights.parent / "found").iterdir()
    return sorted(file.name for file in files if file.suffix in (".png", ".jpg"))


def test_a_folder_of_images(weights: Path, folder: Path) -> None:
    code, said = detect(weights, folder / "JPEGImages")
    assert code == 0, said
    detections = found(weights)
    assert list(detections) == [str(folder / f"JPEGImages/{index:04d}.png") for index in range(10)]
    objects = sum(map(len, detections.values()))
    assert f"{objects:,} objects in 10 images" in said
    assert objects
    for boxes in detections.values():
        for box in boxes:
            assert set(box) == {"class", "score", "box"}
            x0, y0, x1, y1 = box["box"]
            assert 0 <= x0 <= x1 <= 128
            assert 0 <= y0 <= y1 <= 96
            assert box["score"] > 0.3
    assert pictures(weights) == [f"{index:04d}-{index:04d}.png" for index in range(10)]
    assert Image.open(weights.parent / "found" / pictures(weights)[0]).size == (128, 96)


def test_the_size_of_a_batch_changes_nothing(weights: Path, folder: Path) -> None:
    results = []
    for batch in (1, 3, 100):
        code, said = detect(weights, folder / "JPEGImages", "--batch", batch, "--no-pictures")
        assert code == 0, said
        results.append(found(weights))
    assert results[0].keys() == results[1].keys() == results[2].keys()
    for path, boxes in results[0].items():
        for other in results[1:]:
            assert [b["score"] for b in boxes] == pytest.approx([b["score"] for b in other[path]], abs=2e-4)
    assert not pictures(weights)


def test_patterns_and_files(weights: Path, folder: Path) -> None:
    images = folder / "JPEGImages"
    Image.open(images / "0000.png").convert("RGB").save(images / "photo.jpg")
    code, said = detect(weights, images / "000[1-3].png", images / "photo.jpg", images / "0001.png")
    assert code == 0, said
    assert [Path(path).name for path in found(weights)] == ["0001.png", "0002.png", "0003.png", "photo.jpg"]
    assert pictures(weights)[-1] == "0003-photo.jpg"


def test_one_image_gives_a_picture_of_its_name(weights: Path, folder: Path) -> None:
    assert detect(weights, folder / "JPEGImages/0004.png")[0] == 0
    assert pictures(weights) == ["0004.png"]


def test_what_is_passed_over_is_counted(weights: Path, folder: Path) -> None:
    images = folder / "JPEGImages"
    for name in ("a.txt", "b.txt", "README", ".hidden.png"):
        (images / name).write_text("x")
    (images / "sub").mkdir()
    Image.new("RGB", (40, 30)).save(images / "sub/deep.bmp")
    code, said = detect(weights, images, "--no-pictures")
    assert code == 0, said
    assert "passed over: 1 subfolder (--recursive enters them), 1 × no suffix, 2 × .txt" in said
    code, said = detect(weights, images, "--no-pictures", "--recursive")
    assert code == 0, said
    assert str(images / "sub/deep.bmp") in found(weights)
    assert "subfolder" not in said


def test_other_formats_and_animations_are_read(weights: Path, tmp_path: Path) -> None:
    root = tmp_path / "mixed"
    root.mkdir()
    first, second = Image.new("RGB", (64, 48), "white"), Image.new("RGB", (64, 48), "red")
    first.save(root / "a.tif")
    first.save(root / "b.gif", save_all=True, append_images=[second])
    code, said = detect(weights, root)
    assert code == 0, said
    assert len(found(weights)) == 2
    assert "1 animation: only the first frame was used" in said


def test_unreadable_images_are_named_and_the_others_used(weights: Path, folder: Path) -> None:
    break_image(folder)
    code, said = detect(weights, folder / "JPEGImages")
    assert code == 2
    assert "0001.png: file must be an image" in said
    assert "all other inputs were used" in said
    assert len(found(weights)) == 9
    assert len(pictures(weights)) == 9


def test_nothing_is_written_if_nothing_can_be_read(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    code, said = detect(weights, tmp_path / "broken.png")
    assert code == 2
    assert "broken.png" in said
    assert not (tmp_path / "found").exists()


def test_csv_on_request(weights: Path, folder: Path) -> None:
    code, said = detect(weights, folder / "JPEGImages", "--format", "csv", "--no-pictures")
    assert code == 0, said
    with (weights.parent / "found/detections.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = [(path, box) for path, boxes in found(weights).items() for box in boxes]
    assert len(rows) == len(expected) > 0
    for row, (path, box) in zip(rows, expected, strict=True):
        assert (row["image"], row["class"], row["frame"]) == (path, box["class"], "")
        assert [float(row[name]) for name in ("x0", "y0", "x1", "y1")] == box["box"]
        assert float(row["score"]) == box["score"]


def test_cocos_results_on_request(weights: Path, folder: Path) -> None:
    """They are what pycocotools loads, and images are known by their numbers, as COCO names them."""
    coco = pytest.importorskip("pycocotools.coco")
    code, said = detect(weights, folder / "JPEGImages", "--format", "coco", "--no-pictures")
    assert code == 0, said
    folder_found = weights.parent / "found"
    loaded = coco.COCO(folder_found / "images.coco.json").loadRes(str(folder_found / "detections.coco.json"))
    expected = found(weights)
    assert len(loaded.anns) == sum(map(len, expected.values()))
    for number in loaded.getImgIds():
        image = loaded.loadImgs(number)[0]
        assert number == int(Path(image["file_name"]).stem)
        assert (image["width"], image["height"]) == (128, 96)
        boxes = [loaded.anns[key]["bbox"] for key in loaded.getAnnIds(imgIds=[number])]
        corners = [[x, y, x + w, y + h] for x, y, w, h in boxes]
        for got, box in zip(corners, expected[image["file_name"]], strict=True):
            assert got == pytest.approx(box["box"], abs=0.1)
    assert loaded.loadCats(1)[0]["name"] == "cat"


def test_names_like_markup_are_written_as_they_are(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "model.safetensors"
    torch.manual_seed(0)
    path.write_bytes(models.to_bytes(models.ssd_tiny(["[red]x[/], 猫"])))
    code, said = detect(path, folder / "JPEGImages/0001.png", "--format", "csv")
    assert code == 0, said
    names = {box["class"] for boxes in found(path).values() for box in boxes}
    assert names == {"[red]x[/], 猫"}
    with (tmp_path / "found/detections.csv").open(newline="", encoding="utf-8") as file:
        assert {row["class"] for row in csv.DictReader(file)} == names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.png",), "nowhere.png: no such file or folder"),
        (("*.nothing",), "*.nothing: holds no image or video"),
        (("empty",), "empty: holds no image or video"),
        (("texts",), "texts: holds no image or video; passed over 1 × .txt"),
        (("photo.png", "--format", "xml"), "--format must be one of json, csv, coco, got 'xml'"),
    ],
)
def test_wrong_input_is_one_message(
    arguments: tuple[str, ...], message: str, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").write_text("x")
    Image.new("RGB", (40, 30)).save(tmp_path / "photo.png")
    code, said = detect(weights, *arguments)
    assert code == 2
    assert message in said
    assert not (tmp_path / "found").exists()


def test_weights_that_cannot_be_read(tmp_path: Path) -> None:
    code, said = run("detect", tmp_path / "nowhere.safetensors", "image.png")
    assert code == 2
    assert "nowhere.safetensors" in said
