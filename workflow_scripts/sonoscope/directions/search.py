"""Choice of hyperparameters and iterate by seeded random search inside grouped cross-validation.

All points of a search share the inner products, so a point costs one kernel and one Cholesky factor per iterate. (An
eigendecomposition would give all penalties at once, but costs as much as twenty Cholesky factors at these sizes.)
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from sonoscope.directions.metric import FeatureMetric, GramMetric, Normalisation
from sonoscope.directions.recursion import KernelSettings, recursion
from sonoscope.directions.scores import prediction_score, projection_score
from sonoscope.directions.targets import Groups, Target
from sonoscope.statistics.arrays import Floats
from sonoscope.statistics.splits import grouped_folds

Criterion = Literal["projection", "predictor"]
Range = tuple[float, float]
STILL = 1e-5  # 1 - |cosine| of two iterates' eigenvectors that count as the same
RANKING_TOLERANCE = 1e-3  # of eigenvectors that are only compared; the final ones are exact to rounding


@dataclass(frozen=True)
class SearchSpace:
    """Where hyperparameters are drawn from.

    The published search draws L from 1 to 100 in the unit of the states; here L is in root-mean-square distances, which
    spans the same two decades around 1 whatever the scale of a layer.
    """

    bandwidth: Range = (0.3, 30.0)
    exponent: Range = (0.7, 1.4)
    penalty: Range = (1e-5, 10.0)
    centre_gradients: tuple[bool, ...] = (False, True)
    bandwidth_unit: Literal["relative", "absolute"] = "relative"

    def draw(self, points: int, generator: np.random.Generator) -> list[KernelSettings]:
        """Independent draws: bandwidth and penalty log-uniform, exponent uniform."""

        def log_uniform(limits: Range) -> float:
            return float(np.exp(generator.uniform(*np.log(limits))))

        return [
            KernelSettings(
                bandwidth=log_uniform(self.bandwidth),
                exponent=float(generator.uniform(*self.exponent)),
                penalty=log_uniform(self.penalty),
                centre_gradients=bool(generator.choice(self.centre_gradients)),
                bandwidth_unit=self.bandwidth_unit,
            )
            for _ in range(points)
        ]


@dataclass(frozen=True)
class Choice:
    """The chosen settings and iterate, with the curve (score per iterate, mean over folds) of the chosen point."""

    settings: KernelSettings
    iteration: int
    score: float
    curve: tuple[float, ...]


def new_metric(points: Tensor, held_out: list[Tensor], normalisation: Normalisation) -> GramMetric | FeatureMetric:
    """The cheaper of the two forms of the metric."""
    n, dim = points.shape
    if normalisation == "spread" and n <= 2 * dim:
        return GramMetric(points, held_out)
    return FeatureMetric(points, held_out, normalisation)


def choose(
    states: Tensor,
    target: Target,
    groups: Groups,
    candidates: list[KernelSettings],
    *,
    iterations: int,
    folds: int,
    generator: np.random.Generator,
    criterion: Criterion = "projection",
    normalisation: Normalisation = "spread",
    components: int = 1,
    patience: float = 1.1,
) -> Choice:
    """Settings and iterate with the best mean score over grouped folds.

    Parameters
    ----------
    states
        Shape (n, dim).
    candidates
        Points to compare; ties go to the earlier one and to fewer iterations.
    criterion
        ``projection``: score of the held-out projection on the leading eigenvector, which is what will be injected.
        ``predictor``: score of the kernel predictor, as published; the only one that sees a symmetric concept.
    components
        Eigenvectors whose projections are scored when there are several classes.
    patience
        A point is left when its score falls below the best of its fold by this factor (early stopping as published).
    """
    splits = grouped_folds(len(target), folds, generator, groups, target.strata())
    table = np.full((len(candidates), iterations + 1, len(splits)), -np.inf)
    for column, (train, test) in enumerate(splits):
        fit_on, held_out = states[torch.from_numpy(train)], states[torch.from_numpy(test)]
        mean = fit_on.mean(0)
        predicted = [held_out - mean] if criterion == "predictor" else []
        metric = new_metric(fit_on - mean, predicted, normalisation)
        sides = target.take(train), target.take(test, held_out=True)
        for row, settings in enumerate(candidates):
            curve = _curve(
                metric, sides, (fit_on - mean, held_out - mean), settings, iterations, criterion, components, patience
            )
            table[row, : len(curve), column] = curve
    return best_of(table, candidates)


def best_of(table: Floats, candidates: list[KernelSettings]) -> Choice:
    """The best candidate and iterate by scores ``(candidates, iterates, folds)``; ties go to the earlier ones."""
    means = table.mean(2)
    row, iteration = (int(i) for i in np.unravel_index(np.argmax(means), means.shape))
    chosen = tuple(float(v) for v in means[row] if np.isfinite(v))
    return Choice(candidates[row], iteration, float(means[row, iteration]), chosen)


def has_fallen(curve: list[float], patience: float) -> bool:
    """Whether the last score lies so far below the best that the point is left."""
    best = max(curve)
    return curve[-1] < best - abs(best) * (1 - 1 / patience)


def _curve(
    metric: GramMetric | FeatureMetric,
    targets: tuple[Target, Target],
    states: tuple[Tensor, Tensor],
    settings: KernelSettings,
    iterations: int,
    criterion: Criterion,
    components: int,
    patience: float,
) -> list[float]:
    """Held-out score per iterate, until it falls well below the best; constant once the eigenvectors stand still."""
    train, test = targets
    metric.restart()
    curve: list[float] = []
    before = None
    for iterate in recursion(metric, centred_targets(train), settings, iterations):
        if criterion == "predictor":
            value = prediction_score(iterate.predictions()[0] + train.values.mean(0), test)
        else:
            basis = iterate.eigenpairs(components, RANKING_TOLERANCE)[1].T
            if basis.shape[1] == 0:
                break
            value = projection_score(states[0] @ basis, train, states[1] @ basis, test)
            if (
                before is not None
                and before.shape == basis.shape
                and bool(((before * basis).sum(0).abs() > 1 - STILL).all())
            ):
                return curve + [value] * (iterations + 1 - len(curve))
            before = basis
        curve.append(value)
        if has_fallen(curve, patience):
            break
    return curve


def centred_targets(target: Target) -> Tensor:
    """Encoded labels less their mean, which stands in for the intercept that a kernel predictor lacks."""
    return target.values - target.values.mean(0)
