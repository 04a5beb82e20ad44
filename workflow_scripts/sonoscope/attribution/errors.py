"""What is refused in attribution, said in one sentence."""

from sonoscope.errors import SonoscopeError


class AttributionError(SonoscopeError, ValueError):
    """Something that cannot be attributed, stored or compared, with the reason."""
