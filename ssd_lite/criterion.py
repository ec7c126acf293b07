r"""The objective of section 2.2, put together: match, encode, mine, and add up :math:`L(x, c, l, g)`."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import pad

from ssd_lite.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from ssd_lite.matching import UNMATCHED, match
from ssd_lite.mining import all_negatives, hard_negatives, random_negatives
from ssd_lite.objective import confidence_loss, encode, localization_losses
from ssd_lite.scales import DefaultBoxes, defaults_cxcywh
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
        labels, targets = self.targets(truths)
        positive = labels != BACKGROUND
        confidence = confidence_loss(logits, labels)
        counted = positive | self._mine(confidence, positive)
        confidence = torch.where(counted, confidence, 0.0)
        matched = positive.sum()
        localization = localization_losses(offsets, targets, positive)
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
        if not self.train_difficult:
            truths = truths.without(truths.difficult)
        matches = match(
            truths.boxes_xyxy,
            self.defaults_xyxy,
            present=truths.present,
            threshold=self.threshold,
            rule=self.rule,
            inclusive=self.inclusive,
        )
        row = matches.clamp(min=0)
        boxes, labels = pad(truths.boxes_xyxy, (0, 0, 0, 1)), pad(truths.labels, (0, 1))  # t may be 0
        labels = labels.gather(1, row).masked_fill(matches == UNMATCHED, BACKGROUND)
        matched_boxes = boxes.gather(1, row.unsqueeze(-1).expand(-1, -1, 4))
        offsets = encode(xyxy_to_cxcywh(matched_boxes), self.defaults_cxcywh, variances=self.variances)
        return labels, offsets

    @torch.no_grad()
    def _mine(self, losses: Float[Tensor, "b d"], positive: Tensor) -> Tensor:
        options: dict[str, Any] = {}
        if self.mining == "hard":
            options["per_batch"] = self.mine_per_batch
        elif self.mining == "random":
            options["generator"] = self.generator
        return MINING[self.mining](losses, positive, ratio=self.negative_ratio, **options)


def _inverse(count: Tensor) -> Tensor:
    """1 / count, and 0 for a count of 0."""
    return torch.where(count > 0, 1 / count.clamp(min=1), 0.0)
