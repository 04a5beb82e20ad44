"""A line from time to time: bytes, rate, time left."""

import logging
import time
from collections.abc import Callable

from sonoscope.logs import duration, size

logger = logging.getLogger(__name__)


class Progress:
    """Says through logging how far a download is, at most every ``every`` seconds.

    Parameters
    ----------
    label
        What is fetched.
    total
        Bytes in all, or None when the server does not say.
    start
        Bytes that were there already; they count as done and not towards the rate.
    every
        Seconds between two lines.
    clock
        A monotonic clock in seconds.
    """

    def __init__(
        self,
        label: str,
        total: int | None,
        start: int = 0,
        every: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.label, self.total, self.every = label, total, every
        self._start, self._clock = start, clock
        self._began = self._last = clock()

    def at(self, done: int) -> None:
        """Report that ``done`` bytes are there; speaks only if the last line is old enough."""
        now = self._clock()
        if now - self._last >= self.every:
            self._last = now
            logger.info("%s", self.line(done))

    def line(self, done: int) -> str:
        """Compose the line for ``done`` bytes: bytes of total, rate, time left."""
        seconds = max(self._clock() - self._began, 1e-9)
        rate = max(done - self._start, 0) / seconds
        text = f"{self.label}: {size(done)}"
        if self.total is None:
            return f"{text} at {size(rate)}/s"
        share = 100 * done / self.total if self.total else 100
        left = duration((self.total - done) / rate) if rate > 0 else "unknown"
        return f"{text} of {size(self.total)} ({share:.0f} %) at {size(rate)}/s, {left} left"
