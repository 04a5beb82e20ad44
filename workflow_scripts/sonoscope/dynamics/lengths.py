"""Linear predictions of log-lengths: where models of direction × magnitude begin, with penalties that hold for others.

Few numbers of a context tell of the next length, and the same for every speaker: the lengths of the latest steps and how
far frames are from the mean. Hundreds of others tell more at the shortest horizon and overfit at longer ones. So both
groups have a penalty of their own, chosen on speakers that a fit has not seen.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

_DENSE = (math.inf, 10.0, 1.0, 0.1)
_FEW = (1.0, 1e-1, 1e-2)
"""Penalties that are tried, as shares of the inputs' variance, strongest first."""
_FOLDS = 4


@dataclass(frozen=True)
class LengthFit:
    """A linear prediction of standardised log-lengths."""

    weights: Tensor
    """[inputs], float64."""
    constant: float
    deviation: float
    """Of what is left on speakers that were not seen."""
    r2: float
    """On them, against the mean of those that were seen."""


@dataclass(frozen=True)
class _Moments:
    """Sums from which a ridge fit is solved."""

    count: float
    x: Tensor
    y: Tensor
    xx: Tensor
    xy: Tensor

    @classmethod
    def of(cls, x: Tensor, y: Tensor) -> "_Moments":
        return cls(len(x), x.sum(0), y.sum(), x.T @ x, x.T @ y)

    def minus(self, other: "_Moments") -> "_Moments":
        return _Moments(
            self.count - other.count, self.x - other.x, self.y - other.y, self.xx - other.xx, self.xy - other.xy
        )

    def solve(self, penalties: Tensor) -> tuple[Tensor, Tensor]:
        """Weights and the constant; inputs with an infinite penalty have weight 0."""
        used = torch.isfinite(penalties)
        center, middle = self.x / self.count, self.y / self.count
        moment = (self.xx / self.count - torch.outer(center, center))[used][:, used]
        cross = (self.xy / self.count - center * middle)[used]
        weights = torch.zeros_like(self.x)
        if bool(used.any()):
            weights[used] = torch.linalg.solve(moment + torch.diag(penalties[used]), cross)
        return weights, middle - center @ weights


@dataclass(frozen=True)
class _Fold:
    """What is fitted without some speakers, and their rows."""

    moments: _Moments
    x: Tensor
    y: Tensor
    speakers: Tensor

    def errors(self, penalties: Tensor, count: int) -> Tensor:
        """Sum of squared errors of each of ``count`` speakers, [count]."""
        weights, constant = self.moments.solve(penalties)
        square = (self.y - constant - self.x @ weights).square()
        return square.new_zeros(count).index_add_(0, self.speakers, square)


def fit_lengths(
    seen: tuple[Tensor, Tensor, Tensor], held_out: tuple[Tensor, Tensor, Tensor], few: int
) -> LengthFit:
    """Fit on training rows, penalties chosen by how well training speakers predict others and validation speakers.

    The strongest penalties win whose error is not larger than the least one by more than a standard error over speakers
    (the one-standard-error rule, with paired errors): with few speakers the least error itself is often luck.

    Parameters
    ----------
    seen : tuple of Tensor
        Inputs [n, inputs] and standardised log-lengths [n] of training rows, float64, and their speakers as numbers.
    held_out : tuple of Tensor
        The same of validation rows.
    few : int
        How many inputs, at the end, belong to the group with the weaker penalty.
    """
    x, y, speakers = seen
    whole = _Moments.of(x, y)
    folds = [*_folds(x, y, speakers, whole), _Fold(whole, *held_out)]
    count = 1 + max(int(f.speakers.max()) for f in folds)
    tried = [_penalties(x.shape[1], few, dense, weak) for dense, weak in [(math.inf, math.inf), *product(_DENSE, _FEW)]]
    errors = torch.stack([torch.stack([f.errors(p, count) for f in folds]).sum(0) for p in tried])  # [tries, speakers]
    chosen = _simplest(errors)
    weights, constant = whole.solve(tried[chosen])
    total = errors.sum(1)
    rows = sum(len(f.y) for f in folds)
    deviation = math.sqrt(float(total[chosen]) / rows)
    r2 = 1 - float(total[chosen] / total[0].clamp(min=1e-300))
    return LengthFit(weights, float(constant), max(1e-3, deviation), r2)


def _simplest(errors: Tensor) -> int:
    """The first of some tries [tries, speakers], strongest penalties first, that is as good as the best."""
    best = int(errors.sum(1).argmin())
    excess = errors - errors[best]
    used = errors[0] > 0
    own = excess[:, used]
    mean, error = own.mean(1), own.std(1, correction=1) / math.sqrt(max(1, own.shape[1]))
    good = mean <= torch.nan_to_num(error)
    good[best] = True
    return int(good.int().argmax())


def _folds(x: Tensor, y: Tensor, speakers: Tensor, whole: _Moments) -> Iterator[_Fold]:
    """Training speakers in turn; none where there is but one speaker."""
    fold = torch.unique(speakers, return_inverse=True)[1] % _FOLDS
    present = torch.unique(fold).tolist()
    if len(present) < 2:
        return
    for f in present:
        own = fold == f
        yield _Fold(whole.minus(_Moments.of(x[own], y[own])), x[own], y[own], speakers[own])


def _penalties(inputs: int, few: int, dense: float, weak: float) -> Tensor:
    penalties = torch.full((inputs,), dense, dtype=torch.float64)
    penalties[inputs - few :] = weak
    return penalties
