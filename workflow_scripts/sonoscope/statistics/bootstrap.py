"""Bootstrap intervals over groups, by weights.

A resample of groups is a vector of how often each row was drawn. A statistic therefore takes weights of shape
(resamples, n) and gives one value per resample, so that all resamples are one matrix product, and the same function
serves the estimate (weights 1), the bootstrap (multinomial weights) and the jackknife (one group at 0).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from sonoscope.statistics.arrays import Floats, Ints, group_codes
from sonoscope.statistics.errors import StatisticsError

WeightedStatistic = Callable[[Floats], Floats]
Method = Literal["percentile", "bca"]
_BLOCK = 4_000_000  # weights held at once


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval: n rows in ``groups`` independent units."""

    estimate: float
    low: float
    high: float
    n: int
    groups: int
    level: float = 0.95


def resampled(function: Callable[..., float], *arrays: ArrayLike) -> WeightedStatistic:
    """Weighted form of any function of arrays, by repeating rows (slower than a statistic written for weights)."""
    columns = [np.asarray(a) for a in arrays]

    def statistic(weights: Floats) -> Floats:
        counts = weights.astype(np.int64)
        return np.array([function(*(np.repeat(c, row, axis=0) for c in columns)) for row in counts], dtype=np.float64)

    return statistic


def _draw(codes: Ints, resamples: int, generator: np.random.Generator) -> Floats:
    """Weights of shape (resamples, n): how often the group of each row was drawn, with replacement."""
    count = int(codes.max()) + 1
    drawn = generator.multinomial(count, np.full(count, 1.0 / count), size=resamples)
    return drawn[:, codes].astype(np.float64)


def bootstrap_distribution(
    statistic: WeightedStatistic,
    n: int,
    generator: np.random.Generator,
    groups: ArrayLike | None = None,
    resamples: int = 2000,
) -> Floats:
    """Values of ``statistic`` in resamples of whole groups; undefined ones (NaN, as with one class) are left out."""
    codes = group_codes(groups, n)
    block = max(1, _BLOCK // n)
    sizes = [min(block, resamples - start) for start in range(0, resamples, block)]
    values = np.concatenate([statistic(_draw(codes, size, generator)) for size in sizes])
    defined: Floats = values[np.isfinite(values)]
    return defined


def bootstrap_interval(
    statistic: WeightedStatistic,
    n: int,
    generator: np.random.Generator,
    groups: ArrayLike | None = None,
    *,
    resamples: int = 2000,
    level: float = 0.95,
    method: Method = "percentile",
) -> Interval:
    """Interval of ``statistic`` from resamples of whole groups.

    Parameters
    ----------
    statistic
        Weights (resamples, n) to values (resamples,); NaN where it is not defined.
    n
        Number of rows.
    generator
        Source of randomness.
    groups
        Group of each row (song, prompt, render). Without it each row is one unit.
    method
        ``percentile``, or ``bca``: bias-corrected and accelerated (Efron 1987), whose acceleration comes from the
        jackknife over groups.

    Raises
    ------
    StatisticsError
        Fewer than two groups, an undefined estimate, or more than half of the resamples undefined.
    """
    codes = group_codes(groups, n)
    count = int(codes.max()) + 1
    if count < 2:
        raise StatisticsError(f"bootstrap: expected at least 2 groups, found {count}; one unit has no interval")
    estimate = float(statistic(np.ones((1, n)))[0])
    if not np.isfinite(estimate):
        raise StatisticsError("bootstrap: the statistic is not defined on the data themselves")
    values = bootstrap_distribution(statistic, n, generator, codes, resamples)
    if values.size * 2 < resamples:
        raise StatisticsError(
            f"bootstrap: defined in only {values.size} of {resamples} resamples; use larger or more groups"
        )
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "bca":
        tails = _bca_tails(statistic, codes, values, estimate, tails)
    low, high = np.quantile(values, tails)
    return Interval(estimate, float(low), float(high), n, count, level)


def _bca_tails(statistic: WeightedStatistic, codes: Ints, values: Floats, estimate: float, tails: Floats) -> Floats:
    """Corrected tail probabilities of the BCa interval."""
    share = np.clip(((values < estimate).mean() + (values <= estimate).mean()) / 2, 1e-6, 1 - 1e-6)
    bias = ndtri(share)
    left_out = statistic((codes[None, :] != np.arange(codes.max() + 1)[:, None]).astype(np.float64))
    deviations = left_out[np.isfinite(left_out)].mean() - left_out[np.isfinite(left_out)]
    spread = float((deviations**2).sum()) ** 1.5
    acceleration = float((deviations**3).sum()) / (6 * spread) if spread > 0 else 0.0
    z = bias + ndtri(tails)
    corrected: Floats = ndtr(bias + z / (1 - acceleration * z))
    return corrected
