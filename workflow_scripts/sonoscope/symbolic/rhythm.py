"""Metres as grids of sixteenths, and which positions of a bar are struck.

Onsets are chosen by rank: every position has a score (metric weight plus chance), and the highest ones are struck. A
denser rhythm therefore contains the sparser one of the same seed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sonoscope.symbolic.causes import Causes, Metre

TICK = 120
"""Ticks of a sixteenth, one position of the grid."""
WIDEST = 16
"""Positions in the longest bar; chance is always drawn for so many."""
_CHANCE = 0.7
"""Spread of chance against the metric weights: syncopation happens, but not often."""
_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Grid:
    """A metre's bar, in sixteenths."""

    numerator: int
    denominator: int
    beat: int
    """Sixteenths in a beat."""
    weights: NDArray[np.float64]
    """Metric weight of each position, shape (positions,)."""

    @property
    def positions(self) -> int:
        """Sixteenths in a bar."""
        return len(self.weights)

    @property
    def beats(self) -> int:
        """Beats in a bar."""
        return self.positions // self.beat


GRIDS: dict[Metre, Grid] = {
    "4/4": Grid(4, 4, 4, np.array([9.0, 0, 2, 0, 5, 0, 2, 0, 6, 0, 2, 0, 5, 0, 2, 0])),
    "3/4": Grid(3, 4, 4, np.array([9.0, 0, 2, 0, 5, 0, 2, 0, 5, 0, 2, 0])),
    "6/8": Grid(6, 8, 6, np.array([9.0, 0, 2.5, 0, 4, 0, 6, 0, 2.5, 0, 4, 0])),
}

FORMS: tuple[tuple[int, ...], ...] = ((0, 1, 0, 2), (0, 0, 1, 2), (0, 1, 0, 1), (0, 1, 2, 1))
"""Which motif each bar of a four-bar phrase takes up."""
MOTIFS = 3


def quarters_per_minute(causes: Causes) -> float:
    """Tempo of the score: quarter notes, where `Causes.tempo` counts beats."""
    return causes.tempo * GRIDS[causes.metre].beat / 4


def bar_seconds(causes: Causes) -> float:
    """Duration of a bar."""
    return GRIDS[causes.metre].beats * 60.0 / causes.tempo


def motif_of_bar(bars: int, form: np.random.Generator) -> NDArray[np.int64]:
    """Index of the motif that each bar takes up, shape (bars,)."""
    return np.resize(np.array(FORMS[int(form.integers(len(FORMS)))]), bars)


def melody_onsets(
    causes: Causes, motif: NDArray[np.int64], form: np.random.Generator, chance: np.random.Generator
) -> NDArray[np.bool_]:
    """Struck positions of the melody, shape (bars, positions).

    Each bar has ``density * beats`` notes, rounded up or down so that the mean over bars is kept; at least one, on the
    downbeat. The last bar has only that one.
    """
    grid = GRIDS[causes.metre]
    bars = len(motif)
    noise = chance.gumbel(scale=_CHANCE, size=(MOTIFS, WIDEST))[:, : grid.positions]
    scores = grid.weights + noise
    scores[:, 0] = np.inf
    rank = np.argsort(np.argsort(-scores, axis=1), axis=1)[motif]
    offset = (form.random() + _GOLDEN * np.arange(bars)) % 1.0
    count = np.maximum(1, np.floor(causes.density * grid.beats + offset)).astype(np.int64)
    count[-1] = 1
    return np.asarray(rank < count[:, None])


def slots(onsets: NDArray[np.int64], positions: int) -> NDArray[np.int64]:
    """Sixteenths from each onset to the next later one of its voice or the end of its bar, shape of ``onsets``.

    ``onsets`` ascend; equal ones (a chord) share their slot.
    """
    distinct, place = np.unique(onsets, return_inverse=True)
    following = np.append(distinct[1:], np.iinfo(np.int64).max)
    bar_end = (distinct // positions + 1) * positions
    slot: NDArray[np.int64] = (np.minimum(following, bar_end) - distinct)[place]
    return slot
