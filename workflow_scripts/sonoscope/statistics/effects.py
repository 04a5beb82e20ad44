"""Effect sizes of two samples, with intervals."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import gammaln
from scipy.stats import rankdata

from sonoscope.statistics.arrays import Floats, binary, numbers
from sonoscope.statistics.bootstrap import Interval, WeightedStatistic, bootstrap_interval
from sonoscope.statistics.errors import StatisticsError
from sonoscope.statistics.noncentral import noncentral_t_cdf


def cohens_d(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> Interval:
    """Cohen's d of ``first`` minus ``second`` (pooled SD), with the exact interval by the noncentral t distribution.

    Raises
    ------
    StatisticsError
        A sample has fewer than two values, or neither varies.
    """
    a, b = numbers(first, "first"), numbers(second, "second")
    if min(a.size, b.size) < 2:
        raise StatisticsError(f"effect size: expected at least 2 values in each sample, found {a.size} and {b.size}")
    freedom = a.size + b.size - 2
    pooled = np.sqrt(((a.size - 1) * a.var(ddof=1) + (b.size - 1) * b.var(ddof=1)) / freedom)
    if pooled == 0:
        raise StatisticsError("effect size: both samples are constant, so there is no standard deviation to divide by")
    d = float((a.mean() - b.mean()) / pooled)
    root = float(np.sqrt(a.size * b.size / (a.size + b.size)))
    low, high = (_noncentrality(d * root, freedom, tail) / root for tail in ((1 + level) / 2, (1 - level) / 2))
    return Interval(d, low, high, a.size + b.size, a.size + b.size, level)


def hedges_g(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> Interval:
    """Hedges' g: Cohen's d times the exact small-sample correction J (Hedges 1981); the interval is scaled alike."""
    d = cohens_d(first, second, level)
    freedom = d.n - 2
    correction = (
        float(np.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2)) if freedom > 1 else 0.0
    )
    return Interval(d.estimate * correction, d.low * correction, d.high * correction, d.n, d.groups, level)


def _noncentrality(t: float, freedom: int, tail: float) -> float:
    """Noncentrality under which P(T <= t) equals ``tail``."""
    margin = 10.0 + abs(t)
    return float(brentq(lambda shift: noncentral_t_cdf(t, freedom, shift) - tail, t - margin, t + margin, xtol=1e-10))


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counting half."""
    positive = binary(labels)
    ranks = rankdata(numbers(scores, "scores"))
    count = int(positive.sum())
    others = positive.size - count
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def weighted_auc(scores: ArrayLike, labels: ArrayLike) -> WeightedStatistic:
    """`auc` as a statistic of weights (resamples, n)."""
    positive, values = binary(labels), numbers(scores, "scores")
    above = np.sign(values[positive][:, None] - values[~positive][None, :]) / 2 + 0.5

    def statistic(weights: Floats) -> Floats:
        ups, downs = weights[:, positive], weights[:, ~positive]
        total = ups.sum(1) * downs.sum(1)
        with np.errstate(invalid="ignore"):
            value: Floats = np.where(total > 0, ((ups @ above) * downs).sum(1) / total, np.nan)
        return value

    return statistic


def auc_interval(
    scores: ArrayLike,
    labels: ArrayLike,
    generator: np.random.Generator,
    groups: ArrayLike | None = None,
    *,
    resamples: int = 2000,
    level: float = 0.95,
) -> Interval:
    """`auc` with a percentile bootstrap interval over groups."""
    statistic = weighted_auc(scores, labels)
    return bootstrap_interval(statistic, np.asarray(scores).size, generator, groups, resamples=resamples, level=level)


def rank_biserial(first: ArrayLike, second: ArrayLike) -> float:
    """Rank-biserial correlation (Cliff's delta): P(first > second) − P(first < second), in [-1, 1]."""
    a, b = numbers(first, "first"), numbers(second, "second")
    return 2 * auc(np.concatenate([a, b]), np.concatenate([np.ones(a.size), np.zeros(b.size)])) - 1
