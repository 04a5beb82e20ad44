"""The melody: chord tones on the beats, led along an arch, with passing and neighbour tones between them."""

import numpy as np
from numpy.typing import NDArray

from sonoscope.symbolic.harmony import Steps, nearest_chord_tone
from sonoscope.symbolic.rhythm import MOTIFS, WIDEST, Grid

CENTRE = 8.0
"""Step around which melodies move: a second above the upper tonic."""
LOWEST, HIGHEST = 3, 14
_ARCH = 2.0
"""Height of a phrase's arch, in steps."""
_WANDER = 1.6
"""Standard deviation of a beat's target around the arch, in steps."""
_INERTIA = 0.6
"""Correlation of the targets of neighbouring beats of a motif."""
_MOST_BEATS = 4
PHRASE = 4
"""Bars of a phrase."""


def melody_steps(
    grid: Grid, roots: Steps, motif: NDArray[np.int64], contour: np.random.Generator, ornament: np.random.Generator
) -> Steps:
    """Step of the melody at every position of every bar, struck or not, shape (bars, positions).

    Because every position has its step, rhythm can change without changing the tune.

    Parameters
    ----------
    grid : Grid
    roots : ndarray of int, shape (bars,)
        Chord roots, 0-based scale degrees.
    motif : ndarray of int, shape (bars,)
        Motif of each bar: bars of one motif share their shape over different chords.
    contour, ornament : numpy.random.Generator
    """
    bars = len(roots)
    wander = _wander(contour)[:, : grid.beats]
    when = (np.arange(bars)[:, None] + np.arange(grid.beats) / grid.beats) / PHRASE  # (bars, beats), in phrases
    target = CENTRE - _ARCH / 2 + _ARCH * np.sin(np.pi * (when % 1.0)) + wander[motif]
    target = np.clip(target, LOWEST + 1, HIGHEST - 1)
    anchors = nearest_chord_tone(target, np.broadcast_to(roots[:, None], target.shape))
    anchors[-1] = 7  # the piece closes on the tonic
    turn = np.where(ornament.random((MOTIFS, WIDEST))[:, : grid.positions] < 0.5, -1, 1)[motif]
    return np.clip(_fill(grid, anchors, turn), LOWEST, HIGHEST)


def _wander(contour: np.random.Generator) -> NDArray[np.float64]:
    """Targets of a motif's beats around the arch, shape (motifs, beats): a walk that turns back."""
    walk = contour.standard_normal((MOTIFS, _MOST_BEATS))
    walk[:, 0] *= _INERTIA  # bars begin near each other
    for beat in range(1, _MOST_BEATS):
        walk[:, beat] = _INERTIA * walk[:, beat - 1] + np.sqrt(1 - _INERTIA**2) * walk[:, beat]
    return _WANDER * walk


def _fill(grid: Grid, anchors: Steps, turn: NDArray[np.int64]) -> Steps:
    """Fill all positions from the steps on the beats: eighths lead from beat to beat, sixteenths between eighths."""
    flat = anchors.ravel()
    following = np.append(flat[1:], flat[-1])
    turns = turn.reshape(len(flat), grid.beat)
    steps = np.empty((len(flat), grid.beat + 1), np.int64)
    steps[:, 0], steps[:, -1] = flat, following
    for eighth in range(2, grid.beat, 2):
        steps[:, eighth] = _between(steps[:, eighth - 2], following, turns[:, eighth])
    for sixteenth in range(1, grid.beat, 2):
        steps[:, sixteenth] = _between(steps[:, sixteenth - 1], steps[:, sixteenth + 1], turns[:, sixteenth])
    return steps[:, :-1].reshape(len(anchors), -1)


def _between(here: Steps, there: Steps, turn: NDArray[np.int64]) -> Steps:
    """Step on the way: a passing tone over a gap, an escape past the next step, a neighbour of a repeated one."""
    gap = there - here
    passing = here + np.sign(gap) * np.maximum(1, np.abs(gap) // 2)
    return np.where(np.abs(gap) >= 2, passing, np.where(gap == 0, here + turn, there + gap))
