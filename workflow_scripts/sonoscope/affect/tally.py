"""What the table of bars adds up to, read a block at a time: 10⁸ bars need no more memory than their songs do."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sonoscope.affect.labels import DIMENSIONS
from sonoscope.contracts.affect import BARS

Floats = NDArray[np.float64]

PARTS: Final = 10
"""Parts into which the course of a song is cut."""
_ROWS: Final = 250_000
_READ: Final = ("md5", "valence", "arousal", "thinned")


def song_blocks(
    path: Path, songs: Collection[str], columns: Sequence[str] = _READ, rows: int = _ROWS
) -> Iterator[pd.DataFrame]:
    """Bars of the wanted songs in the order of the table, whole songs at a time, about ``rows`` bars at once.

    Parameters
    ----------
    path : Path
        Table of bars, as `BARS` declares; the bars of a song stand together.
    songs : collection of str
        MD5s that are wanted.
    columns : sequence of str
        Columns to read, ``md5`` among them.
    """
    missing = set(columns) - set(BARS.columns)
    if missing:
        raise ValueError(f"columns: {', '.join(sorted(missing))} do not stand in the table of bars")
    rest: pd.DataFrame | None = None
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(rows, columns=list(columns)):
            frame = batch.to_pandas()
            frame = frame if rest is None else pd.concat([rest, frame], ignore_index=True)
            other = np.flatnonzero((frame.md5 != frame.md5.iloc[-1]).to_numpy())
            cut = int(other[-1]) + 1 if len(other) else 0  # the last song may go on in the next batch
            rest = frame.iloc[cut:].reset_index(drop=True)
            yield _only(frame.iloc[:cut], songs)
    if rest is not None:
        yield _only(rest, songs)


def _only(frame: pd.DataFrame, songs: Collection[str]) -> pd.DataFrame:
    return frame[frame.md5.isin(songs)].reset_index(drop=True)


@dataclass
class Tally:
    """Sums over bars, and what each song does along its course."""

    bars: int = 0
    thinned: int = 0
    total: Floats = field(default_factory=lambda: np.zeros((2, 2)))
    """Sum and sum of squares by dimension, ``(dimension, 2)``."""
    inside: Floats = field(default_factory=lambda: np.zeros(2))
    """Sum of squared deviations from the song's own mean."""
    parts: list[Floats] = field(default_factory=list)
    """Mean deviation of each part of each song from the song's mean, ``(songs, 2, PARTS)``; shorter songs have none."""

    def add(self, frame: pd.DataFrame) -> None:
        """Count whole songs."""
        if frame.empty:
            return
        codes = (frame.md5 != frame.md5.shift()).cumsum().to_numpy() - 1
        size = np.bincount(codes)
        self.bars += len(frame)
        self.thinned += int(frame.thinned.sum())
        long = size >= PARTS
        start = np.cumsum(size) - size
        cell = codes * PARTS + (np.arange(len(codes)) - start[codes]) * PARTS // size[codes]
        counts = np.bincount(cell, minlength=len(size) * PARTS)
        tables = []
        for d, dimension in enumerate(DIMENSIONS):
            values = frame[dimension].to_numpy(np.float64)
            deviation = values - (np.bincount(codes, values) / size)[codes]
            self.total[d] += values.sum(), (values**2).sum()
            self.inside[d] += (deviation**2).sum()
            sums = np.bincount(cell, deviation, minlength=len(size) * PARTS)
            tables.append((sums / np.maximum(counts, 1)).reshape(-1, PARTS)[long])
        self.parts.append(np.stack(tables, axis=1))

    @property
    def course(self) -> Floats:
        """``(songs, 2, PARTS)``."""
        return np.concatenate(self.parts) if self.parts else np.zeros((0, 2, PARTS))

    def share_inside(self, d: int) -> float:
        """Share of the variance over bars that lies within songs."""
        whole = self.total[d, 1] - self.total[d, 0] ** 2 / max(self.bars, 1)
        return float(self.inside[d] / whole) if whole > 1e-12 else 0.0


def tally(blocks: Iterable[pd.DataFrame]) -> Tally:
    """The sums of all blocks."""
    found = Tally()
    for frame in blocks:
        found.add(frame)
    return found
