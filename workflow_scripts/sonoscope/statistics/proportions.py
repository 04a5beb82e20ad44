"""Intervals of proportions."""

from scipy.special import ndtri

from sonoscope.statistics.bootstrap import Interval
from sonoscope.statistics.errors import StatisticsError


def wilson_interval(hits: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of ``hits`` in ``n`` independent trials; right at 0 and n too.

    Raises
    ------
    StatisticsError
        ``n`` is not positive or ``hits`` is not between 0 and ``n``.
    """
    if n < 1 or not 0 <= hits <= n:
        raise StatisticsError(f"wilson: expected 0 <= hits <= n and n >= 1, found hits {hits}, n {n}")
    z = float(ndtri((1 + level) / 2))
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == n else min(1.0, centre + half)
    return Interval(share, low, high, n, n, level)
