"""The diagram of the package."""

from matplotlib.patches import FancyBboxPatch

from ssd_lite import plotting
from ssd_lite.plotting.pipeline import EDGES, NODES


def test_the_diagram_has_a_box_for_each_station_and_an_arrow_for_each_flow() -> None:
    axes = plotting.pipeline().axes[0]
    assert sum(isinstance(patch, FancyBboxPatch) for patch in axes.patches) == len(NODES)
    arrows = [text.arrow_patch for text in axes.texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == len(EDGES)
    written = {text.get_text().replace("\n", " ") for text in axes.texts}
    assert {*NODES} <= written
    assert {carried for _, _, carried, _ in EDGES if carried} <= written
    assert min(text.get_fontsize() for text in axes.texts) >= 9


def test_flows_join_stations_that_are_neighbours() -> None:
    for start, end, _, _ in EDGES:
        (x0, y0, _), (x1, y1, _) = NODES[start], NODES[end]
        assert max(abs(x0 - x1), abs(y0 - y1)) == 1
