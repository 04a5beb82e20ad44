"""Songs of several sections whose expression drifts, with the truth of every bar."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import symusic
from numpy.typing import NDArray

from sonoscope.symbolic.causes import Causes, Mode
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.cues import affect_of, with_expression
from sonoscope.symbolic.notes import TICKS_PER_BEAT
from sonoscope.symbolic.rhythm import GRIDS, TICK, quarters_per_minute

SECTION_BARS = 4
_OTHER_MODE: dict[Mode, Mode] = {"major": "minor", "minor": "major"}


class Song(NamedTuple):
    """A composed song."""

    score: symusic.Score
    sections: tuple[Causes, ...]
    affect: NDArray[np.float64]
    """Valence and arousal of every bar, shape (bars, 2)."""


def drift(
    causes: Causes, sections: int, rng: np.random.Generator, *, spread: float = 0.12, turn: float = 0.15
) -> list[Causes]:
    """Let a song's expression drift from section to section while key, metre, chords and instruments stay.

    Parameters
    ----------
    causes : Causes
        Of the first section.
    sections : int
    rng : numpy.random.Generator
    spread : float
        Standard deviation of arousal's step from one section to the next.
    turn : float
        Probability that a section stands in the other mode.
    """
    steps = np.concatenate([[0.0], spread * rng.standard_normal(sections - 1)]).cumsum()
    turned = np.concatenate([[False], rng.random(sections - 1) < turn])
    song = []
    for step, other in zip(steps.tolist(), turned.tolist(), strict=True):
        mode = _OTHER_MODE[causes.mode] if other else causes.mode
        song.append(with_expression(replace(causes, mode=mode), step))
    return song


def compose_song(sections: Sequence[Causes], seed: int) -> Song:
    """Compose sections of four bars one after the other, all from one seed, so that they share their motifs.

    Raises
    ------
    ValueError
        There is no section, or the sections differ in metre or instruments.
    """
    if len({(c.metre, c.programs, c.drums) for c in sections}) != 1:
        raise ValueError("expected one section or more, all of one metre and one set of instruments")
    pieces = [compose(c, seed, bars=SECTION_BARS) for c in sections]
    grid = GRIDS[sections[0].metre]
    length = SECTION_BARS * grid.positions * TICK
    score = symusic.Score(TICKS_PER_BEAT)
    score.time_signatures.append(symusic.TimeSignature(0, grid.numerator, grid.denominator))
    for k, causes in enumerate(sections):
        score.tempos.append(symusic.Tempo(k * length, quarters_per_minute(causes)))
    for track, parts in zip(pieces[0].tracks, zip(*(p.tracks for p in pieces), strict=True), strict=True):
        notes = [part.notes.numpy() for part in parts]
        columns = {name: np.concatenate([n[name] for n in notes]) for name in notes[0]}
        columns["time"] = columns["time"] + np.repeat(np.arange(len(notes)) * length, [len(n["time"]) for n in notes])
        whole = symusic.Track(name=track.name, program=track.program, is_drum=track.is_drum)
        whole.notes = symusic.Note.from_numpy(
            columns["time"].astype(np.int32), columns["duration"], columns["pitch"], columns["velocity"]
        )
        score.tracks.append(whole)
    affect = np.repeat([affect_of(c) for c in sections], SECTION_BARS, axis=0)
    return Song(score, tuple(sections), affect)


def as_transcription(score: symusic.Score, rng: np.random.Generator, *, jitter: float = 0.012) -> symusic.Score:
    """Make a score look transcribed from a recording: one piano track, 384 ticks, 120 BPM in 4/4 throughout.

    Onsets keep their seconds, disturbed by ``jitter`` (standard deviation in seconds); bars no longer mean anything.
    """
    timed = score.to("second")
    notes = [t.notes.numpy() for t in timed.tracks if not t.is_drum]
    onset = np.concatenate([n["time"] for n in notes]).astype(np.float64)
    length = np.concatenate([n["duration"] for n in notes]).astype(np.float64)
    onset = np.maximum(0.0, onset + jitter * rng.standard_normal(len(onset)))
    order = np.argsort(onset, kind="stable")
    per_second = 2 * 384
    result = symusic.Score(384)
    result.tempos.append(symusic.Tempo(0, 120.0))
    result.time_signatures.append(symusic.TimeSignature(0, 4, 4))
    track = symusic.Track(name="piano", program=0, is_drum=False)
    track.notes = symusic.Note.from_numpy(
        np.round(onset * per_second).astype(np.int32)[order],
        np.maximum(1, np.round(length * per_second)).astype(np.int32)[order],
        np.concatenate([n["pitch"] for n in notes])[order],
        np.concatenate([n["velocity"] for n in notes])[order],
    )
    result.tracks.append(track)
    return result


def bar_starts(score: symusic.Score) -> NDArray[np.int64]:
    """First tick of every bar up to the end of the last note, following the time signatures; 4/4 before the first.

    A new signature starts a new bar, so that the bar before it may be short.
    """
    end = max((int(n["time"][k]) + int(n["duration"][k]) for n in _notes(score) if (k := _last(n)) >= 0), default=0)
    changes = [(0, 4, 4), *sorted((s.time, s.numerator, s.denominator) for s in score.time_signatures)]
    starts: list[NDArray[np.int64]] = []
    for (time, numerator, denominator), following in zip(changes, [*[c[0] for c in changes[1:]], end], strict=True):
        bar = max(1, score.ticks_per_quarter * 4 * numerator // denominator)
        starts.append(np.arange(time, min(following, end), bar, dtype=np.int64))
    return np.concatenate(starts)


def _notes(score: symusic.Score) -> list[dict[str, NDArray[np.int32]]]:
    return [t.notes.numpy() for t in score.tracks]


def _last(notes: dict[str, NDArray[np.int32]]) -> int:
    """Index of the note that ends last; -1 if there is none."""
    ends = notes["time"].astype(np.int64) + notes["duration"]
    return int(ends.argmax()) if len(ends) else -1
