"""What holds for every figure: drawn without a screen, legible on a phone, closed after the test."""

from collections.abc import Iterator

import matplotlib
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from ssd_lite.plotting.style import WIDTH

matplotlib.use("Agg")
PHONE_PX, LEAST_PX = 368, 9  # the column of a page that is 400 pixels wide


@pytest.fixture(autouse=True)
def _legible_and_closed() -> Iterator[None]:
    yield
    figures = [plt.figure(number) for number in plt.get_fignums()]
    try:
        for figure in figures:
            if figure.get_size_inches()[0] == WIDTH:  # the others are files, to be opened at their own size
                assert smallest_type_px(figure) >= LEAST_PX
    finally:
        plt.close("all")


def smallest_type_px(figure: Figure) -> float:
    """Height of the smallest type, in pixels of a figure that is shown as wide as a phone."""
    figure.canvas.draw()
    texts = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible()]
    points = min((text.get_fontsize() for text in texts), default=72.0)
    return points / 72 * PHONE_PX / figure.get_size_inches()[0]
