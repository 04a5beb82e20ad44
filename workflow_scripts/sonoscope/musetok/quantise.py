"""Onsets and durations on MuseTok's grid, for all notes of a piece at once.

The published rules go from note to note. Each of them is a table over ticks, a comparison of sorted onsets, or a short
walk that all notes take side by side, so nothing here loops over notes. Only the triplets that are really there are
visited one by one, because each one that is found spares the next ones the question.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonoscope.musetok.vocabulary import DURATIONS, QUARTER, STEP, STRAIGHT, STRAIGHT_DURATIONS, TRIPLET

Ints = NDArray[np.int64]

_PATTERNS: Final = (
    (80, 160, 240, 320, 400),
    (160, 320, 480, 640, 800),
    (320, 640, 960, 1280, 1600),
    (80, 160),
    (160, 320),
    (320, 640),
    (640, 1280),
)
"""Onsets that make triplets of an onset, in ticks after it, in the order in which they are looked for."""


class Notes(NamedTuple):
    """Notes as parallel arrays ``(notes,)``, in ticks of `QUARTER` per quarter note."""

    onset: Ints
    duration: Ints
    pitch: Ints
    velocity: Ints


class Quantised(NamedTuple):
    """Notes on the grid, in the order in which MuseTok writes them."""

    notes: Notes
    """Onsets do not decrease; durations are among `DURATIONS`, or one bar where that is shorter."""
    shift: Ints
    """How far each onset was moved, in ticks."""
    bars: int
    """Bars from the first one that holds a note."""
    first: int
    """Empty bars before that one."""


def bar_length(numerator: int, denominator: int) -> int:
    """Ticks of one bar."""
    return int(QUARTER * 4 * numerator / denominator)


def rescale(ticks: Ints, resolution: int) -> Ints:
    """Ticks of ``resolution`` per quarter note as ticks of `QUARTER`, rounded towards 0 as the published code does."""
    if resolution == QUARTER:
        return ticks
    return np.trunc(ticks / resolution * QUARTER).astype(np.int64)


def _nearest(candidates: Ints, length: int) -> Ints:
    """The candidate nearest to each of 0 to ``length`` - 1; of two, the one that stands first."""
    found: Ints = candidates[np.abs(candidates[:, None] - np.arange(length)).argmin(0)]
    return found


@lru_cache(maxsize=64)
def _grids(bar: int) -> tuple[Ints, Ints]:
    """Nearest place on the whole grid and on the straight one for each tick of a bar; the bar's end belongs to both."""
    straight, triplet = np.arange(0, bar, STRAIGHT), np.arange(0, bar, TRIPLET)
    whole = np.unique(np.concatenate([straight, triplet, [bar]]))
    return tuple(_nearest_sorted(g, bar) for g in (whole, np.append(straight, bar)))  # type: ignore[return-value]


def _nearest_sorted(grid: Ints, length: int) -> Ints:
    middles = (grid[:-1] + grid[1:]) // 2  # all places are even, so a tick on the middle is a tie, which goes down
    return grid[np.searchsorted(middles, np.arange(length), side="left")]


_LONGEST = STRAIGHT_DURATIONS[-1]
_DURATION = np.stack(
    [
        _nearest(np.array(STRAIGHT_DURATIONS, np.int64), _LONGEST + 1),
        _nearest(np.array(DURATIONS, np.int64), _LONGEST + 1),
    ]
)
"""Nearest duration of each tick from 0 to the longest: off triplets, and on them."""
_IS_DURATION = np.isin(np.arange(_LONGEST + 1), DURATIONS)


def quantise(notes: Notes, bar: int) -> Quantised:
    """Put notes on MuseTok's grid.

    Parameters
    ----------
    notes : Notes
        At least one. Notes of one onset and pitch keep their order.
    bar : int
        Length of every bar, in ticks.

    Returns
    -------
    Quantised
        As many notes, in order of onset, then of falling pitch as played.

    Raises
    ------
    ValueError
        The bar is not a whole number of eighth notes.

    Notes
    -----
    The end of a note is kept rather than its length; a note is cut at a later onset that outlives it where that leaves
    a duration that has a token, and never at the last onset of the piece (so does the published code).
    """
    if bar % (STRAIGHT * 2) or bar <= 0:
        raise ValueError(f"expected bars of whole eighth notes ({STRAIGHT * 2} ticks), got {bar} ticks")
    order = np.lexsort((-notes.pitch, notes.onset))
    start, pitch = notes.onset[order], notes.pitch[order]
    stop = start + notes.duration[order]
    whole, straight = _grids(bar)
    within = start % bar
    onset = start - within + whole[within]
    triplet = _triplets(onset, bar)
    onset = np.where(triplet | (onset % TRIPLET != 0), onset, start - within + straight[within])
    duration = _DURATION[triplet.astype(np.int64), np.clip(stop - onset, 0, _LONGEST)]
    duration = _cut_overlaps(onset, duration)
    first = int(onset[0]) // bar
    # the published code asks where the last note written ends, not which one ends last
    bars = -(-int(onset[-1] + duration[-1]) // bar) - first
    written = Notes(onset, np.minimum(duration, bar), pitch, notes.velocity[order])
    return Quantised(written, onset - start, bars, first)


def _triplets(onset: Ints, bar: int) -> NDArray[np.bool_]:
    """Which notes belong to a triplet whose onsets are all there, within one bar."""
    places = onset[_firsts(onset)]
    if not np.isin(places % 240, (80, 160)).any():  # every pattern has an onset that only triplets have
        return np.zeros(len(onset), np.bool_)
    # of every pattern, whether it starts at a place: an onset table with room for the longest reach
    taken = np.zeros((int(places[-1]) + _PATTERNS[2][-1]) // STEP + 1, np.bool_)
    taken[places // STEP] = True
    asked = places[places % TRIPLET == 0]
    left = bar - asked % bar
    found = np.stack([_starts(taken, asked, left, p) for p in _PATTERNS])
    chosen = found.argmax(0)
    valid = np.zeros_like(taken)
    for k in np.flatnonzero(found.any(0)).tolist():
        at = int(asked[k]) // STEP
        if not valid[at]:
            valid[at] = True
            valid[at + np.array(_PATTERNS[chosen[k]]) // STEP] = True
    result: NDArray[np.bool_] = (onset % TRIPLET == 0) & valid[onset // STEP]
    return result


def _firsts(onset: Ints) -> NDArray[np.bool_]:
    """Where an onset differs from the one before; onsets do not decrease, because every grid keeps their order."""
    return np.asarray(np.diff(onset, prepend=-1) != 0)


def _starts(taken: NDArray[np.bool_], asked: Ints, left: Ints, pattern: tuple[int, ...]) -> NDArray[np.bool_]:
    steps = (asked[:, None] + np.array(pattern)) // STEP
    return np.asarray((left > pattern[-1]) & taken[steps].all(1))


def _cut_overlaps(onset: Ints, duration: Ints) -> Ints:
    """Durations with notes cut where a later group of notes begins that outlives them."""
    begins = _firsts(onset)
    places, group = onset[begins], np.cumsum(begins) - 1
    last = len(places) - 1
    end = onset + duration
    outlasts = np.maximum.reduceat(end, np.flatnonzero(begins))
    result = duration.copy()
    walking = np.flatnonzero(group < last - 1)
    ahead = group[walking] + 1
    while len(walking):
        sounding = end[walking] > places[ahead]
        covered = end[walking] >= outlasts[ahead]
        stopped = sounding & ~covered
        length = places[ahead[stopped]] - onset[walking[stopped]]
        legal = _IS_DURATION[np.minimum(length, _LONGEST)] & (length <= _LONGEST)
        result[walking[stopped][legal]] = length[legal]
        on = sounding & covered & (ahead + 1 < last)
        walking, ahead = walking[on], ahead[on] + 1
    return result
