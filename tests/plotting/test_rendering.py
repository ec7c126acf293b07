"""Figures as bytes, addresses and pixels."""

from base64 import b64decode
from io import BytesIO

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from ssd_lite import plotting
from ssd_lite.data import Scenes


def figure() -> Figure:
    drawn, axes = plt.subplots(figsize=(2, 1), dpi=100)
    axes.plot([0, 1], [0, 1])
    return drawn


@pytest.mark.parametrize("kind", ["png", "svg", "jpeg"])
def test_a_figure_gives_the_same_bytes_again_and_is_closed(kind: str) -> None:
    first = plotting.to_bytes(figure(), kind)
    assert first == plotting.to_bytes(figure(), kind)
    assert not plt.get_fignums()
    if kind != "svg":
        assert Image.open(BytesIO(first)).size == (200, 100)


def test_an_address_holds_the_bytes() -> None:
    head, _, content = plotting.data_uri(figure(), "jpeg", dpi=50).partition(",")
    assert head == "data:image/jpeg;base64"
    assert Image.open(BytesIO(b64decode(content))).size == (100, 50)


def test_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind must be one of png, svg, jpeg, got 'gif'"):
        plotting.to_bytes(figure(), "gif")


def test_the_pixels_of_a_picture_are_those_of_the_image() -> None:
    image = Scenes(count=1, size=(50, 70))[0].image
    nothing = {
        "boxes": torch.zeros(0, 4),
        "labels": torch.zeros(0, dtype=torch.int64),
        "scores": torch.zeros(0),
    }
    pixels = plotting.to_pixels(plotting.detected(image, nothing, ["cat"], threshold=0.5))
    assert pixels.shape == (50, 70, 3)
    assert abs(pixels.astype(int) - image.permute(1, 2, 0).numpy()).max() <= 2
