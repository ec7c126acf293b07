"""A report's numbers against those of the evaluator and the analysis, and its page as well-formed HTML."""

import base64
import json
import re
from html.parser import HTMLParser
from io import BytesIO
from itertools import pairwise

import pytest
import torch
from PIL import Image

from ssd_lite import report
from ssd_lite.analysis import KINDS, analyse
from ssd_lite.data import Scenes
from ssd_lite.evaluation import VOCEvaluator

CLASSES = ("<b>cat</b>", '"fish" & [/x]')
NEEDS_NO_TEXT = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """The page's elements with their attributes, and its visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in NEEDS_NO_TEXT:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data) -> None:
        self.texts.append(data.strip())

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def detections_of(scenes: Scenes) -> list[dict[str, torch.Tensor]]:
    """The truth, each first object with a wrong class, and a box on nothing."""
    found = []
    for index in range(len(scenes)):
        truth = scenes[index].truth
        labels = truth.labels.clone()
        labels[:1] = 3 - labels[:1]
        scores = torch.linspace(0.9, 0.6, len(truth))
        found.append({"boxes": truth.boxes_xyxy.clone(), "labels": labels, "scores": scores})
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory):
    """A report on six scenes: the folder, the analysis, the detections, and the scenes."""
    scenes = Scenes(count=6, size=(96, 128), classes=("cat", "fish"))
    examples, found = [scenes[index] for index in range(6)], detections_of(scenes)
    names = [f"<i>{example.name}</i>" for example in examples]
    analysis = analyse(
        found, [e.truth for e in examples], CLASSES, names=names, sizes_px=[(96, 128)] * len(examples)
    )
    folder = tmp_path_factory.mktemp("report")
    page = report.write(
        folder,
        analysis,
        examples,
        found,
        title="a <detector> & its report",
        about={"model": {"file": "<model>.safetensors"}, "run": {"torch": torch.__version__}},
        problems=["0001.xml: <object> 1: box must have an area"],
        worst=3,
    )
    return page, analysis, found, examples


def test_results_hold_the_numbers_of_the_evaluator(written) -> None:
    page, analysis, found, examples = written
    results = json.loads((page.parent / report.RESULTS).read_text())
    evaluator = VOCEvaluator(CLASSES)
    evaluator.update(found, [example.truth for example in examples])
    assert results["per_class"] == pytest.approx(evaluator.compute().per_class)
    assert (results["iou_threshold"], results["method"]) == (0.5, "area")
    assert results["model"]["file"] == "<model>.safetensors"
    assert results["run"]["torch"] == torch.__version__
    assert results["problems"] == ["0001.xml: <object> 1: box must have an area"]
    assert set(results["curves"]) == set(CLASSES)
    assert [part["iou_threshold"] for part in results["by_iou"]][::9] == [0.5, 0.95]
    assert sum(map(sum, results["confusion"]["true_by_detected"])) == int(analysis.confusion.sum())
    assert results["best_threshold"]["score"] == analysis.score_threshold


def test_headings_tables_and_pictures_are_accessible(written) -> None:
    page, *_ = written
    parsed = Page(page.read_text())
    tags = [tag for tag, _ in parsed.elements]
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert tags.count("caption") == tags.count("table") >= 6
    assert all(attributes.get("scope") for attributes in parsed.attributes("th"))
    assert all(attributes["alt"] for attributes in parsed.attributes("img"))
    assert parsed.attributes("html") == [{"lang": "en"}]
    targets = {attributes["href"][1:] for attributes in parsed.attributes("a")}
    assert targets <= {attributes.get("id") for _, attributes in parsed.elements}
    assert len(targets) == len(parsed.attributes("section")) == 8


def test_every_kind_of_error_and_every_class_is_in_the_tables(written) -> None:
    page, analysis, *_ = written
    texts = Page(page.read_text()).texts
    for kind in KINDS:
        place = texts.index(kind)
        numbers = [text for text in texts[place + 1 : place + 12] if re.fullmatch(r"[\d.–-]+", text)]
        assert int(numbers[1]) == analysis.errors.counts[kind]
        assert float(numbers[2]) == pytest.approx(analysis.errors.delta_ap[kind], abs=5e-4)
    for name in CLASSES:
        following = [text for text in texts[texts.index(name) + 1 :] if text]
        assert int(following[0]) == analysis.ap.counts[name]
        assert float(following[1]) == pytest.approx(analysis.ap.per_class[name], abs=5e-4)


def test_the_worst_images_are_shown_with_truth_and_detections(written) -> None:
    page, analysis, *_ = written
    parsed = Page(page.read_text())
    worst = analysis.worst_images(3)
    texts = " ".join(parsed.texts)
    assert [texts.count(result.name) > 0 for result in worst] == [True] * 3
    pictures = [a["src"] for a in parsed.attributes("img") if worst[0].name in a["alt"]]
    content = base64.b64decode(pictures[0].partition(",")[2])
    with Image.open(BytesIO(content)) as picture:
        assert picture.width > 1.5 * picture.height * 128 / 96 > 0  # two images side by side
