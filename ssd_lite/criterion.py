r"""The objective of section 2.2, put together: match, encode, mine, and add up :math:`L(x, c, l, g)`."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from pydantic import Field, StrictBool, StrictFloat
from torch import Tensor, nn
from torch.nn.functional import pad

from ssd_lite.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from ssd_lite.device import can_read_values, map_chunks
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


@settings()
class CriterionOptions:
    """Options of :class:`MultiBoxCriterion` by name, but for those that come with the model or the device."""

    alpha: Annotated[StrictFloat, Field(ge=0)] = 1.0
    threshold: Annotated[StrictFloat, Field(ge=0, le=1)] = 0.5
    negative_ratio: Annotated[StrictFloat, Field(ge=0)] = 3.0
    rule: Literal["ssd", "multibox", "threshold"] = "ssd"
    inclusive: StrictBool = False
    mining: Literal["hard", "random", "all"] = "hard"
    mine_per_batch: StrictBool = False
    normalize: Literal["batch", "image"] = "batch"
    train_difficult: StrictBool = True


class Loss(NamedTuple):
    """The objective and its parts, each divided by N: total = confidence + α · localization."""

    total: Float[Tensor, ""]
    localization: Float[Tensor, ""]
    confidence: Float[Tensor, ""]
    num_matched: Int64[Tensor, ""]


class MultiBoxCriterion(nn.Module):
    r"""The loss of a batch of predictions.

    .. math:: L(x, c, l, g) = \frac{1}{N} \left( L_{conf}(x, c) + \alpha L_{loc}(x, l, g) \right)

    N is the number of matched default boxes in the whole batch; without any, the loss and all its
    gradients are exactly 0. Everything is computed in float32 at least.

    ``threshold``, ``rule`` and ``inclusive`` go to :func:`ssd_lite.matching.match`, ``variances`` to
    :func:`ssd_lite.objective.encode`. ``mining`` is ``"hard"`` as in the text, ``"random"`` (as many, but
    any) or ``"all"``; ``mine_per_batch`` counts the 3:1 over the batch, not in each image.
    ``normalize="image"`` divides each image's loss by its own matches and averages over the images,
    as NVIDIA's port does. ``generator`` draws the negatives of ``"random"``. Difficult objects are
    trained on, as in the released code; ``train_difficult=False`` leaves them out, as three ports do.
    Objects without width or height are always left out, having no offsets.

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
        if mining not in MINING:
            raise ValueError(f"mining must be one of {', '.join(MINING)}, got {mining!r}")
        if normalize not in ("batch", "image"):
            raise ValueError(f"normalize must be batch or image, got {normalize!r}")
        if not 0 <= alpha < float("inf"):
            raise ValueError(f"alpha must be finite and not negative, got {alpha}")
        if not 0 <= negative_ratio < float("inf"):
            raise ValueError(f"negative_ratio must be finite and not negative, got {negative_ratio}")
        self.alpha, self.threshold, self.negative_ratio = alpha, threshold, negative_ratio
        self.variances, self.rule, self.inclusive = variances, rule, inclusive
        self.mining, self.mine_per_batch = mining, mine_per_batch
        self.normalize, self.train_difficult = normalize, train_difficult
        self.generator = generator
        defaults = defaults_cxcywh(default_boxes)
        self.register_buffer("defaults_cxcywh", defaults, persistent=False)
        self.register_buffer("defaults_xyxy", cxcywh_to_xyxy(defaults), persistent=False)
        self.defaults_cxcywh: Tensor
        self.defaults_xyxy: Tensor
        match(self.defaults_xyxy[:0], self.defaults_xyxy, threshold=threshold, rule=rule)  # raises now

    def forward(
        self, offsets: Float[Tensor, "b d 4"], logits: Float[Tensor, "b d c"], truths: Truths
    ) -> Loss:
        """The loss of predicted offsets and class logits, background first, against the truths."""
        labels, boxes = self._assigned(truths)
        positive = labels != BACKGROUND
        counted = positive | self._mine(logits, labels, positive)
        matched = positive.sum()
        localization = self._localization(offsets, boxes, positive)
        confidence = _confidence(logits, labels, counted)
        if self.normalize == "batch":
            parts = [localization.sum(), confidence.sum()]
            share = _inverse(matched.to(confidence.dtype))
        else:
            parts = [localization.sum(dim=1), confidence.sum(dim=1)]
            share = _inverse(positive.sum(dim=1).to(confidence.dtype)) / len(positive)
        # Chosen, not multiplied: where nothing matched, even an infinite loss counts 0.
        localization, confidence = (torch.where(share > 0, part * share, 0.0).sum() for part in parts)
        return Loss(confidence + self.alpha * localization, localization, confidence, matched)

    @torch.no_grad()
    def targets(self, truths: Truths) -> tuple[Int64[Tensor, "b d"], Float[Tensor, "b d 4"]]:
        """What each default box should say: its class, and its offsets (only where matched)."""
        labels, boxes = self._assigned(truths)
        return labels, encode(xyxy_to_cxcywh(boxes), self.defaults_cxcywh, variances=self.variances)

    @torch.no_grad()
    def _assigned(self, truths: Truths) -> tuple[Int64[Tensor, "b d"], Float[Tensor, "b d 4"]]:
        """The class of each default box, and the object that it answers for (any, where there is none)."""
        if not self.train_difficult:
            truths = truths.without(truths.difficult)
        corners = truths.boxes_xyxy
        matches = match(
            corners,
            self.defaults_xyxy,
            # One that augmentation made thinner than float32 can tell has no offsets: log 0.
            present=truths.present & (corners[..., :2] < corners[..., 2:]).all(dim=-1),
            threshold=self.threshold,
            rule=self.rule,
            inclusive=self.inclusive,
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
        if self.mining == "hard":
            options["per_batch"] = self.mine_per_batch
        elif self.mining == "random":
            options["generator"] = self.generator
        (losses,) = map_chunks(lambda *rows: (confidence_loss(*rows),), 2, logits, labels)
        return MINING[self.mining](losses, positive, ratio=self.negative_ratio, **options)

    def _localization(
        self, offsets: Float[Tensor, "b d 4"], boxes: Float[Tensor, "b d 4"], positive: Bool[Tensor, "b d"]
    ) -> Float[Tensor, "b d"]:
        """The localization loss of every default box, 0 where it is not positive."""
        defaults = self.defaults_cxcywh.expand_as(boxes)
        chosen, offsets, boxes, defaults = _chosen(positive, offsets, boxes, defaults)
        targets = encode(xyxy_to_cxcywh(boxes), defaults, variances=self.variances)
        return _in_place(localization_losses(offsets, targets, chosen), positive)


def _confidence(
    logits: Float[Tensor, "b d c"], labels: Int64[Tensor, "b d"], counted: Bool[Tensor, "b d"]
) -> Float[Tensor, "b d"]:
    """The confidence loss of every default box, 0 where it is not counted."""
    chosen, logits, labels = _chosen(counted, logits, labels)
    return _in_place(torch.where(chosen, confidence_loss(logits, labels), 0.0), counted)


def _chosen(mask: Bool[Tensor, "b d"], *values: Tensor) -> tuple[Tensor, ...]:
    """The mask and the values; on a CPU those rows alone where it is true, a few in a hundred."""
    if not can_read_values(mask):
        return mask, *values
    rows = mask.flatten().nonzero().squeeze(1)
    return torch.ones_like(rows, dtype=torch.bool), *(v.flatten(0, 1).index_select(0, rows) for v in values)


def _in_place(losses: Tensor, mask: Bool[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    """The losses of :func:`_chosen` rows where they belong, 0 elsewhere."""
    if not can_read_values(mask):
        return losses
    return torch.zeros_like(mask, dtype=losses.dtype).masked_scatter(mask, losses)


def _inverse(count: Tensor) -> Tensor:
    """1 / count, and 0 for a count of 0."""
    return torch.where(count > 0, 1 / count.clamp(min=1), 0.0)
