"""The one error of fetching."""


class FetchError(RuntimeError):
    """Something could not be fetched; the message is one sentence that says what to do."""
