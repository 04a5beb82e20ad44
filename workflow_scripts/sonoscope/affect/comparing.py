"""Intervals and tests over songs: by resampling where songs are few, by the normal approximation where they are many.

With thousands of songs both say the same (a test compares them), and resampling a million songs
a thousand times for every style would take days.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sonoscope.settings.affect import AnalyseAffect
from sonoscope.statistics import bootstrap_interval, hedges_g, permutation_test
from sonoscope.statistics.correlation import weighted_pearson

Floats = NDArray[np.float64]
_TWO_SIDED = 1.959963984540054


class Estimate(NamedTuple):
    """An estimate with its 95 % interval and, where something is tested, its p."""

    value: float
    low: float
    high: float
    p: float = float("nan")


def mean_of(values: Floats, s: AnalyseAffect, rng: np.random.Generator) -> Estimate:
    """The mean over songs."""
    if len(values) > s.exact_below:
        half = _TWO_SIDED * float(values.std(ddof=1)) / len(values) ** 0.5
        return Estimate(float(values.mean()), float(values.mean()) - half, float(values.mean()) + half)
    found = bootstrap_interval(lambda w: (w @ values) / w.sum(1), len(values), rng, resamples=s.resamples)
    return Estimate(found.estimate, found.low, found.high)


def correlation_of(x: Floats, y: Floats, s: AnalyseAffect, rng: np.random.Generator) -> Estimate:
    """Pearson's correlation of ranks, which is Spearman's; the approximation is that of Bonett and Wright (2000)."""
    n = len(x)
    if n > s.exact_below:
        r = float(np.corrcoef(x, y)[0, 1])
        z, half = np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12)), _TWO_SIDED * ((1 + r * r / 2) / (n - 3)) ** 0.5
        t = r * ((n - 2) / max(1 - r * r, 1e-12)) ** 0.5
        return Estimate(r, float(np.tanh(z - half)), float(np.tanh(z + half)), float(2 * stats.t.sf(abs(t), n - 2)))
    found = bootstrap_interval(weighted_pearson(x, y), n, rng, resamples=s.resamples)
    null = np.array([np.corrcoef(x, rng.permutation(y))[0, 1] for _ in range(s.permutations)])
    p = (1 + int((np.abs(null) >= abs(found.estimate) - 1e-12).sum())) / (1 + s.permutations)
    return Estimate(found.estimate, found.low, found.high, p)


def difference_of(own: Floats, rest: Floats, s: AnalyseAffect, rng: np.random.Generator) -> Estimate:
    """Hedges' g of two groups of songs, and the test that their means are equal (by permutation, or Welch's)."""
    n, m = len(own), len(rest)
    if n + m > s.exact_below:
        pooled = (((n - 1) * own.var(ddof=1) + (m - 1) * rest.var(ddof=1)) / (n + m - 2)) ** 0.5
        g = float((own.mean() - rest.mean()) / max(pooled, 1e-12)) * (1 - 3 / (4 * (n + m) - 9))
        half = _TWO_SIDED * ((n + m) / (n * m) + g * g / (2 * (n + m))) ** 0.5
        return Estimate(g, g - half, g + half, float(stats.ttest_ind(own, rest, equal_var=False).pvalue))
    found = hedges_g(own, rest)
    p = float(permutation_test(own, rest, rng, s.permutations).p_value[0])
    return Estimate(found.estimate, found.low, found.high, p)


def against(values: Floats, inside: NDArray[np.bool_], s: AnalyseAffect, rng: np.random.Generator) -> dict[str, Any]:
    """A group of songs by itself and against all others, as `sonoscope.contracts.affect.STYLES` names it."""
    own, rest = values[inside], values[~inside]
    mean, g = mean_of(own, s, rng), difference_of(own, rest, s, rng)
    return {"n": len(own), "mean": mean.value, "low": mean.low, "high": mean.high, "sd": float(own.std(ddof=1)),
            "g": g.value, "g_low": g.low, "g_high": g.high, "p": g.p}  # fmt: skip
