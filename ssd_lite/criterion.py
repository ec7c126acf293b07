r"""The training objective of section 2.2: match, encode, mine, and sum to :math:`L(x, c, l, g)`.

Explained in chapter 2, ``book/02-objective.ipynb``.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from pydantic import Field, StrictBool, StrictFloat
from torch import Tensor, nn
from torch.nn.functional import pad

from ssd_lite.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from ssd_lite.device import can_read_values
from ssd_lite.matching import UNMATCHED, match
from ssd_lite.mining import all_negatives, hard_negatives, random_negatives
from ssd_lite.objective import confidence_loss, encode, localization_losses
from ssd_lite.scales import DefaultBoxes, defaults_cxcywh
from ssd_lite.settings import settings
from ssd_lite.truths import BACKGROUND, Truths

MINING: dict[str, Callable[..., Tensor]] = {
    "hard": hard_negatives,
    "random": random_negatives,
    "all": all_negatives,
}


class Loss(NamedTuple):
    """The objective and its parts, each divided by N: total = confidence + α · localization."""

    total: Float[Tensor, ""]
    localization: Float[Tensor, ""]
    confidence: Float[Tensor, ""]
    num_matched: Int64[Tensor, ""]


@settings()
class CriterionOptions:
    """Options of :class:`MultiBoxCriterion`, where they are documented. ``ValueError`` names an invalid one.

    The variances are not among them: they belong to the model, which must decode as it was trained.
    """

    alpha: Annotated[StrictFloat, Field(ge=0)] = 1.0
    threshold: Annotated[StrictFloat, Field(ge=0, le=1)] = 0.5
    negative_ratio: Annotated[StrictFloat, Field(ge=0)] = 3.0
    rule: Literal["ssd", "multibox", "threshold"] = "ssd"
    inclusive: StrictBool = False
    mining: Literal["hard", "random", "all"] = "hard"
    mine_per_batch: StrictBool = False
    normalize: Literal["batch", "image"] = "batch"
    train_difficult: StrictBool = True


class MultiBoxCriterion(nn.Module):
    r"""The loss of a batch of predictions.

    .. math:: L(x, c, l, g) = \frac{1}{N} \left( L_{conf}(x, c) + \alpha L_{loc}(x, l, g) \right)

    N is the number of matched default boxes in the whole batch. If nothing matched, the loss and all its
    gradients are exactly 0. Losses are computed in float32 or higher.

    - ``threshold``, ``rule``, ``inclusive``: see :func:`ssd_lite.matching.match`.
    - ``variances``: see :func:`ssd_lite.objective.encode`.
    - ``mining``: ``"hard"`` as in the text, ``"random"`` (as many negatives, chosen by ``generator``) or
      ``"all"``. ``mine_per_batch=True`` counts the 3:1 over the batch instead of in each image.
    - ``normalize="image"`` divides each image's loss by its own number of matches and averages over the
      images, as NVIDIA's port does.
    - ``train_difficult=False`` leaves difficult objects out, as three ports do; the released code trains on
      them. Objects without width or height are always left out, since they have no offsets.

    Raises ``ValueError`` naming an invalid option.

    Source: section 2.2, training objective.
    """

    def __init__(
        self,
        default_boxes: DefaultBoxes | Tensor,
        *,
        alpha: float = 1.0,
        threshold: float = 0.5,
        negative_ratio: float = 3.0,
        variances: tuple[float, float] = (0.1, 0.2),
        rule: str = "ssd",
        inclusive: bool = False,
        mining: str = "hard",
        mine_per_batch: bool = False,
        normalize: str = "batch",
        train_difficult: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        options: dict[str, Any] = {
            "alpha": alpha,
            "threshold": threshold,
            "negative_ratio": negative_ratio,
            "rule": rule,
            "inclusive": inclusive,
            "mining": mining,
            "mine_per_batch": mine_per_batch,
            "normalize": normalize,
            "train_difficult": train_difficult,
        }
        self.options = CriterionOptions(**options)
        self.variances = variances
        self.generator = generator
        defaults = defaults_cxcywh(default_boxes)
        self.register_buffer("defaults_cxcywh", defaults, persistent=False)
        self.register_buffer("defaults_xyxy", cxcywh_to_xyxy(defaults), persistent=False)
        self.defaults_cxcywh: Tensor
        self.defaults_xyxy: Tensor

    def forward(
        self, offsets: Float[Tensor, "b d 4"], logits: Float[Tensor, "b d c"], truths: Truths
    ) -> Loss:
        """The loss of predicted offsets and class logits (background first) against the ground truth."""
        labels, boxes = self._assign(truths)
        positive = labels != BACKGROUND
        counted = positive | self._mine(logits, labels, positive)
        matched = positive.sum()
        localization = self._localization(offsets, boxes, positive)
        confidence = _confidence(logits, labels, counted)
        if self.options.normalize == "batch":
            parts = [localization.sum(), confidence.sum()]
            share = _inverse(matched.to(confidence.dtype))
        else:
            parts = [localization.sum(dim=1), confidence.sum(dim=1)]
            share = _inverse(positive.sum(dim=1).to(confidence.dtype)) / len(positive)
        # where(), not a product: if nothing matched, even an infinite loss must count as 0.
        localization, confidence = (torch.where(share > 0, part * share, 0.0).sum() for part in parts)
        return Loss(confidence + self.options.alpha * localization, localization, confidence, matched)

    @torch.no_grad()
    def targets(self, truths: Truths) -> tuple[Int64[Tensor, "b d"], Float[Tensor, "b d 4"]]:
        """The targets of each default box: its class, and its offsets (meaningful only where matched)."""
        labels, boxes = self._assign(truths)
        return labels, encode(xyxy_to_cxcywh(boxes), self.defaults_cxcywh, variances=self.variances)

    @torch.no_grad()
    def _assign(self, truths: Truths) -> tuple[Int64[Tensor, "b d"], Float[Tensor, "b d 4"]]:
        """The class of each default box and the box of its object (an arbitrary one where unmatched)."""
        if not self.options.train_difficult:
            truths = truths.without(truths.difficult)
        corners = truths.boxes_xyxy
        matches = match(
            corners,
            self.defaults_xyxy,
            # Augmentation may leave a box thinner than float32 resolves, which has no offsets: log 0.
            present=truths.present & (corners[..., :2] < corners[..., 2:]).all(dim=-1),
            threshold=self.options.threshold,
            rule=self.options.rule,
            inclusive=self.options.inclusive,
        )
        row = matches.clamp(min=0)
        boxes, labels = pad(truths.boxes_xyxy, (0, 0, 0, 1)), pad(truths.labels, (0, 1))  # t may be 0
        labels = labels.gather(1, row).masked_fill(matches == UNMATCHED, BACKGROUND)
        return labels, boxes.gather(1, row.unsqueeze(-1).expand(-1, -1, 4))

    @torch.no_grad()
    def _mine(
        self, logits: Float[Tensor, "b d c"], labels: Int64[Tensor, "b d"], positive: Bool[Tensor, "b d"]
    ) -> Bool[Tensor, "b d"]:
        options: dict[str, Any] = {}
        if self.options.mining == "hard":
            options["per_batch"] = self.options.mine_per_batch
        elif self.options.mining == "random":
            options["generator"] = self.generator
        return MINING[self.options.mining](
            confidence_loss(logits, labels), positive, ratio=self.options.negative_ratio, **options
        )

    def _localization(
        self, offsets: Float[Tensor, "b d 4"], boxes: Float[Tensor, "b d 4"], positive: Bool[Tensor, "b d"]
    ) -> Float[Tensor, "b d"]:
        """The localization loss of every default box, 0 where it is not positive."""
        defaults = self.defaults_cxcywh.expand_as(boxes)
        chosen, offsets, boxes, defaults = _select(positive, offsets, boxes, defaults)
        targets = encode(xyxy_to_cxcywh(boxes), defaults, variances=self.variances)
        return _scatter_back(localization_losses(offsets, targets, chosen), positive)


def _confidence(
    logits: Float[Tensor, "b d c"], labels: Int64[Tensor, "b d"], counted: Bool[Tensor, "b d"]
) -> Float[Tensor, "b d"]:
    """The confidence loss of every default box, 0 where it is not counted."""
    chosen, logits, labels = _select(counted, logits, labels)
    return _scatter_back(torch.where(chosen, confidence_loss(logits, labels), 0.0), counted)


def _select(mask: Bool[Tensor, "b d"], *values: Tensor) -> tuple[Tensor, ...]:
    """The mask and the values; on a CPU only the rows where the mask is true, a few per cent."""
    if not can_read_values(mask):
        return mask, *values
    rows = mask.flatten().nonzero().squeeze(1)
    return torch.ones_like(rows, dtype=torch.bool), *(v.flatten(0, 1).index_select(0, rows) for v in values)


def _scatter_back(losses: Tensor, mask: Bool[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    """Put the losses of the rows that :func:`_select` chose back in their places, 0 elsewhere."""
    if not can_read_values(mask):
        return losses
    return torch.zeros_like(mask, dtype=losses.dtype).masked_scatter(mask, losses)


def _inverse(count: Tensor) -> Tensor:
    """1 / count, and 0 for a count of 0."""
    return torch.where(count > 0, 1 / count.clamp(min=1), 0.0)
