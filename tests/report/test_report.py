"""The folder of a report: its numbers, and a page that holds everything and escapes every name."""

import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from ssd_lite import report
from ssd_lite.analysis import Analysis, analyse
from ssd_lite.analysis.numbers import to_dict
from ssd_lite.data import Example, Scenes
from ssd_lite.evaluation import COCO_METRICS, AveragePrecision

CLASSES = ("cat", "dog")
MARKUP = ("<script>alert(1)</script>", "[red]x[/]")
MOST_BYTES = 5_000_000


def drawn(count: int, classes=CLASSES, size=(64, 96)) -> tuple[Scenes, list[dict[str, torch.Tensor]]]:
    """Scenes, and detections that shift, rename or drop some of their objects."""
    dice = random.Random(0)
    scenes = Scenes(count=count, size=size, classes=CLASSES)
    detections = []
    for index in range(count):
        truth = scenes[index].truth
        kept = [place for place in range(len(truth)) if dice.random() < 0.8]
        boxes = truth.boxes_xyxy[kept] + dice.choice([0.0, 0.02, 0.1])
        labels = torch.tensor([dice.choice([1, 2]) for _ in kept], dtype=torch.int64)
        scores = torch.tensor([dice.random() for _ in kept])
        detections.append({"boxes": boxes, "labels": labels, "scores": scores})
    return scenes, detections


def analysed(count: int = 6, classes=CLASSES, **options) -> tuple[Analysis, Scenes, list]:
    scenes, detections = drawn(count, classes)
    truths = [scenes[index].truth for index in range(count)]
    return analyse(detections, truths, classes, **options), scenes, detections


class Page(HTMLParser):
    """The elements of a page, each as its name and attributes, and its text."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_a_report_has_every_section_and_needs_nothing_else(tmp_path: Path) -> None:
    analysis, scenes, detections = analysed()
    path = report.write(tmp_path / "new" / "report", analysis, scenes, detections, title="A & B")
    page = Page(path)
    for heading in ("by class", "Kinds of errors", "by size", "by overlap", "Confusions", "Score thresholds"):
        assert heading in page.text
    assert "A & B" in page.text
    for attributes in (attributes for _, attributes in page.elements):
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    assert "url(" not in path.read_text()
    assert "@import" not in path.read_text()
    assert not page.all("script")
    assert {file.name for file in path.parent.iterdir()} == {"index.html", "results.json"}


def test_a_page_can_be_heard(tmp_path: Path) -> None:
    """Pictures have texts, tables captions and headers, sections their headings, the page a language."""
    analysis, scenes, detections = analysed()
    page = Page(report.write(tmp_path, analysis, scenes, detections))
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == 1
    assert all((image["alt"] or "").strip() for image in page.all("img"))
    assert len(page.all("caption")) == len(page.all("table")) >= 5
    assert all(header.get("scope") for header in page.all("th"))
    ids = {attributes["id"] for attributes in page.all("h2")}
    assert {section["aria-labelledby"] for section in page.all("section")} <= ids
    assert {(link["href"] or "")[1:] for link in page.all("a")} <= ids


def test_names_are_shown_as_they_are(tmp_path: Path) -> None:
    analysis, scenes, detections = analysed(classes=MARKUP, names=["<b>bold</b>"] * 6)
    path = report.write(
        tmp_path,
        analysis,
        scenes,
        detections,
        title="<i>title</i>",
        problems=["<u>x</u>"],
        about={"<s>": "<em>"},
    )
    page = Page(path)
    for text in (*MARKUP, "<b>bold</b>", "<i>title</i>", "<u>x</u>", "<s>", "<em>"):
        assert text in page.text
    assert not {"script", "b", "i", "u", "s", "em"} & {name for name, _ in page.elements}
    assert json.loads((tmp_path / "results.json").read_text())["classes"] == list(MARKUP)


def test_the_numbers_of_the_page_and_the_file_are_the_analysis(tmp_path: Path) -> None:
    analysis, scenes, detections = analysed()
    about = {"metric": "voc", "model": {"file": "model.safetensors"}}
    path = report.write(tmp_path, analysis, scenes, detections, about=about, problems=["one"])
    numbers = json.loads((tmp_path / "results.json").read_text())
    assert numbers == json.loads(json.dumps({**about, **to_dict(analysis), "problems": ["one"]}))
    text = Page(path).text
    for value in (*analysis.ap.per_class.values(), analysis.ap.mean, *analysis.errors.delta_ap.values()):
        assert f"{value:.3f}" in text
    assert "model.safetensors" in text


def test_cocos_numbers_are_shown_and_written(tmp_path: Path) -> None:
    analysis, scenes, detections = analysed()
    metrics = {name: number / 100 for number, name in enumerate(COCO_METRICS)}
    coco = AveragePrecision(0.25, {"cat": 0.2, "dog": 0.3}, dict(analysis.ap.counts), metrics=metrics)
    path = report.write(tmp_path, analysis, scenes, detections, coco=coco)
    assert "AR small" in Page(path).text
    numbers = json.loads((tmp_path / "results.json").read_text())
    assert (numbers["mean"], numbers["metrics"]["AR_small"]) == (0.25, metrics["AR_small"])


@pytest.mark.parametrize("count", [0, 2, 100])
def test_as_many_worst_images_as_asked_for(count: int, tmp_path: Path) -> None:
    analysis, scenes, detections = analysed()
    page = Page(report.write(tmp_path, analysis, scenes, detections, worst=count))
    wrong = len(analysis.worst_images())
    assert len(page.all("article")) == min(count, wrong)


def test_pictures_of_large_photographs_stay_small(tmp_path: Path) -> None:
    """Noise compresses worst of all."""
    _, scenes, detections = analysed(12)
    noise = torch.randint(0, 256, (3, 1200, 1600), dtype=torch.uint8)
    examples = [Example(noise, scenes[index].truth, f"photo {index}") for index in range(12)]
    missed = [{name: value[:0] for name, value in found.items()} for found in detections]
    analysis = analyse(missed, [example.truth for example in examples], CLASSES)
    path = report.write(tmp_path, analysis, examples, missed)
    assert len(Page(path).all("article")) == 12
    assert path.stat().st_size < MOST_BYTES


def test_boxes_in_pixels_are_drawn_as_relative_ones(tmp_path: Path) -> None:
    scenes, detections = drawn(3)
    truths = [scenes[index].truth for index in range(3)]
    relative = analyse(detections, truths, CLASSES, sizes_px=[(64, 96)] * 3)
    scale = torch.tensor([96, 64, 96, 64])
    in_pixels = [found | {"boxes": found["boxes"] * scale} for found in detections]
    objects = [{"boxes": t.boxes_xyxy * scale, "labels": t.labels, "difficult": t.difficult} for t in truths]
    pixels = analyse(in_pixels, objects, CLASSES)
    assert (relative.relative, pixels.relative) == (True, False)
    first = report.write(tmp_path / "a", relative, scenes, detections).read_text()
    second = report.write(tmp_path / "b", pixels, scenes, in_pixels).read_text()
    assert re.findall('data:image/jpeg[^"]*', first) == re.findall('data:image/jpeg[^"]*', second)


@pytest.mark.parametrize("count", [1, 30])
def test_one_class_and_many(count: int, tmp_path: Path) -> None:
    names = tuple(f"class number {label} with a long name" for label in range(1, count + 1))
    truths = [{"boxes": torch.tensor([[0.1, 0.1, 0.5, 0.5]]), "labels": torch.tensor([count])}]
    detections = [truths[0] | {"scores": torch.tensor([0.9])}]
    example = Scenes(count=1, size=(64, 64))[0]
    analysis = analyse(detections, truths, names)
    path = report.write(tmp_path, analysis, [example], detections)
    assert path.stat().st_size < MOST_BYTES
    assert "No image has an error" in Page(path).text


def test_no_images_at_all(tmp_path: Path) -> None:
    path = report.write(tmp_path, analyse([], [], CLASSES), [], [])
    assert "–" in Page(path).text


def test_other_images_than_those_analysed_are_refused(tmp_path: Path) -> None:
    analysis, scenes, detections = analysed()
    with pytest.raises(ValueError, match="as many as were analysed"):
        report.write(tmp_path, analysis, scenes, detections[:-1])
    assert not list(tmp_path.iterdir())
