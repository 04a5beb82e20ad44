"""What rollouts are worth: tracking the true future, and as draws from the law of futures.

A perfect sampler draws another future than the one that came, so that its distance to it grows to √2 σ √D and its
cosine falls to 0. Tracking therefore cannot tell a good model of a stochastic process from a bad one; the proper scores
below can.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from torch import Tensor

from sonoscope.dynamics.rollout import Trace
from sonoscope.statistics import auc

Floats = NDArray[np.float64]
_TINY = 1e-12
_QUADRATIC = 16
"""Dimensions up to which the classifier sees products of coordinates; squares alone beyond."""


def tracking(trace: Trace, nll_baseline: Tensor, scale: float) -> dict[str, Tensor]:
    """Per starting point and step, seeds averaged, [n, K]; the names are the published ones.

    ``state_err`` is before the step (published), ``state_err_after`` after it.
    """
    true_step = trace.truth.diff(dim=1)  # [n, K, D]
    after, before = trace.truth[:, 1:], trace.truth[:, :-1]
    length, expected = true_step.norm(dim=-1).clamp(min=_TINY), trace.expected.norm(dim=-1)
    cosine = (trace.expected * true_step).sum(-1) / (length * expected.clamp(min=_TINY))
    error = (trace.states - after).norm(dim=-1)
    found = {
        "nll": trace.nll,
        "nll_baseline": nll_baseline.expand_as(trace.nll),
        "cos": torch.where(expected > 0, cosine, torch.zeros_like(cosine)),
        "mag_ratio": expected / length,
        "state_err": (trace.previous - before).norm(dim=-1),
        "state_err_after": error,
        "state_err_normalised": error / scale,
    }
    return {name: value.double().mean(0) for name, value in found.items()}


def energy_score(draws: Tensor, truth: Tensor) -> Tensor:
    """Energy score of M draws [M, n, K, D] against truth [n, K, D], without the bias of a finite M; [n, K].

    E|X - y| - E|X - X'|/2 (Gneiting & Raftery 2007), a proper score: lower is better, and lowest for the true law.
    """
    count = len(draws)
    skill = (draws - truth).norm(dim=-1).mean(0)
    spread = sum((draws - draws.roll(i, 0)).norm(dim=-1).mean(0) for i in range(1, count)) / (count - 1)
    score: Tensor = skill - spread / 2
    return score


def spread_skill(draws: Tensor, truth: Tensor) -> Tensor:
    """Root of ensemble variance over mean squared error of the ensemble mean, per step [K]; 1 where draws are right."""
    count = len(draws)
    variance = draws.var(0).sum(-1).mean(0) * (1 + 1 / count)
    error = (draws.mean(0) - truth).square().sum(-1).mean(0).clamp(min=_TINY)
    return (variance / error).sqrt()


class Manifold:
    """Distance to the nearest of some training frames, in standardised coordinates."""

    def __init__(self, reference: Tensor, held_out: Tensor, quantile: float = 0.99) -> None:
        self.reference = reference.double()
        self.threshold = float(self.distance(held_out).quantile(quantile))

    def distance(self, frames: Tensor) -> Tensor:
        """Distance of frames [n, D] to the nearest reference; [n]."""
        return torch.cat([torch.cdist(b.double(), self.reference).min(1).values for b in torch.split(frames, 2048)])

    def outside(self, frames: Tensor) -> float:
        """Share of frames farther off than all but 1 % of held-out real frames."""
        return float((~(self.distance(frames) <= self.threshold)).double().mean())  # NaN is off it too


def two_sample_auc(real: Floats, rolled: Floats, groups: NDArray[np.int64]) -> float | None:
    """Area under the curve of a classifier between real and rolled rows, on groups (speakers) it never saw.

    Parameters
    ----------
    real, rolled : array [n, features]
        Row i of both is from the same starting point.
    groups : array [n]

    Returns
    -------
    float or None
        0.5 where nothing tells them apart; None with fewer than two groups or numbers that are not finite.
    """
    kinds = np.unique(groups)
    if len(kinds) < 2 or not np.isfinite(rolled).all():
        return None
    rows, labels = np.concatenate([real, rolled]), np.repeat([1, 0], len(real))
    both, half = np.tile(groups, 2), np.isin(np.tile(groups, 2), kinds[::2])
    small = rows.shape[1] <= _QUADRATIC
    features = rows if small else np.concatenate([rows, rows**2], 1)
    steps = [PolynomialFeatures(2, include_bias=False)] if small else []
    scores = np.zeros(len(rows))
    for side in (half, ~half):
        model = make_pipeline(*steps, StandardScaler(), LogisticRegression(C=0.1, max_iter=200))
        model.fit(features[~side], labels[~side])
        scores[side] = model.decision_function(features[side])
    sides = [auc(scores[m], labels[m]) for m in (half, ~half)]
    return float(np.average(sides, weights=[half.sum(), (~half).sum()])) if len(both) else None
