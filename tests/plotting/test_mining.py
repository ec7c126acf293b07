"""Hard negative mining: pictures draw what they are given."""

import pytest
import torch
from matplotlib.colors import to_hex

from ssd_lite import plotting
from ssd_lite.data import Scenes
from ssd_lite.plotting.mining import HARD, POSITIVE

SCENES = Scenes(count=2)
DEFAULTS = torch.tensor(
    [[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0], [0.25, 0.25, 0.75, 0.75], [0.0, 0.0, 1.0, 1.0]]
)


def mask(*indices: int, of: int = 4) -> torch.Tensor:
    return torch.isin(torch.arange(of), torch.tensor(indices, dtype=torch.int64))


def test_a_square_stands_for_every_default_box() -> None:
    figure = plotting.positives_and_negatives(SCENES[0], DEFAULTS, mask(1), mask(0, 2), SCENES.classes)
    left, right = figure.axes
    assert len(left.patches) == 3 + len(SCENES[0].truth)
    assert [to_hex(box.get_edgecolor()) for box in left.patches[:3]] == [
        to_hex(s) for s in (HARD, HARD, POSITIVE)
    ]
    box = left.patches[2]
    assert (*box.get_xy(), box.get_width(), box.get_height()) == (63.5, 63.5, 64, 64)
    (squares,) = right.collections
    shades = [to_hex(shade) for shade in squares.get_facecolors()]
    assert shades == [to_hex(shade) for shade in (POSITIVE, HARD, HARD, "0.78")]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "1 positives",
        "2 picked",
        "1 others",
    ]


def test_shares_lie_end_to_end() -> None:
    figure = plotting.loss_shares({"start": (0.05, 0.25, 0.7), "mined": (0.5, 0.5, 0.0)})
    bars = figure.axes[0].patches
    assert [bar.get_x() for bar in bars[:3]] == pytest.approx([0, 0.05, 0.3])
    assert [bar.get_width() for bar in bars[:3]] == pytest.approx([0.05, 0.25, 0.7])
    assert [text.get_text() for text in figure.axes[0].texts] == ["25%", "70%", "50%", "50%"]


def test_losses_are_sorted_behind_the_positives() -> None:
    losses = torch.tensor([1.0, 3.0, 2.0, 0.5])
    figure = plotting.sorted_losses(losses, mask(3), mask(1, 2))
    before, after = figure.axes
    assert [bar.get_height() for bar in before.patches] == [1, 3, 2, 0.5]
    assert [bar.get_height() for bar in after.patches] == [0.5, 3, 2, 1]
    assert [label.get_text() for label in after.get_xticklabels()] == ["3", "1", "2", "0"]
    assert [to_hex(bar.get_facecolor()) for bar in after.patches[:3]] == [
        to_hex(s) for s in (POSITIVE, HARD, HARD)
    ]
    assert [line.get_xdata()[0] for line in after.lines] == [0.5, 2.5]


def test_picked_negatives_stand_in_their_scene_and_column() -> None:
    examples = [SCENES[0], SCENES[1]]
    chosen = {"step 0": torch.stack([mask(0), mask()]), "step 9": torch.stack([mask(1, 2), mask(3)])}
    figure = plotting.mined_boxes(examples, DEFAULTS, chosen)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["step 0", "step 9", "", ""]
    assert to_hex(figure.axes[1].patches[0].get_edgecolor()) == to_hex(HARD)
    objects = [len(example.truth) for example in examples for _ in chosen]
    drawn = [len(axes.patches) - truths for axes, truths in zip(figure.axes, objects, strict=True)]
    assert drawn == [1, 2, 0, 1]
    last = figure.axes[3].patches[0]
    assert (last.get_width(), last.get_height(), last.get_linestyle()) == (128, 128, "-")
    assert figure.axes[3].patches[-1].get_linestyle() == "--"


def test_columns_take_their_colours_in_turn() -> None:
    chosen = {"positives": mask(0)[None], "negatives": mask(1)[None]}
    figure = plotting.mined_boxes([SCENES[0]], DEFAULTS, chosen, shades=(POSITIVE, HARD))
    first = [to_hex(axes.patches[0].get_edgecolor()) for axes in figure.axes]
    assert first == [to_hex(POSITIVE), to_hex(HARD)]


def test_a_look_alike_is_framed_and_named() -> None:
    figure = plotting.look_alikes([SCENES[0]], DEFAULTS[:1], ["a cat, 0.5"])
    drawn = [axes for axes in figure.axes if axes.images]
    assert len(drawn) == 1
    assert len(drawn[0].patches) == 1
    assert drawn[0].get_title() == "a cat, 0.5"
