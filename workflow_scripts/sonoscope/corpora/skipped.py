"""What a loader left out, and why: one line per item."""

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from sonoscope.contracts.skipped import SKIPPED


class Skipped(NamedTuple):
    """An item that a loader could not use."""

    item: str
    """Name of the item within its corpus."""
    reason: str
    """Why, in words."""
    file: str | None = None
    """The file that it came from, relative to the corpus."""


def skipped_frame(items: Iterable[Skipped]) -> pd.DataFrame:
    """Lines as a table that fits `SKIPPED`."""
    frame = pd.DataFrame(list(items), columns=list(Skipped._fields))
    SKIPPED.check(frame)
    return frame
