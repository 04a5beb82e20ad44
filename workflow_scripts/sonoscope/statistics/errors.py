"""The error of this package."""

from sonoscope.errors import SonoscopeError


class StatisticsError(SonoscopeError, ValueError):
    """Data for which a statistic, test or split is not defined."""
