"""Notes on the grid as tokens, and what is left of a bar that holds too many."""

import numpy as np
from numpy.typing import NDArray

from sonoscope.musetok import vocabulary as v
from sonoscope.musetok.quantise import Ints, Notes
from sonoscope.symbolic.midi import MidiError


class UnwritableMidiError(MidiError):
    """A score that MuseTok has no events for."""


def write_tokens(
    notes: Notes, bar: Ints, place: Ints, signature: Ints, end: bool, name: str
) -> tuple[NDArray[np.int16], Ints]:
    """Tokens of all bars, and where each begins."""
    bars = len(signature)
    beat = v.BEATS[place // v.STEP]
    if (beat < 0).any():
        found = int(place[beat < 0][0]) // v.STEP
        raise UnwritableMidiError(name, f"MuseTok has no token for beat {found} of a long bar")
    offsets = np.concatenate([[0], np.cumsum(3 * np.bincount(bar, minlength=bars) + 2)])
    offsets[-1] += end
    tokens = np.empty(offsets[-1], np.int16)
    tokens[offsets[:-1]] = v.BAR
    at = 3 * np.arange(len(bar)) + 2 * bar + 1
    tokens[at], tokens[at + 1] = beat, v.PITCHES[notes.pitch]
    tokens[at + 2] = v.DURATION_IDS[notes.duration // v.STEP]
    last = offsets[1:] - 1
    last[-1] -= end
    tokens[last] = signature
    if end:
        tokens[-1] = v.EOS
    return tokens, offsets


def outer_voices(notes: Notes, bar: Ints, n_notes: Ints, room: Ints) -> NDArray[np.bool_]:
    """Which notes stay where a bar holds too many: the highest and lowest of every onset first, then the longest."""
    begins = np.diff(notes.onset, prepend=-1) != 0
    begins |= np.diff(bar, prepend=-1) != 0
    group = np.cumsum(begins) - 1
    firsts = np.flatnonzero(begins)
    highest, lowest = np.maximum.reduceat(notes.pitch, firsts), np.minimum.reduceat(notes.pitch, firsts)
    inner = (notes.pitch != highest[group]) & (notes.pitch != lowest[group])
    order = np.lexsort((-notes.duration, inner, bar))
    rank = np.empty(len(bar), np.int64)
    rank[order] = np.arange(len(bar)) - np.repeat(np.cumsum(n_notes) - n_notes, n_notes)
    return rank < room[bar]


def cut(tokens: NDArray[np.int16], offsets: Ints, longest: int) -> tuple[NDArray[np.int16], Ints]:
    """The first ``longest`` tokens of every bar, and where each begins."""
    lengths = np.diff(offsets)
    within = np.arange(len(tokens)) - np.repeat(offsets[:-1], lengths)
    return tokens[within < longest], np.concatenate([[0], np.cumsum(np.minimum(lengths, longest))])
