"""Room on the disk, before a download starts."""

import shutil
from collections.abc import Callable
from pathlib import Path

from sonoscope.fetch.errors import FetchError
from sonoscope.logs import size as in_units

MARGIN = 1_000_000_000  # bytes that stay free, for logs, results and other programs


def existing(place: Path) -> Path:
    """``place``, or the nearest folder above it that exists."""
    return next(folder for folder in (place, *place.absolute().parents) if folder.exists())


def free_bytes(place: Path) -> int:
    """Free bytes on the disk that holds ``place`` (which need not exist yet)."""
    return shutil.disk_usage(existing(place)).free


def require(place: Path, needed: int, label: str, free: Callable[[Path], int] = free_bytes) -> None:
    """Check that ``needed`` more bytes fit at ``place`` and `MARGIN` stays free.

    Raises
    ------
    FetchError
        They do not; the message names the place and the shortfall.
    """
    there = free(place)
    short = needed + MARGIN - there
    if needed > 0 and short > 0:
        raise FetchError(
            f"{label}: {in_units(needed)} are still to come to {place} and {in_units(MARGIN)} must stay free, "
            f"but only {in_units(there)} are; free {in_units(short)}, or set another storage place"
        )
