r"""The training objective, term by term.

.. math::
    L(x, c, l, g) = \frac{1}{N} \left( L_{conf}(x, c) + \alpha L_{loc}(x, l, g) \right)

This module holds its parts: the offsets :math:`\hat g` of a ground truth from a default box, the
localization loss and the confidence loss. :mod:`ssd_lite.criterion` puts them together.

Losses are computed in float32 whatever the network's precision (float64 stays float64), because a softmax
in half precision loses the small differences that mining sorts by.

Explained in chapter 2, ``book/02-objective.ipynb``.
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.functional import cross_entropy, smooth_l1_loss


def encode(
    truths_cxcywh: Float[Tensor, "*b d 4"],
    defaults_cxcywh: Float[Tensor, "*#b d 4"],
    *,
    variances: tuple[float, float] = (1.0, 1.0),
) -> Float[Tensor, "*b d 4"]:
    r"""The offsets :math:`\hat g` of each truth from its default box: the targets of the regression.

    .. math::
        \hat g^{cx} = (g^{cx} - d^{cx}) / d^w \quad \hat g^{cy} = (g^{cy} - d^{cy}) / d^h \quad
        \hat g^w = \log(g^w / d^w) \quad \hat g^h = \log(g^h / d^h)

    ``variances`` divide the offsets of the centre and of the size. The text has none, that is (1, 1); the
    released code and nearly every port use (0.1, 0.2), which gives all four a standard deviation of
    about 1. A truth without width or height gives -inf.

    Source: section 2.2, training objective.
    """
    centre = (truths_cxcywh[..., :2] - defaults_cxcywh[..., :2]) / defaults_cxcywh[..., 2:]
    size = (truths_cxcywh[..., 2:] / defaults_cxcywh[..., 2:]).log()
    return torch.cat([centre / variances[0], size / variances[1]], dim=-1)


def decode(
    offsets: Float[Tensor, "*b d 4"],
    defaults_cxcywh: Float[Tensor, "*#b d 4"],
    *,
    variances: tuple[float, float] = (1.0, 1.0),
) -> Float[Tensor, "*b d 4"]:
    """The boxes (cxcywh) that the offsets describe: the inverse of :func:`encode`."""
    centre = offsets[..., :2] * variances[0] * defaults_cxcywh[..., 2:] + defaults_cxcywh[..., :2]
    size = (offsets[..., 2:] * variances[1]).exp() * defaults_cxcywh[..., 2:]
    return torch.cat([centre, size], dim=-1)


def localization_loss(
    offsets: Float[Tensor, "*b d 4"],
    target_offsets: Float[Tensor, "*b d 4"],
    positive: Bool[Tensor, "*b d"],
) -> Float[Tensor, ""]:
    r"""The smooth L1 loss of the offsets, summed over the positive default boxes; 0 without positives.

    .. math::
        \mathrm{smooth}_{L1}(x) = x^2 / 2 \text{ if } |x| < 1, \quad |x| - 1/2 \text{ otherwise}

    The other rows change neither the value nor the gradient, whatever they hold, inf and NaN included.

    Source: section 2.2, :math:`L_{loc}`.
    """
    return localization_losses(offsets, target_offsets, positive).sum()


def localization_losses(
    offsets: Float[Tensor, "*b d 4"],
    target_offsets: Float[Tensor, "*b d 4"],
    positive: Bool[Tensor, "*b d"],
) -> Float[Tensor, "*b d"]:
    """The terms of :func:`localization_loss`, one per default box, 0 where it is not positive."""
    difference = _at_least_float32(offsets) - _at_least_float32(target_offsets)
    # Masked before the loss, not multiplied by 0 after it: 0 · inf would be NaN.
    difference = torch.where(positive.unsqueeze(-1), difference, 0.0)
    return smooth_l1_loss(difference, torch.zeros_like(difference), reduction="none").sum(dim=-1)


def confidence_loss(logits: Float[Tensor, "*b d c"], labels: Int64[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    r"""The softmax loss :math:`-\log \hat c^p` of every default box, where ``labels`` holds its class p.

    Class 0 is background. The losses are not summed, because mining ranks the negatives by them.

    Source: section 2.2, :math:`L_{conf}`.
    """
    per_class = _at_least_float32(logits).flatten(0, -2)
    return cross_entropy(per_class, labels.flatten(), reduction="none").view(labels.shape)


def _at_least_float32(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))
