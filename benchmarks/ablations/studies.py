"""The studies, most valuable first, with the claims of the text that each settles."""

from dataclasses import replace
from itertools import pairwise

from benchmarks.ablations.architectures import PYRAMIDS
from benchmarks.ablations.study import RATE, ROUNDED, Claim, Study, Variation, as_good, base, better
from ssd_lite.models import tiny_default_boxes
from ssd_lite.scales import DefaultBoxes

LEARNED = 0.6
"""The base of every study must reach this mAP, or its differences only say what learns faster."""


def _changed(**changes: object) -> Variation:
    return Variation(changes=changes)


def _criterion(**options: object) -> Variation:
    return _changed(criterion=options) if options else Variation()


def _mining() -> Study:
    kinds = {"hard 3:1": {}, "random 3:1": {"mining": "random"}, "all negatives": {"mining": "all"}}
    variants = {name: _criterion(**options) for name, options in kinds.items()}
    for times in (2, 4):
        for name, options in kinds.items():
            faster = _changed(criterion=options, learning_rate=times * RATE)
            variants[f"{name}, {times} × rate"] = faster
    variants["hard 1:1"] = _criterion(negative_ratio=1.0)
    variants["hard 10:1"] = _criterion(negative_ratio=10.0)
    stable = [
        Claim(
            text=f"hard mining is more stable: at {times} times the rate it loses less than {other}",
            contrast={
                f"hard 3:1, {times} × rate": 1,
                "hard 3:1": -1,
                f"{other}, {times} × rate": -1,
                other: 1,
            },
        )
        for times in (2, 4)
        for other in ("all negatives", "random 3:1")
    ]
    faster = [
        better("hard 3:1", other, f"hard mining learns faster than {other}")
        for other in ("all negatives", "random 3:1")
    ]
    return Study(name="mining", variants=variants, claims=(*faster, *stable))


def _maps() -> Study:
    variants = {"five maps": Variation()}
    variants |= {name: Variation(architecture=name) for name in ("three maps", "two maps", "one map")}
    variants |= {name: Variation(architecture=name) for name in PYRAMIDS}
    order = list(variants)[:4]
    more = [better(this, that, f"{this} are better than {that}") for this, that in pairwise(order)]
    sizes = [
        better("five maps", "one map", f"five maps are better than one for {size} objects", metric=size)
        for size in ("small", "medium", "large")
    ]
    pyramids = [
        as_good("five maps", name, f"five maps on one image are as good as a {name}") for name in PYRAMIDS
    ]
    return Study(name="maps", variants=variants, claims=(*more, *sizes, *pyramids))


def _ratios(*beside_one: float) -> DefaultBoxes:
    return replace(ROUNDED, aspect_ratios=(beside_one,) * len(ROUNDED.grids))


def _scales() -> Study:
    chosen, formula, fitted = "fitted to scenes, rounded", "the formula's", "fitted to the training images"
    variants = {
        chosen: Variation(),
        formula: _changed(default_boxes=tiny_default_boxes()),
        fitted: Variation(fitted=True),
        "four per cell": _changed(default_boxes=_ratios(1.6)),
        "two per cell": _changed(default_boxes=_ratios()),
    }
    claims = (
        better(chosen, formula, "default boxes chosen for the scenes are better than the formula's"),
        better(fitted, formula, "default boxes fitted to the training images are better than the formula's"),
        better(fitted, chosen, "fitting again is better than rounded default boxes"),
        better(chosen, "two per cell", "boxes of several aspect ratios are better than squares"),
    )
    return Study(name="scales", variants=variants, claims=claims)


def _augmentation() -> Study:
    off = {"crop": None, "photometric": None, "flip": 0.0}
    variants = {
        "all of it": Variation(),
        "none": Variation(changes=off),
        "patches alone": _changed(photometric=None, flip=0.0),
        "colours alone": _changed(crop=None, flip=0.0),
        "mirroring alone": _changed(crop=None, photometric=None),
        "all and zoom-out": _changed(zoom_out=0.5),
        "all of it, 3000 images": _changed(train_images=3000),
        "none, 3000 images": Variation(changes={**off, "train_images": 3000}),
    }
    robust = [
        better(
            "all of it", "none", f"augmentation makes the detector more robust to {word} scenes", metric=name
        )
        for name, word in (("larger", "larger"), ("smaller", "smaller"), ("stretched", "stretched"))
    ]
    recoloured = better(
        "all of it",
        "patches alone",
        "colours make the detector more robust to recoloured scenes",
        metric="recoloured",
    )
    claims = (
        better("all of it", "none", "augmentation raises the mAP where images are few"),
        better(
            "all of it, 3000 images", "none, 3000 images", "augmentation raises the mAP of a short training"
        ),
        *robust,
        recoloured,
        better("all and zoom-out", "all of it", "zoom-out raises the mAP of small objects", metric="small"),
    )
    few = base(train_images=300)
    return Study(name="augmentation", variants=variants, claims=claims, base=few, robustness=True)


def _objective() -> Study:
    variants = {"α = 1": Variation()} | {
        f"α = {alpha:g}": _criterion(alpha=alpha) for alpha in (0.3, 3.0, 0.1, 10.0)
    }
    variants["variances (1, 1)"] = _changed(model_options={"variances": (1.0, 1.0)})
    variants["loss divided image by image"] = _criterion(normalize="image")
    claims = [better("α = 1", f"α = {alpha}", f"α = 1 is better than α = {alpha}") for alpha in ("0.3", "3")]
    variances = better("α = 1", "variances (1, 1)", "variances of (0.1, 0.2) are better than none")
    return Study(name="objective", variants=variants, claims=(*claims, variances))


def _matching() -> Study:
    variants = {
        "both steps, 0.5": Variation(),
        "first step alone (MultiBox)": _criterion(rule="multibox"),
        "second step alone": _criterion(rule="threshold"),
    }
    variants |= {f"both steps, {t}": _criterion(threshold=t) for t in (0.3, 0.4, 0.6, 0.7)}
    claims = tuple(
        better(
            "both steps, 0.5", other, f"matching by both steps is better than the {other.partition(' (')[0]}"
        )
        for other in ("first step alone (MultiBox)", "second step alone")
    )
    return Study(name="matching", variants=variants, claims=claims)


STUDIES = {
    study.name: study for study in (_mining(), _maps(), _scales(), _augmentation(), _objective(), _matching())
}
