"""Correlations, with bootstrap intervals over groups."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from sonoscope.statistics.arrays import Floats, numbers
from sonoscope.statistics.bootstrap import Interval, Method, WeightedStatistic, bootstrap_interval
from sonoscope.statistics.errors import StatisticsError


def _pair(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    first, second = numbers(x, "x"), numbers(y, "y")
    if first.size != second.size:
        raise StatisticsError(f"correlation: expected equally many values, found {first.size} and {second.size}")
    return first, second


def _weighted(weights: Floats, x: Floats, y: Floats) -> Floats:
    """Pearson correlation under each row of ``weights``; ``x`` and ``y`` broadcast. NaN where one is constant."""
    total = weights.sum(1, keepdims=True)
    dx = x - (weights * x).sum(1, keepdims=True) / total
    dy = y - (weights * y).sum(1, keepdims=True) / total
    product = (weights * dx * dy).sum(1)
    scale = np.sqrt((weights * dx * dx).sum(1) * (weights * dy * dy).sum(1))
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Floats = np.where(scale > 1e-12 * (1 + np.abs(product)), product / scale, np.nan)
    return value


def weighted_pearson(x: ArrayLike, y: ArrayLike) -> WeightedStatistic:
    """Pearson correlation as a statistic of weights (resamples, n)."""
    first, second = _pair(x, y)
    return lambda weights: _weighted(weights, first[None, :], second[None, :])


def weighted_spearman(x: ArrayLike, y: ArrayLike) -> WeightedStatistic:
    """Spearman correlation as a statistic of weights: the ranks are those within each resample, ties at mid-rank."""
    first, second = _pair(x, y)
    orders = [np.sign(values[None, :] - values[:, None]) / 2 + 0.5 for values in (first, second)]
    return lambda weights: _weighted(weights, weights @ orders[0], weights @ orders[1])


def _value(x: Floats, y: Floats) -> float:
    if x.size < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        raise StatisticsError(f"correlation: expected at least 3 pairs and no constant variable, found {x.size} pairs")
    return float(np.corrcoef(x, y)[0, 1])


def pearson(x: ArrayLike, y: ArrayLike) -> float:
    """Pearson's product-moment correlation."""
    return _value(*_pair(x, y))


def spearman(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's rank correlation, ties at mid-rank."""
    first, second = _pair(x, y)
    return _value(rankdata(first), rankdata(second))


def correlation_interval(
    x: ArrayLike,
    y: ArrayLike,
    generator: np.random.Generator,
    groups: ArrayLike | None = None,
    *,
    kind: Literal["pearson", "spearman"] = "pearson",
    resamples: int = 2000,
    level: float = 0.95,
    method: Method = "percentile",
) -> Interval:
    """Correlation with a bootstrap interval over groups."""
    statistic = weighted_pearson(x, y) if kind == "pearson" else weighted_spearman(x, y)
    n = np.asarray(x).size
    return bootstrap_interval(statistic, n, generator, groups, resamples=resamples, level=level, method=method)
