"""Class names in pictures, old names of functions, and what importing the package loads."""

import subprocess
import sys

import pytest
import torch

from ssd_lite import Truth, plotting
from ssd_lite.data.examples import Example
from ssd_lite.plotting import fonts

CHINESE = "猫"
IMAGE = torch.zeros(3, 60, 80, dtype=torch.uint8)
TRUTH = Truth.of([[0.1, 0.2, 0.5, 0.6], [0.5, 0.5, 1.0, 1.0]], [1, 2])


def test_names_that_every_font_has_stay_as_they_are() -> None:
    assert plotting.class_names(["cat", "Bär", "[/x]", "$5", "_x"]) == ("cat", "Bär", "[/x]", "$5", "_x")
    assert plotting.class_names(["two\nlines"]) == ("two lines",)


def test_a_name_without_a_font_becomes_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_family_with", lambda characters: None)
    assert plotting.class_names(["cat", CHINESE]) == ("cat", "class 2")


def test_a_font_that_has_the_characters_follows_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "_family_with", lambda characters: "Some CJK")
    assert fonts.families(CHINESE) == [fonts.DEFAULT, "Some CJK"]
    assert plotting.class_names([CHINESE]) == (CHINESE,)


def test_a_placeholder_font_does_not_count() -> None:
    private = chr(0x10FFFD)  # in no real font
    assert plotting.class_names([private]) == ("class 1",)


@pytest.mark.parametrize("name", [CHINESE, "$x", "$\\frac$", "[red]x[/]", "", "عربي"])
def test_no_name_raises_or_warns(name: str) -> None:
    """Warnings are errors here, those about missing glyphs among them."""
    found = {"boxes": torch.tensor([[4.0, 4, 30, 40]]), "labels": torch.tensor([1])}
    found["scores"] = torch.tensor([0.9])
    example = Example(IMAGE, TRUTH, f"{name}.jpg")
    for figure in (
        plotting.contact_sheet([example], [name, "dog"]),
        plotting.detected(IMAGE, found, [name, "dog"], threshold=0.5),
        plotting.detections_beside_truth([example], [found], [name, "dog"]),
        plotting.truth_and_detections(example, found, [name, "dog"]),
    ):
        figure.canvas.draw()


def test_labels_grow_with_the_image() -> None:
    found = {"boxes": torch.tensor([[4.0, 4, 30, 40]]), "labels": torch.tensor([1])}
    found["scores"] = torch.tensor([0.9])
    sizes = []
    for side in (100, 1000, 3000):
        image = torch.zeros(3, side, side, dtype=torch.uint8)
        figure = plotting.detected(image, found, ["cat"], threshold=0.5)
        assert (figure.get_size_inches() * figure.dpi).tolist() == [side, side]
        sizes.append(figure.axes[0].texts[0].get_fontsize())
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(
    ("old", "new"), [("found", "detections_over_truth"), ("pictures", "image_grid"), ("trends", "line_chart")]
)
def test_an_old_name_works_and_warns(old: str, new: str) -> None:
    with pytest.warns(DeprecationWarning, match=f"ssd_lite.plotting.{new}"):
        assert getattr(plotting, old) is getattr(plotting, new)
    with pytest.raises(AttributeError, match="no attribute 'never'"):
        plotting.never  # noqa: B018


@pytest.mark.parametrize("module", ["ssd_lite", "ssd_lite.plotting"])
def test_importing_loads_no_tensorboard(module: str) -> None:
    code = f"import sys, {module}; print([m for m in sys.modules if m.split('.')[0] == 'tensorboard'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
