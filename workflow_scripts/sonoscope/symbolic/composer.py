"""Pieces composed by rule from explicit causes: melody, chords, bass, and drums if wanted.

The same causes and seed give the same bytes. Random numbers are drawn per purpose (`streams`), and everything is laid
out in scale steps and grid positions before causes are applied; two pieces that share a seed and differ in one cause
therefore differ in that cause alone.
"""

import math

import numpy as np
import symusic
from numpy.typing import NDArray

from sonoscope.symbolic import voices
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.harmony import chord_roots, pitches
from sonoscope.symbolic.melody import PHRASE, melody_steps
from sonoscope.symbolic.notes import TICKS_PER_BEAT
from sonoscope.symbolic.rhythm import (
    GRIDS,
    TICK,
    Grid,
    bar_seconds,
    melody_onsets,
    motif_of_bar,
    quarters_per_minute,
    slots,
)
from sonoscope.symbolic.streams import Purpose, stream

Velocities = NDArray[np.float64]

_BALANCE = {"melody": 8.0, "chords": -6.0, "bass": 0.0}
"""Loudness of each voice against the mean, in MIDI velocity."""
_ACCENT = {"downbeat": 5.0, "beat": 2.0, "off": -2.0}
_SWELL = 2.0
_TOUCH = 1.5
_DRUM_TICKS = TICK // 2


def bars_for(causes: Causes, seconds: float) -> int:
    """Whole bars that fill ``seconds``; at least two."""
    return max(2, math.ceil(seconds / bar_seconds(causes) - 1e-9))


def compose(causes: Causes, seed: int, *, bars: int | None = None, seconds: float | None = None) -> symusic.Score:
    """Compose a piece.

    Parameters
    ----------
    causes : Causes
        Obeyed exactly, within the rounding that each cause's field states.
    seed : int
        Everything that the causes leave open; not negative.
    bars : int, optional
        Length, at least 2; 8 by default. Paired pieces are compared at equal bars.
    seconds : float, optional
        Instead of bars: the fewest bars that last so long.

    Returns
    -------
    symusic.Score
        In ticks, 480 to the quarter; tracks melody, chords, bass and, if wanted, drums.

    Raises
    ------
    ValueError
        Both lengths are given, or fewer than two bars.
    """
    if bars is not None and seconds is not None:
        raise ValueError("expected bars or seconds, got both")
    count = bars_for(causes, seconds) if seconds is not None else 8 if bars is None else bars
    if count < 2:
        raise ValueError(f"a piece has at least 2 bars, got {count}")
    grid, roots = GRIDS[causes.metre], chord_roots(causes.progression, count)
    parts = _voices(causes, grid, roots, seed)
    loudness = _velocities(causes, grid, parts, count, stream(seed, Purpose.VELOCITY))

    score = symusic.Score(TICKS_PER_BEAT)
    score.tempos.append(symusic.Tempo(0, quarters_per_minute(causes)))
    score.time_signatures.append(symusic.TimeSignature(0, grid.numerator, grid.denominator))
    for (name, voice), program in zip(parts.items(), causes.voice_programs, strict=True):
        pitch = pitches(voice.step, roots[voice.onset // grid.positions], causes)
        length = np.maximum(1, np.round(causes.articulation * slots(voice.onset, grid.positions) * TICK))
        score.tracks.append(_track(name, program, voice.onset, length, pitch, loudness[name]))
    if causes.drums:
        score.tracks.append(_drum_track(causes, grid, count))
    return score


def _voices(causes: Causes, grid: Grid, roots: NDArray[np.int64], seed: int) -> dict[str, voices.Voice]:
    form = stream(seed, Purpose.FORM)
    motif = motif_of_bar(len(roots), form)
    struck = melody_onsets(causes, motif, form, stream(seed, Purpose.RHYTHM))
    tune = melody_steps(grid, roots, motif, stream(seed, Purpose.CONTOUR), stream(seed, Purpose.ORNAMENT))
    return {
        "melody": voices.Voice(np.flatnonzero(struck), tune[struck]),
        "chords": voices.chords(causes, roots, grid.positions, stream(seed, Purpose.TEXTURE)),
        "bass": voices.bass(causes, roots, grid.positions),
    }


def _velocities(
    causes: Causes, grid: Grid, parts: dict[str, voices.Voice], bars: int, touch: np.random.Generator
) -> dict[str, Velocities]:
    """Velocities of each voice: accents, balance, a swell over the phrase and uneven touch around the wanted mean."""
    where = np.arange(bars * grid.positions)
    position = where % grid.positions
    accent = np.where(position % grid.beat == 0, _ACCENT["beat"], _ACCENT["off"])
    accent[position == 0] = _ACCENT["downbeat"]
    swell = _SWELL * np.sin(np.pi * ((where / (grid.positions * PHRASE)) % 1.0))
    uneven = np.clip(_TOUCH * touch.standard_normal((bars * grid.positions, len(parts))), -3, 3)
    shape = {
        name: (accent + swell + uneven[:, k])[voice.onset] + _BALANCE[name]
        for k, (name, voice) in enumerate(parts.items())
    }
    mean = np.concatenate(list(shape.values())).mean()
    return {name: np.clip(np.round(causes.dynamics + s - mean), 1, 127) for name, s in shape.items()}


def _track(
    name: str,
    program: int,
    onset: NDArray[np.int64],
    length: NDArray[np.float64],
    pitch: NDArray[np.int64],
    velocity: Velocities,
    is_drum: bool = False,
) -> symusic.Track:
    track = symusic.Track(name=name, program=program, is_drum=is_drum)
    track.notes = symusic.Note.from_numpy(
        (onset * TICK).astype(np.int32), length.astype(np.int32), pitch.astype(np.int8), velocity.astype(np.int8)
    )
    return track


def _drum_track(causes: Causes, grid: Grid, bars: int) -> symusic.Track:
    strokes = voices.drums(causes, bars, grid.positions)
    accent = np.where(strokes.onset % grid.positions == 0, 6, 0) - np.where(strokes.pitch == 42, 10, 0)
    velocity = np.clip(causes.dynamics + accent, 1, 127).astype(np.float64)
    length = np.full(len(strokes.onset), _DRUM_TICKS, np.float64)
    return _track("drums", 0, strokes.onset, length, strokes.pitch, velocity, is_drum=True)
