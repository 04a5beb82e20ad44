"""Mediation: how much of the effect of X on Y runs through M, by intervention and by regression.

With Y(x, m) what the outcome would be under do(X = x, M = m) and M(x) what the mediator would be under do(X = x), all
with the same noise (Pearl 2001): natural direct effect E[Y(1, M(0)) - Y(0, M(0))], natural indirect effect
E[Y(1, M(1)) - Y(1, M(0))] (the total-indirect convention), and total effect, their sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sonoscope.statistics import Interval, bootstrap_interval
from sonoscope.statistics.arrays import group_codes

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mediation:
    """Effects with 95 % intervals."""

    direct: Interval
    indirect: Interval
    total: Interval

    @property
    def share(self) -> float | None:
        """Share that is mediated; None where the interval of the total effect holds 0."""
        if self.total.low <= 0 <= self.total.high:
            return None
        return self.indirect.estimate / self.total.estimate


def by_intervention(
    y00: ArrayLike, y10: ArrayLike, y11: ArrayLike, generator: np.random.Generator, groups: ArrayLike | None = None,
    resamples: int = 2000,
) -> Mediation:  # fmt: skip
    """From paired outcomes Y(0, M(0)), Y(1, M(0)) and Y(1, M(1)), one row per unit with its own noise.

    Nothing is assumed of how M and Y are confounded, because M is set and not observed.
    """
    a, b, c = (np.asarray(y, dtype=np.float64) for y in (y00, y10, y11))

    def mean(values: Floats) -> Interval:
        return bootstrap_interval(
            lambda weights: np.asarray(weights @ values / weights.sum(1)), len(values), generator, groups=groups,
            resamples=resamples,
        )  # fmt: skip

    return Mediation(mean(b - a), mean(c - b), mean(c - a))


def by_readings(
    readings: Sequence[Floats], learned_again: Sequence[Floats], generator: np.random.Generator
) -> Mediation:
    """As `by_intervention`, of outcomes that are read by a probe, whose own uncertainty is in the intervals.

    Parameters
    ----------
    readings
        Y(0, M(0)), Y(1, M(0)) and Y(1, M(1)), each ``(units,)``.
    learned_again
        The same by probes that were learned from resamples of their training, each ``(resamples, units)``. Every one is
        averaged over a resample of the units.
    """
    resamples, units = learned_again[0].shape
    weights = generator.multinomial(units, np.full(units, 1 / units), size=resamples) / units
    drawn = [(again * weights).sum(1) for again in learned_again]
    point = [float(np.mean(reading)) for reading in readings]

    def interval(first: int, second: int) -> Interval:
        low, high = np.quantile(drawn[second] - drawn[first], (0.025, 0.975))
        return Interval(point[second] - point[first], float(low), float(high), units, units)

    return Mediation(interval(0, 1), interval(1, 2), interval(0, 2))


def by_regression(
    x: ArrayLike, m: ArrayLike, y: ArrayLike, generator: np.random.Generator, groups: ArrayLike | None = None,
    resamples: int = 1000,
) -> Mediation:  # fmt: skip
    """From observed values, by M on X, and Y on X, M and X M. Wrong wherever something else moves both M and Y."""
    data = [np.asarray(v, dtype=np.float64) for v in (x, m, y)]
    codes = group_codes(groups, len(data[0]))
    members = [np.flatnonzero(codes == g) for g in range(int(codes.max()) + 1)]
    point = regression_effects(*data)
    drawn = np.empty((resamples, 3))
    for k in range(resamples):
        rows = np.concatenate([members[g] for g in generator.integers(len(members), size=len(members))])
        drawn[k] = regression_effects(*(v[rows] for v in data))
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    n = len(data[0])
    direct, indirect, total = (Interval(point[k], float(low[k]), float(high[k]), n, len(members)) for k in range(3))
    return Mediation(direct, indirect, total)


def regression_effects(x: Floats, m: Floats, y: Floats) -> tuple[float, float, float]:
    """Direct, total indirect and total effect by least squares, for x of 0 and 1."""
    one = np.ones_like(x)
    start, slope = np.linalg.lstsq(np.stack([one, x], 1), m, rcond=None)[0]
    _, of_x, of_m, both = np.linalg.lstsq(np.stack([one, x, m, x * m], 1), y, rcond=None)[0]
    direct = float(of_x + both * start)
    indirect = float((of_m + both) * slope)
    return direct, indirect, direct + indirect


@dataclass(frozen=True)
class KnownModel:
    """A structural causal model whose effects are known: M = a X + U + e, Y = direct X + b M + both X M + c U + e.

    U confounds mediator and outcome wherever c is not 0. X is a fair coin.
    """

    direct: float = 0.3
    a: float = 1.0
    b: float = 0.8
    both: float = 0.2
    c: float = 1.0

    def truth(self) -> tuple[float, float]:
        """Natural direct and total indirect effect."""
        return self.direct, (self.b + self.both) * self.a

    def observe(self, n: int, generator: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        """X, M and Y of ``n`` units that are only watched."""
        x = generator.integers(2, size=n).astype(np.float64)
        u, e_m, e_y = generator.standard_normal((3, n))
        m = self.a * x + u + e_m
        return x, m, self._outcome(x, m, u, e_y)

    def intervene(self, n: int, generator: np.random.Generator, slip: float = 0.1) -> tuple[Floats, Floats, Floats]:
        """Y(0, M(0)), Y(1, M(0)) and Y(1, M(1)) of ``n`` units under interventions.

        Each outcome is measured with an error of standard deviation ``slip``.
        """
        u, e_m, e_y = generator.standard_normal((3, n))
        m0, m1 = u + e_m, self.a + u + e_m
        zero, one = np.zeros(n), np.ones(n)
        outcomes = [self._outcome(x, m, u, e_y) for x, m in ((zero, m0), (one, m0), (one, m1))]
        y00, y10, y11 = (y + slip * generator.standard_normal(n) for y in outcomes)
        return y00, y10, y11

    def _outcome(self, x: Floats, m: Floats, u: Floats, e: Floats) -> Floats:
        return self.direct * x + self.b * m + self.both * x * m + self.c * u + e
