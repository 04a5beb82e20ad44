"""Linear probes with grouped nested cross-validation: penalty and layer are chosen on inner folds alone.

All targets share folds, and so one decomposition per fold and layer: a hundred permuted labels cost little more than
one. A class is a target of 0 and 1, scored by the area under the curve; a number is scored by the share of variance
that is explained out of fold, with the mean of the training folds as the prediction to beat.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sonoscope.statistics import Interval, auc, bootstrap_interval, grouped_folds
from sonoscope.statistics.arrays import group_codes
from sonoscope.statistics.bootstrap import WeightedStatistic
from sonoscope.statistics.effects import weighted_auc

Floats = NDArray[np.float64]

PENALTIES: tuple[float, ...] = tuple(10.0**k for k in range(-1, 6))
"""Ridge penalties that are tried, on standardised features."""


@dataclass(frozen=True)
class ProbeResult:
    """Out-of-fold predictions."""

    predicted: Floats
    """``(n, targets)``: each row predicted by a probe whose fitting, penalty and layer never saw its group."""
    by_layer: Floats
    """``(n, layers, targets)``: the same at each layer with its own penalty, for the curve over layers."""
    baseline: Floats
    """``(n, targets)``: mean of the target in the training folds."""
    layers: NDArray[np.int64]
    """``(folds, targets)``: index of the layer that the inner folds chose."""


def nested_probe(
    states: NDArray[np.floating],
    targets: ArrayLike,
    groups: ArrayLike | None,
    generator: np.random.Generator,
    outer: int = 5,
    inner: int = 4,
) -> ProbeResult:
    """Probe hidden states ``(n, layers, dim)`` for targets ``(n, targets)``.

    Raises
    ------
    StatisticsError
        Fewer groups than folds.
    """
    x = np.asarray(states, dtype=np.float64)
    y = np.asarray(targets, dtype=np.float64)
    n, layers, _ = x.shape
    codes = group_codes(groups, n)
    predicted, by_layer, baseline = np.empty_like(y), np.empty((n, layers, y.shape[1])), np.empty_like(y)
    chosen: list[NDArray[np.int64]] = []
    columns = np.arange(y.shape[1])
    for train, test in grouped_folds(n, outer, generator, codes):
        folds = grouped_folds(len(train), inner, generator, codes[train])
        error = np.zeros((layers, len(PENALTIES), y.shape[1]))
        for fit, check in folds:
            for layer in range(layers):
                guess = ridge_path(x[train[fit], layer], y[train[fit]], x[train[check], layer])
                error[layer] += ((guess - y[train[check]]) ** 2).sum(1)
        best = error.argmin(1)  # [layers, targets]
        layer_of = error.min(1).argmin(0)  # [targets]
        for layer in range(layers):
            guess = ridge_path(x[train, layer], y[train], x[test, layer])
            by_layer[test, layer] = guess[best[layer], :, columns].T
        predicted[test] = by_layer[test][:, layer_of, columns]
        baseline[test] = y[train].mean(0)
        chosen.append(layer_of)
    return ProbeResult(predicted, by_layer, baseline, np.stack(chosen))


def ridge_path(train: Floats, targets: Floats, test: Floats) -> Floats:
    """Predictions ``(penalties, tests, targets)`` of ridge regressions, features standardised by the training rows."""
    mean, spread = train.mean(0), train.std(0)
    scale = np.where(spread > 1e-9 * max(float(spread.max()), 1e-30), spread, np.inf)
    left, values, right = np.linalg.svd((train - mean) / scale, full_matrices=False)
    centre = targets.mean(0)
    rotated = left.T @ (targets - centre)
    projected = ((test - mean) / scale) @ right.T
    shrunk = np.stack([values / (values**2 + penalty) for penalty in PENALTIES])
    return np.asarray(np.einsum("tk,pk,kq->ptq", projected, shrunk, rotated, optimize=True) + centre)


def readout(
    train: NDArray[np.floating], target: Floats, test: NDArray[np.floating], generator: np.random.Generator,
    folds: int = 4, smallest: float = 0.1,
) -> Floats:  # fmt: skip
    """Calibrated reading ``(tests,)`` of one target from states ``(n, dim)``; the penalty is chosen on folds.

    Ridge readings are pulled to the mean. They are stretched by the slope of out-of-fold readings on the target, so
    that on average a change of the target by 1 is read as 1. A slope below ``smallest`` says that nothing is read, and
    readings are then left as they are.
    """
    x, y = np.asarray(train, dtype=np.float64), np.asarray(target, dtype=np.float64)
    held_out = _held_out_path(x, y, grouped_folds(len(y), folds, generator))
    best = int(((held_out - y) ** 2).sum(1).argmin())
    slope = float(np.cov(held_out[best], y)[0, 1] / max(float(y.var(ddof=1)), 1e-24))
    read = ridge_path(x, y[:, None], np.asarray(test, dtype=np.float64))[best, :, 0]
    return np.asarray(y.mean() + (read - y.mean()) / slope if slope > smallest else read)


def readout_resamples(
    train: NDArray[np.floating], target: Floats, test: NDArray[np.floating], generator: np.random.Generator,
    resamples: int = 200, folds: int = 4, smallest: float = 0.1,
) -> Floats:  # fmt: skip
    """Readings ``(resamples, tests)`` as `readout` gives them, each learned from a bootstrap resample of the training.

    What they differ by is the uncertainty of probe and calibration, which an interval over what is read leaves out. The
    penalty is the one that all rows choose. Resampled rows are weights, and folds divide rows, so that no reading that
    the slope is taken from was learned from its own row.
    """
    x, y = np.asarray(train, dtype=np.float64), np.asarray(target, dtype=np.float64)
    parts = grouped_folds(len(y), folds, generator)
    penalty = PENALTIES[int(((_held_out_path(x, y, parts) - y) ** 2).sum(1).argmin())]
    mean, spread = x.mean(0), x.std(0)
    scale = np.where(spread > 1e-9 * max(float(spread.max()), 1e-30), spread, np.inf)
    left, values, right = np.linalg.svd((x - mean) / scale, full_matrices=False)
    z, seen = left * values, ((np.asarray(test, dtype=np.float64) - mean) / scale) @ right.T
    checks = [check for _, check in parts]
    found = np.empty((resamples, len(seen)))
    for k in range(resamples):
        weights = generator.multinomial(len(y), np.full(len(y), 1 / len(y))).astype(np.float64)
        sums = [_moments(z[check], y[check], weights[check]) for check in checks]
        whole = _total(sums)
        held_out = np.empty(len(y))
        for own, check in enumerate(checks):
            others = _total(sums[:own] + sums[own + 1 :])
            held_out[check] = _weighted_ridge(others, penalty)(z[check])
        centre = whole.y / whole.n
        slope = float(weights @ ((held_out - weights @ held_out / whole.n) * (y - centre)))
        slope /= max(float(weights @ (y - centre) ** 2), 1e-24)
        read = _weighted_ridge(whole, penalty)(seen)
        found[k] = centre + (read - centre) / slope if slope > smallest else read
    return found


class _Moments(NamedTuple):
    """Weighted sums that a ridge regression is solved from."""

    n: float
    x: Floats
    y: float
    xx: Floats
    xy: Floats


def _moments(x: Floats, y: Floats, weights: Floats) -> _Moments:
    weighted = x * weights[:, None]
    return _Moments(float(weights.sum()), weighted.sum(0), float(weights @ y), weighted.T @ x, weighted.T @ y)


def _total(parts: Sequence[_Moments]) -> _Moments:
    n, x, y, xx, xy = zip(*parts, strict=True)
    return _Moments(sum(n), np.sum(x, axis=0), sum(y), np.sum(xx, axis=0), np.sum(xy, axis=0))


def _weighted_ridge(of: _Moments, penalty: float) -> Callable[[Floats], Floats]:
    """The predictor of a ridge regression with an intercept that is not penalised."""
    mean, centre = of.x / of.n, of.y / of.n
    gram = of.xx - of.n * np.outer(mean, mean)
    gram[np.diag_indices_from(gram)] += penalty
    slope = np.linalg.solve(gram, of.xy - of.n * mean * centre)
    return lambda x: np.asarray(centre + (x - mean) @ slope)


def _held_out_path(x: Floats, y: Floats, folds: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> Floats:
    """Out-of-fold predictions ``(penalties, n)``."""
    held_out = np.empty((len(PENALTIES), len(y)))
    for fit, check in folds:
        held_out[:, check] = ridge_path(x[fit], y[fit, None], x[check])[:, :, 0]
    return held_out


def r_squared(predicted: ArrayLike, truth: ArrayLike, baseline: ArrayLike) -> WeightedStatistic:
    """Share of variance explained, one value per row of weights: 1 - errors² / errors of the baseline²."""
    p, y, b = (np.asarray(v, dtype=np.float64) for v in (predicted, truth, baseline))
    own, null = (y - p) ** 2, (y - b) ** 2

    def statistic(weights: Floats) -> Floats:
        return np.asarray(1 - (weights @ own) / np.maximum(weights @ null, 1e-24))

    return statistic


def is_class(target: Floats) -> bool:
    """Whether a target is a class of 0 and 1."""
    return bool(np.isin(target, (0, 1)).all())


def score(predicted: Floats, target: Floats, baseline: Floats) -> float:
    """Area under the curve of a class, share of explained variance of a number."""
    if is_class(target):
        return auc(predicted, target)
    return float(r_squared(predicted, target, baseline)(np.ones((1, len(target))))[0])


def score_interval(
    predicted: Floats, target: Floats, baseline: Floats, groups: ArrayLike, generator: np.random.Generator,
    resamples: int = 1000,
) -> Interval:  # fmt: skip
    """`score` with a 95 % bootstrap interval over groups; the probes themselves are not fitted again."""
    statistic = weighted_auc(predicted, target) if is_class(target) else r_squared(predicted, target, baseline)
    return bootstrap_interval(statistic, len(target), generator, groups=groups, resamples=resamples)


def control_task(kinds: ArrayLike, is_a_class: bool, generator: np.random.Generator) -> Floats:
    """A target that only memory can solve: one random value per kind of item (Hewitt & Liang 2019).

    The score of the task minus that of its control is the probe's selectivity.
    """
    codes = group_codes(kinds, len(np.asarray(kinds)))
    count = int(codes.max()) + 1
    if is_a_class:
        return np.asarray(generator.permutation(np.arange(count) % 2)[codes], dtype=np.float64)
    return np.asarray(generator.standard_normal(count)[codes])
