"""Logging: one form of line, and progress that reads well in a file as on a terminal."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


def set_up(level: int = logging.INFO) -> None:
    """Send the messages of all modules to standard error, with the time of day in front."""
    form = logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(form)
    top = logging.getLogger()
    top.handlers[:] = [handler]
    top.setLevel(logging.WARNING)  # other people's libraries talk too much at INFO
    logging.getLogger("sonoscope").setLevel(level)
    logging.getLogger("__main__").setLevel(level)
    logging.captureWarnings(True)


class Progress:
    """Counts items and says, every 30 s, how many are done, how fast, and how long it will take.

    On a terminal it draws a bar instead. Use it as a context manager and call `advance`, or use `track`.

    Parameters
    ----------
    total : int
        How many items there will be.
    unit : str
        What the items are, in the plural: ``"clips"``.
    every : float
        Seconds between two lines.
    """

    def __init__(self, total: int, unit: str, every: float = 30.0) -> None:
        self.total = total
        self.unit = unit
        self.done = 0
        self._every = every
        self._start = self._last = time.monotonic()
        self._bar = None
        if sys.stderr.isatty():
            from tqdm import tqdm  # type: ignore[import-untyped]

            self._bar = tqdm(total=total, unit=f" {unit}", leave=False)

    def advance(self, count: int = 1) -> None:
        """Count ``count`` more items as done."""
        self.done += count
        if self._bar is not None:
            self._bar.update(count)
        elif time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            logger.info("%s", str(self))

    def __str__(self) -> str:
        passed = time.monotonic() - self._start
        rate = self.done / passed if passed > 0 else 0.0
        left = f", {duration((self.total - self.done) / rate)} left" if rate > 0 and self.done < self.total else ""
        return f"{self.done} of {self.total} {self.unit}, {rate:.3g} per second{left}"

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        logger.info("%s in %s", str(self), duration(time.monotonic() - self._start))


def track(items: Iterable[T], unit: str, total: int | None = None) -> Iterator[T]:
    """Iterate over ``items`` and report progress; ``total`` is needed where ``len(items)`` is not known."""
    count = len(items) if total is None else total  # type: ignore[arg-type]
    with Progress(count, unit) as progress:
        for item in items:
            yield item
            progress.advance()


def duration(seconds: float) -> str:
    """``seconds`` as people say it: 0.4 s, 12 s, 3 min 05 s, 2 h 10 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size(count: float) -> str:
    """``count`` bytes in units that a person can compare."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"
