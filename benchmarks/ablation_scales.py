"""What scales, aspect ratios and the number of maps are worth: ``python -m benchmarks.ablation_scales``."""

from dataclasses import replace

from benchmarks.ablations import Study, main
from ssd_lite.models import tiny_default_boxes
from ssd_lite.scales import DefaultBoxes, paper

TINY = tiny_default_boxes()


def _ratios(*beside_one: float) -> DefaultBoxes:
    return replace(TINY, aspect_ratios=(beside_one,) * len(TINY.grids))


def _maps(count: int) -> DefaultBoxes:
    """The finest maps alone."""
    return DefaultBoxes(
        grids=TINY.grids[:count], scales=TINY.scales[: count + 1], aspect_ratios=TINY.aspect_ratios[:count]
    )


STUDY = Study(
    name="scales",
    variants={
        "fitted, six per cell, five maps": {},
        "the formula's scales and ratios": {"default_boxes": paper([rows for rows, _ in TINY.grids])},
        "four per cell": {"default_boxes": _ratios(1.6)},
        "two per cell": {"default_boxes": _ratios()},
        "two maps": {"default_boxes": _maps(2)},
    },
)

if __name__ == "__main__":
    main(STUDY)
