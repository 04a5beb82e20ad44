"""Losses of predictions against labels, each a mean over what is given.

``p`` and ``t`` have shape ``[n, 2]``; clips weigh equally by ``weight[n]``, which sums to 1.
"""

import torch
from torch import Tensor
from torch.nn import functional

from sonoscope.settings.affect import LossName

_SHARE_OF_CCC = 0.3


def ccc_loss(p: Tensor, t: Tensor, weight: Tensor) -> Tensor:
    """1 − Lin's concordance correlation, mean over dimensions."""
    w = weight[:, None]
    mean_p, mean_t = (w * p).sum(0), (w * t).sum(0)
    var_p, var_t = (w * (p - mean_p) ** 2).sum(0), (w * (t - mean_t) ** 2).sum(0)
    covariance = (w * (p - mean_p) * (t - mean_t)).sum(0)
    return (1 - 2 * covariance / (var_p + var_t + (mean_p - mean_t) ** 2 + 1e-8)).mean()


def loss_of(name: LossName, p: Tensor, t: Tensor, weight: Tensor) -> Tensor:
    """One of the losses of `LossName`."""

    def mean(values: Tensor) -> Tensor:
        return (weight[:, None] * values).sum(0).mean()

    match name:
        case "smooth_l1":
            return mean(functional.smooth_l1_loss(p, t, reduction="none"))
        case "mse":
            return mean((p - t) ** 2)
        case "l1":
            return mean((p - t).abs())
        case "combined":
            return mean((p - t) ** 2) + mean((p - t).abs())
        case "ccc":
            return ccc_loss(p, t, weight)
        case "smooth_l1_ccc":
            return loss_of("smooth_l1", p, t, weight) + _SHARE_OF_CCC * ccc_loss(p, t, weight)


def equal_clips(mask: Tensor) -> Tensor:
    """Weights of labelled bars ``mask[clips, bars]``, in order, under which each clip counts once; they sum to 1."""
    weight = mask / mask.sum(1, keepdim=True).clamp(min=1)
    chosen = weight[mask]
    return chosen / torch.clamp(chosen.sum(), min=1e-12)
