"""The accompaniment: chords, bass and drums as patterns of a bar that grow busier with the density."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonoscope.symbolic.causes import Causes, Metre
from sonoscope.symbolic.harmony import Steps, bass_roots, voicings

Positions = tuple[int, ...]


class Voice(NamedTuple):
    """Notes of one voice before they have pitch, length and loudness: parallel arrays of shape (notes,)."""

    onset: NDArray[np.int64]
    """Onset in sixteenths from the start of the piece, ascending."""
    step: Steps
    """Scale steps from the tonic."""


class Drums(NamedTuple):
    """Drum strokes: parallel arrays of shape (notes,)."""

    onset: NDArray[np.int64]
    pitch: NDArray[np.int64]
    """General-MIDI percussion key."""


BLOCK: dict[Metre, tuple[Positions, Positions, Positions]] = {
    "4/4": ((0,), (0, 8), (0, 4, 8, 12)),
    "3/4": ((0,), (0, 8), (0, 4, 8)),
    "6/8": ((0,), (0, 6), (0, 4, 6, 10)),
}
"""Chords struck together, by metre, sparse to dense."""
OFFBEAT: dict[Metre, tuple[Positions, Positions, Positions]] = {
    "4/4": ((8,), (4, 12), (2, 6, 10, 14)),
    "3/4": ((4,), (4, 8), (2, 6, 10)),
    "6/8": ((6,), (4, 10), (2, 4, 8, 10)),
}
"""Chords struck together after the bass."""
ARPEGGIO: dict[Metre, tuple[Positions, Positions, Positions]] = {
    "4/4": ((0, 4, 8, 12), (0, 2, 4, 6, 8, 10, 12, 14), (0, 2, 4, 6, 8, 10, 12, 14)),
    "3/4": ((0, 4, 8), (0, 2, 4, 6, 8, 10), (0, 2, 4, 6, 8, 10)),
    "6/8": ((0, 4, 8), (0, 2, 4, 6, 8, 10), (0, 2, 4, 6, 8, 10)),
}
"""Chord tones struck one after the other."""
_TURN = (0, 1, 2, 1)
"""Order of an arpeggio's tones, low to high and back."""
PATTERNS = 3
"""Block, offbeat, arpeggio."""

BASS: dict[Metre, tuple[Positions, Positions, Positions]] = {
    "4/4": ((0,), (0, 8), (0, 4, 8, 12)),
    "3/4": ((0,), (0,), (0, 4, 8)),
    "6/8": ((0,), (0, 6), (0, 6)),
}
_KICK, _SNARE, _HAT = 36, 38, 42
DRUMS: dict[Metre, tuple[tuple[int, Positions], ...]] = {
    "4/4": ((_KICK, (0, 8)), (_SNARE, (4, 12)), (_HAT, (0, 2, 4, 6, 8, 10, 12, 14))),
    "3/4": ((_KICK, (0,)), (_SNARE, (4, 8)), (_HAT, (0, 2, 4, 6, 8, 10))),
    "6/8": ((_KICK, (0,)), (_SNARE, (6,)), (_HAT, (0, 2, 4, 6, 8, 10))),
}


def activity(density: float) -> int:
    """How busy the accompaniment is: 0 below one melody note per beat, 1 below two, else 2."""
    return int(np.digitize(density, (1.0, 2.0)))


def _tile(pattern: Positions, bars: int, positions: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Onsets and bars of a pattern in all bars but the last, which is struck once on its downbeat."""
    bar = np.repeat(np.arange(bars - 1), len(pattern))
    onset = bar * positions + np.resize(np.array(pattern, np.int64), len(bar))
    return np.append(onset, (bars - 1) * positions), np.append(bar, bars - 1)


def chords(causes: Causes, roots: Steps, positions: int, texture: np.random.Generator) -> Voice:
    """Chords, in a pattern that the texture stream chooses."""
    pattern, first = int(texture.integers(PATTERNS)), int(texture.integers(3))
    busy, bars = activity(causes.density), len(roots)
    led = voicings(roots, first)
    if pattern < 2:
        onset, bar = _tile((BLOCK, OFFBEAT)[pattern][causes.metre][busy], bars, positions)
        return Voice(np.repeat(onset, 3), led[bar].ravel())
    onset, bar = _tile(ARPEGGIO[causes.metre][busy], bars, positions)
    single = Voice(onset[:-1], led[bar[:-1], np.resize(np.array(_TURN), len(bar) - 1)])
    return Voice(np.append(single.onset, np.repeat(onset[-1], 3)), np.append(single.step, led[-1]))


def bass(causes: Causes, roots: Steps, positions: int) -> Voice:
    """Roots on the downbeats, fifths in the second half of the bar."""
    onset, bar = _tile(BASS[causes.metre][activity(causes.density)], len(roots), positions)
    low = bass_roots(roots)[bar]
    fifth = np.where(low <= -8, low + 4, low - 3)
    return Voice(onset, np.where(onset % positions >= positions / 2, fifth, low))


def drums(causes: Causes, bars: int, positions: int) -> Drums:
    """Play a plain beat, with a single stroke on the last downbeat."""
    onsets, keys = [], []
    for key, pattern in DRUMS[causes.metre]:
        onset, _ = _tile(pattern, bars, positions)
        onset = onset if key == _KICK else onset[:-1]
        onsets.append(onset)
        keys.append(np.full(len(onset), key))
    onset, key_of = np.concatenate(onsets), np.concatenate(keys)
    order = np.lexsort((key_of, onset))
    return Drums(onset[order], key_of[order])
