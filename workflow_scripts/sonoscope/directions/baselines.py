"""Every other supervised way to a direction, behind the same interface.

Linear readouts standardise features inside the fit and are mapped back, so that the direction is the gradient of the
readout in the space of the hidden states. Reading is not writing: a discriminative direction may read a concept well
and yet point away from where the concept's states lie, while the difference of means does the opposite.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from sonoscope.directions.errors import DirectionError
from sonoscope.directions.estimator import Estimator, Learned
from sonoscope.directions.scores import projection_score
from sonoscope.directions.targets import Groups, Target
from sonoscope.statistics.splits import grouped_folds


def _single(direction: Tensor, details: dict[str, object] | None = None) -> Learned:
    """One direction, made unit.

    Raises
    ------
    DirectionError
        The direction is zero: the labels have nothing to do with the states.
    """
    norm = direction.norm()
    if not bool(norm > 0):
        raise DirectionError("the direction is zero: these labels have no linear relation to the hidden states")
    return Learned((direction / norm)[None], torch.ones(1, dtype=direction.dtype), details or {})


def standardised(states: Tensor) -> tuple[Tensor, Tensor]:
    """States divided by their SD per dimension, and that SD (1 where a dimension is constant)."""
    std = states.std(0, correction=0)
    std = torch.where(std > torch.finfo(states.dtype).eps * std.max(), std, torch.ones_like(std))
    return states / std, std


@dataclass(kw_only=True)
class DifferenceInMeans(Estimator):
    """Mean state of the positives less that of the negatives; for a number, the covariance with it."""

    def _learn(self, states: Tensor, target: Target, groups: Groups) -> Learned:
        label = target.raw() - target.raw().mean()
        return _single(states.T @ label)


@dataclass(kw_only=True)
class _Penalised(Estimator):
    """A linear readout whose penalty is chosen by the score of its projection in inner grouped folds."""

    inner_folds: int = 3

    def _path(self, states: Tensor, label: Tensor) -> Callable[[float], Tensor]:
        """Weights (dim,) in the space of ``states`` as a function of the penalty."""
        raise NotImplementedError

    def _penalties(self, n: int) -> list[float]:
        raise NotImplementedError

    def _learn(self, states: Tensor, target: Target, groups: Groups) -> Learned:
        grid = self._penalties(len(target))
        scores = np.zeros((len(grid), self.inner_folds))
        generator = np.random.default_rng([self.seed, 5])
        for fold, (train, test) in enumerate(
            grouped_folds(len(target), self.inner_folds, generator, groups, target.strata())
        ):
            fit_on, held_out = states[torch.from_numpy(train)], states[torch.from_numpy(test)]
            mean, sides = fit_on.mean(0), (target.take(train), target.take(test, held_out=True))
            path = self._path(fit_on - mean, sides[0].raw())
            for row, penalty in enumerate(grid):
                weights = path(penalty)[:, None]
                scores[row, fold] = projection_score(
                    (fit_on - mean) @ weights, sides[0], (held_out - mean) @ weights, sides[1]
                )
        chosen = grid[len(grid) - 1 - int(np.argmax(scores.mean(1)[::-1]))]  # the strongest penalty among equals
        return _single(self._path(states, target.raw())(chosen), {"penalty": chosen})


@dataclass(kw_only=True)
class Ridge(_Penalised):
    """Ridge regression on the label, with intercept, on standardised states.

    The penalty runs from 1e-3 n to 1e3 n: below that range pooled states overfit, above it the direction is the
    difference in means of standardised states.
    """

    def _penalties(self, n: int) -> list[float]:
        return [float(v) * n for v in np.logspace(-3, 3, 13)]

    def _path(self, states: Tensor, label: Tensor) -> Callable[[float], Tensor]:
        scaled, std = standardised(states)
        left, singular, right = torch.linalg.svd(scaled, full_matrices=False)
        target = left.T @ (label - label.mean())
        return lambda penalty: right.T @ (singular / (singular.square() + penalty) * target) / std


@dataclass(kw_only=True)
class Logistic(_Penalised):
    """Logistic regression with L2 penalty and intercept, on standardised states."""

    def _penalties(self, n: int) -> list[float]:
        return [float(v) for v in np.logspace(-1, 4, 6)]

    def _path(self, states: Tensor, label: Tensor) -> Callable[[float], Tensor]:
        if torch.unique(label).numel() > 2:
            raise DirectionError("logistic: expected two classes, found a number; use ridge")
        scaled, std = standardised(states)
        # In the span of the clips the problem is the same and never larger than (n, n).
        left, singular, right = torch.linalg.svd(scaled, full_matrices=False)
        coordinates, classes = (left * singular).cpu().numpy(), label.cpu().numpy() > 0.5

        def path(penalty: float) -> Tensor:
            model = LogisticRegression(C=1 / penalty, max_iter=2000, tol=1e-6).fit(coordinates, classes)
            weights: Tensor = right.T @ torch.from_numpy(model.coef_[0]).to(right) / std
            return weights

        return path


@dataclass(kw_only=True)
class LDA(Estimator):
    """Linear discriminant: Σ⁻¹(μ₁ - μ₀), Σ the pooled within-class covariance with Ledoit and Wolf's shrinkage."""

    def _learn(self, states: Tensor, target: Target, groups: Groups) -> Learned:
        if target.kind != "binary":
            raise DirectionError(f"lda: expected two classes, found a {target.kind} target; use ridge")
        scaled, std = standardised(states)
        positive = target.raw() > 0.5
        means = scaled[positive].mean(0), scaled[~positive].mean(0)
        within = torch.where(positive[:, None], scaled - means[0], scaled - means[1])
        covariance, shrinkage = ledoit_wolf(within.cpu().numpy(), assume_centered=True)
        weights = torch.linalg.solve(torch.from_numpy(covariance).to(states), means[0] - means[1])
        return _single(weights / std, {"shrinkage": float(shrinkage)})


@dataclass(kw_only=True)
class PCA(Estimator):
    """Leading principal component of paired differences (representation engineering).

    Each positive is paired with a random negative; the order inside a pair is random too, so the mean difference counts
    only as variance. A number is cut at its median.
    """

    def _learn(self, states: Tensor, target: Target, groups: Groups) -> Learned:
        label = target.raw()
        positive = label > (0.5 if target.kind == "binary" else label.median())
        generator = np.random.default_rng([self.seed, 6])
        ups, downs = (torch.nonzero(side)[:, 0].cpu().numpy() for side in (positive, ~positive))
        pairs = max(len(ups), len(downs))
        first, second = (generator.permutation(np.resize(rows, pairs)) for rows in (ups, downs))
        flips = torch.from_numpy(generator.choice([-1.0, 1.0], pairs)).to(states)
        differences = (states[torch.from_numpy(first)] - states[torch.from_numpy(second)]) * flips[:, None]
        _, singular, right = torch.linalg.svd(differences - differences.mean(0), full_matrices=False)
        share = singular[:1].square() / singular.square().sum()
        return Learned(right[:1], share)
