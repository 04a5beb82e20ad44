"""MIDI files as bars of tokens with their features."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import symusic

from sonoscope.affect.beats import rebarred
from sonoscope.affect.features import Floats, bar_features
from sonoscope.musetok.events import Bars, to_bars
from sonoscope.settings.affect import BarReading
from sonoscope.settings.musetok import Events
from sonoscope.symbolic.midi import MidiError, read_midi

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SongBars:
    """One file."""

    score: symusic.Score
    bars: Bars
    features: Floats
    """``(bars, len(HAND))``."""
    rebarred: bool = False
    """Whether the bars follow tracked beats."""

    @property
    def shift(self) -> float:
        """Mean distance of the notes' onsets from the grid, in 1/480 quarter note."""
        return mean_shift(self.bars)


def mean_shift(bars: Bars) -> float:
    """Mean over all notes of their distance from the grid."""
    return float((bars.shift * bars.n_notes).sum() / max(int(bars.n_notes.sum()), 1))


def read_song(source: "Path | bytes | symusic.Score", events: Events, reading: BarReading, name: str = "") -> SongBars:
    """Read one file, or a score that was read already.

    Raises
    ------
    MidiError
        It is damaged, or holds nothing that MuseTok can write.
    """
    score = read_midi(source, name) if isinstance(source, Path | bytes) else source
    bars = to_bars(score, events, name)
    if reading.bars == "tracked" and mean_shift(bars) >= reading.off_grid:
        score, begin = rebarred(score)
        bars = to_bars(score, events, name)
        features = bar_features(score, bars)
        return SongBars(score, replace(bars, second=np.maximum(bars.second + begin, 0)), features, True)
    return SongBars(score, bars, bar_features(score, bars))


def read_songs(
    items: Sequence[tuple[str, Path | bytes]], events: Events, reading: BarReading, threads: int = 1
) -> Iterator[tuple[str, SongBars | str]]:
    """Files in order, each as bars or as the reason why it has none; symusic reads on several threads."""

    def one(item: tuple[str, Path | bytes]) -> tuple[str, SongBars | str]:
        try:
            return item[0], read_song(item[1], events, reading, item[0])
        except MidiError as error:
            return item[0], error.problem
        except OSError as error:
            return item[0], f"cannot be opened: {error.strerror}"
        except (ArithmeticError, IndexError, MemoryError, RuntimeError, ValueError) as error:
            log.warning("%s: not foreseen: %r", item[0], error)  # one strange file must not end a day of work
            return item[0], f"not foreseen: {error!r}"

    if threads <= 1:
        yield from map(one, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(one, items)
