"""Pitch names, and symusic scores built from arrays of notes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import symusic
from numpy.typing import ArrayLike, NDArray

TICKS_PER_BEAT = 480
"""Ticks of a quarter note in every score that Sonoscope composes."""

PITCH_CLASSES: tuple[str, ...] = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


class Part(NamedTuple):
    """The notes of one instrument, as parallel arrays of shape ``(n_notes,)``."""

    onset: NDArray[np.float64]
    """Onsets in quarter notes."""
    duration: NDArray[np.float64]
    """Durations in quarter notes."""
    pitch: NDArray[np.int64]
    """MIDI pitches, 0 to 127."""
    velocity: NDArray[np.int64]
    """MIDI velocities, 1 to 127."""
    program: int = 0
    """General-MIDI program."""
    is_drum: bool = False
    """Whether the pitches address the drum kit."""
    reverb: int = -1
    """Controller 91, 0 to 127; -1 leaves the synthesizer's default."""


def part(
    onset: ArrayLike,
    duration: ArrayLike,
    pitch: ArrayLike,
    velocity: ArrayLike,
    program: int = 0,
    is_drum: bool = False,
    reverb: int = -1,
) -> Part:
    """Build a `Part`; the four columns are broadcast against each other."""
    columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(a)) for a in (onset, duration, pitch, velocity)))
    pitches = columns[2].astype(np.int64)
    if pitches.size and not (pitches.min() >= 0 and pitches.max() <= 127):
        raise ValueError(f"pitches must lie in [0, 127], got {pitches.min()} to {pitches.max()}")
    return Part(
        columns[0].astype(np.float64),
        columns[1].astype(np.float64),
        pitches,
        columns[3].astype(np.int64),
        program,
        is_drum,
        reverb,
    )


def to_score(parts: Sequence[Part], bpm: float, metre: tuple[int, int] = (4, 4)) -> symusic.Score:
    """A symusic score in ticks from parts in quarter notes.

    Parameters
    ----------
    parts : sequence of Part
        One per track.
    bpm : float
        Quarter notes per minute.
    metre : tuple of int
        Numerator and denominator of the time signature.
    """
    score = symusic.Score(TICKS_PER_BEAT)
    score.tempos.append(symusic.Tempo(0, bpm))
    score.time_signatures.append(symusic.TimeSignature(0, *metre))
    for voice in parts:
        track = symusic.Track(program=voice.program, is_drum=voice.is_drum)
        start = np.round(voice.onset * TICKS_PER_BEAT).astype(np.int32)
        end = np.round((voice.onset + voice.duration) * TICKS_PER_BEAT).astype(np.int32)
        length = np.maximum(end - start, 1)
        pitch, velocity = voice.pitch.astype(np.int8), voice.velocity.astype(np.int8)
        track.notes = symusic.Note.from_numpy(start, length.astype(np.int32), pitch, velocity)
        if voice.reverb >= 0:
            track.controls.append(symusic.ControlChange(0, 91, voice.reverb))
        score.tracks.append(track)
    return score
