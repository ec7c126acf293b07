"""How well default boxes cover a dataset's objects, and what to do if they do not."""

from collections.abc import Mapping

from rich.table import Table

from ssd_lite.cli.console import plain
from ssd_lite.scales import Coverage, coverage, fit, paper, ssd300_coco, ssd300_voc, ssd512_voc
from ssd_lite.truths import Truths

FITTED, FITTED_512, RELEASED = "fitted, 300 pixels", "fitted, 512 pixels", "released, VOC"

ENOUGH, LITTLE = 0.95, 0.5
"""A recall that needs no advice, and one with which few objects can be learned."""


def coverages(truths: Truths) -> dict[str, Coverage]:
    """The coverage of the objects by the usual default boxes and by fitted ones, by name."""
    layouts = {
        "paper, six maps": paper((38, 19, 10, 5, 3, 1)),
        RELEASED: ssd300_voc(),
        "released, COCO": ssd300_coco(),
    }
    if truths.present.any():
        layouts[FITTED] = fit(truths, like=ssd300_voc())
        layouts[FITTED_512] = fit(truths, like=ssd512_voc())
    return {name: coverage(layout, truths) for name, layout in layouts.items()}


def coverage_table(found: Mapping[str, Coverage], split: str) -> Table:
    """A row per kind of default boxes."""
    title = plain(f"coverage of the objects in {split}")
    table = Table("default boxes", "recall at 0.5", "mean best overlap", title=title)
    for name, reached in found.items():
        table.add_row(name, f"{reached.recall:.3f}", f"{reached.mean:.3f}")
    return table


def coverage_advice(found: Mapping[str, Coverage]) -> str | None:
    """What to do about objects that default boxes overlap by at most 0.5; None if there is nothing to do."""
    if FITTED not in found:
        return None
    released, fitted, larger = (found[name].recall for name in (RELEASED, FITTED, FITTED_512))
    if fitted >= ENOUGH:
        if released >= fitted - 0.02:
            return None
        return (
            f"default boxes fitted to these objects reach {fitted:.0%} of them instead of {released:.0%}; "
            "ssd-lite train FOLDER fits them by itself"
        )
    advice = f"even fitted default boxes reach only {fitted:.0%} of the objects, since many are very small"
    if larger > fitted + 0.02:
        advice += f"; a larger input with finer maps, --model ssd512_vgg16, reaches {larger:.0%}"
    if larger < LITTLE:
        advice += "; cut the images into tiles, in which the objects are larger"
    return advice
