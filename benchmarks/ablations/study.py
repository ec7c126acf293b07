"""What a study is: variations of one recipe, and claims about them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ssd_lite import recipes
from ssd_lite.models import tiny_default_boxes
from ssd_lite.recipes import Recipe

STEPS, BATCH, RATE = 700, 16, 0.02

ROUNDED = replace(
    tiny_default_boxes(), scales=(0.15, 0.31, 0.55, 0.68, 0.8, 1.05), aspect_ratios=((1.6, 2.8),) * 5
)
"""Default boxes fitted to drawn scenes with :func:`ssd_lite.scales.fit`, then rounded: those of ``ssd_tiny``
until the study ``scales`` showed that the formula's are better. The other studies keep them, so that they can
be compared.
"""


def base(**changes: Any) -> Recipe:
    """The recipe ``scenes`` with about half of its steps and 300 test images; its mAP is above 0.6."""
    short = recipes.scenes().with_steps(STEPS).changed(batch=BATCH, learning_rate=RATE, test_images=300)
    settings = {"default_boxes": ROUNDED} | changes
    return short.changed(name="ablation", compile=False, precision="float32", **settings)


@dataclass(frozen=True, kw_only=True)
class Variation:
    """How a run differs from the base.

    ``changes`` are settings of the recipe; ``architecture`` names a model of
    :mod:`benchmarks.ablations.architectures`; ``fitted`` fits the default boxes to the training images.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    architecture: str = "ssd_tiny"
    fitted: bool = False


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim that a weighted sum of the variants' results is greater than ``-margin``.

    ``contrast`` holds the weights by variant; they add up to 0, so that every seed gives one difference.
    ``metric`` is the result that is compared, one of those that
    :func:`benchmarks.ablations.measuring.measure` returns.
    """

    text: str
    contrast: Mapping[str, float]
    metric: str = "map"
    margin: float = 0.0


def better(this: str, that: str, text: str, *, metric: str = "map") -> Claim:
    """The claim that one variant is better than another."""
    return Claim(text=text, contrast={this: 1.0, that: -1.0}, metric=metric)


def as_good(this: str, that: str, text: str, *, margin: float = 0.02) -> Claim:
    """The claim that one variant loses less than ``margin`` of mAP against another."""
    return Claim(text=text, contrast={this: 1.0, that: -1.0}, margin=margin)


@dataclass(frozen=True, kw_only=True)
class Study:
    """Variants by name, the unchanged base first, and what is claimed of them.

    ``robustness`` also tests every variant on scenes that are larger, smaller, stretched, recoloured and
    darker.
    """

    name: str
    variants: Mapping[str, Variation]
    claims: tuple[Claim, ...] = ()
    base: Recipe = field(default_factory=base)
    robustness: bool = False

    def run(self, variant: str, seed: int) -> "Run":
        """The run of a variant with a seed."""
        variation = self.variants[variant]
        return Run(
            recipe=self.base.changed(seed=seed, **variation.changes),
            architecture=variation.architecture,
            fitted=variation.fitted,
            robustness=self.robustness,
        )

    @property
    def claimed(self) -> set[str]:
        """The variants that a claim is made of."""
        return {variant for claim in self.claims for variant in claim.contrast}


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything that decides the result of one run."""

    recipe: Recipe
    architecture: str = "ssd_tiny"
    fitted: bool = False
    robustness: bool = False

    def settings(self) -> dict[str, Any]:
        """The settings, for JSON."""
        beside = {"architecture": self.architecture, "fitted": self.fitted, "robustness": self.robustness}
        settings: dict[str, Any] = json.loads(json.dumps(self.recipe.to_dict() | beside))
        return settings

    @property
    def key(self) -> str:
        """A name for the settings, equal for equal settings."""
        return hashlib.sha256(json.dumps(self.settings(), sort_keys=True).encode()).hexdigest()[:16]
