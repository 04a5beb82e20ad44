"""The one error of fetching."""

from sonoscope.errors import SonoscopeError


class FetchError(SonoscopeError):
    """Something could not be fetched; the message is one sentence that says what to do."""
