"""The error of this package."""

from sonoscope.errors import SonoscopeError


class ConceptError(SonoscopeError, ValueError):
    """A concept or target that the corpus does not have."""
