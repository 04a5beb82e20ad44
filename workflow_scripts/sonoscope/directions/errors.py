"""The error of this package."""

from sonoscope.errors import SonoscopeError


class DirectionError(SonoscopeError, ValueError):
    """Hidden states, labels or settings from which no direction can be had."""
