"""MIDI as bars of MuseTok's tokens (REMI events with the beat before every note and the metre at a bar's end)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import symusic
from numpy.typing import NDArray

from sonoscope.musetok import vocabulary as v
from sonoscope.musetok.metres import Stretch, assign, first_stretch, stretches, written_as
from sonoscope.musetok.quantise import Ints, Notes, Quantised, bar_length, quantise, rescale
from sonoscope.musetok.writing import UnwritableMidiError, cut, outer_voices, write_tokens
from sonoscope.settings.musetok import Events
from sonoscope.symbolic.midi import read_midi

_OCTAVE = 12


@dataclass(frozen=True)
class Bars:
    """A piece as bars of tokens, with what is known of every bar; arrays are parallel, ``(bars,)`` unless said."""

    tokens: NDArray[np.int16]
    """All bars one after the other, ``(tokens,)``."""
    offsets: Ints
    """Where each bar begins among the tokens, and where the last one ends, ``(bars + 1,)``."""
    number: Ints
    """Place in the file, from 0, counting the empty bars that are left out."""
    tick: Ints
    """First tick, in the file's resolution; negative where a bar begins with the silence before a pickup."""
    second: NDArray[np.float64]
    """First second; 0 where the bar begins before the file."""
    numerator: Ints
    """Of the metre that is written."""
    denominator: Ints
    """Of the metre that is written."""
    n_notes: Ints
    """Notes that begin in the bar."""
    n_kept: Ints
    """Of these, how many its tokens hold."""
    shift: NDArray[np.float64]
    """How far onsets lay from the grid, on average, in ticks of 480 per quarter note; 0 for an empty bar.

    Up to 40 is possible. Onsets without any grid give about 16, and then bars mean little.
    """
    left_out: dict[str, int]
    """Notes that were not read at all, by reason."""

    def __len__(self) -> int:
        return len(self.number)

    def __getitem__(self, bar: int) -> NDArray[np.int16]:
        if not -len(self) <= bar < len(self):
            raise IndexError(f"bar {bar} of {len(self)}")
        bar %= len(self)
        return self.tokens[self.offsets[bar] : self.offsets[bar + 1]]

    def __iter__(self) -> Iterator[NDArray[np.int16]]:
        return iter(np.split(self.tokens, self.offsets[1:-1]))

    @property
    def names(self) -> list[list[str]]:
        """Names of the tokens of every bar."""
        return [[v.NAMES[t] for t in bar] for bar in self]


def read_bars(source: Path | bytes, s: Events, name: str = "") -> Bars:
    """Read a MIDI file as bars of tokens.

    Parameters
    ----------
    source : Path or bytes
        The file, or its content.
    s : Events
        What becomes of drums, changes of metre, high and low pitches, and long bars.
    name : str, optional
        What errors call it.

    Raises
    ------
    MidiError
        The file is no MIDI file, is damaged, or holds nothing that MuseTok can write.
    """
    name = name or (str(source) if isinstance(source, Path) else "<bytes>")
    return to_bars(read_midi(source, name), s, name)


def to_bars(score: symusic.Score, s: Events, name: str = "score") -> Bars:
    """As `read_bars`, from a score in ticks."""
    left_out: Counter[str] = Counter()
    notes = _collect(score, s, left_out, name)
    found = first_stretch(score) if s.metres == "first" else stretches(score)
    parts: list[_Part] = []
    number = 0
    which = assign(notes.onset, found)
    for k, stretch in enumerate(found):
        chosen = which == k
        stop = found[k + 1].start if k + 1 < len(found) else None
        known = _writing(stretch, s, name, left_out, int(chosen.sum()))
        bar = bar_length(*(known or stretch.metre))
        length = 0 if stop is None else -(-(stop - stretch.start) // bar)
        if known is not None and chosen.any():
            parts.append(_part(_relative(notes, chosen, stretch.start), known, stretch.start, stop, number))
            length = max(length, parts[-1].first + parts[-1].bars)
        number += length
    if not parts:
        reasons = ", ".join(f"{n} {why}" for why, n in left_out.items())
        raise UnwritableMidiError(name, f"no note that MuseTok can write ({reasons}); leave the file out")
    return _join(parts, score, s, dict(left_out), name)


@dataclass(frozen=True)
class _Part:
    """One stretch on the grid."""

    q: Quantised
    metre: tuple[int, int]
    bar: int
    start: int
    stop: int | None
    number: int
    bars: int

    @property
    def first(self) -> int:
        return self.q.first

    @property
    def starts(self) -> Ints:
        """First tick of every bar, none beyond the stretch."""
        starts = self.start + self.bar * np.arange(self.first, self.first + self.bars)
        return starts if self.stop is None else np.minimum(starts, self.stop)


def _part(notes: Notes, metre: tuple[int, int], start: int, stop: int | None, number: int) -> _Part:
    bar = bar_length(*metre)
    q = quantise(notes, bar)
    bars = q.bars
    if stop is not None:  # an empty bar that the last note reaches into already belongs to the next metre
        filled = int(q.notes.onset[-1]) // bar + 1
        bars = max(filled, min(q.first + bars, -(-(stop - start) // bar))) - q.first
    return _Part(q, metre, bar, start, stop, number, bars)


def _collect(score: symusic.Score, s: Events, left_out: Counter[str], name: str) -> Notes:
    """Notes of all tracks that are read, in the file's order, in MuseTok's ticks."""
    tracks = [t for t in score.tracks if len(t.notes) and not (s.drums == "drop" and t.is_drum)]
    if drums := sum(len(t.notes) for t in score.tracks if s.drums == "drop" and t.is_drum):
        left_out["notes of drums"] = drums
    if not tracks:
        raise UnwritableMidiError(name, "only drums, no pitched note; leave the file out")
    arrays = [t.notes.numpy() for t in tracks]

    def column(field: str) -> Ints:
        return np.concatenate([a[field] for a in arrays]).astype(np.int64)

    resolution = score.ticks_per_quarter
    time, duration, pitch = column("time"), column("duration"), column("pitch")
    notes = Notes(rescale(time, resolution), rescale(duration, resolution), pitch, column("velocity"))
    beyond = (pitch < v.LOWEST_PITCH) | (pitch > v.HIGHEST_PITCH)
    if not beyond.any():
        return notes
    if s.pitches == "refuse":
        found = f"{int(beyond.sum())} notes beyond, such as {int(pitch[beyond][0])}"
        raise UnwritableMidiError(name, f"expected pitches {v.LOWEST_PITCH} to {v.HIGHEST_PITCH}, found {found}")
    if s.pitches == "fold":
        low, high = v.LOWEST_PITCH, v.HIGHEST_PITCH
        pitch = np.where(pitch < low, pitch + _OCTAVE * (-((pitch - low) // _OCTAVE)), pitch)
        return notes._replace(pitch=np.where(pitch > high, pitch - _OCTAVE * (-((high - pitch) // _OCTAVE)), pitch))
    left_out["notes beyond the piano's keys"] = int(beyond.sum())
    return Notes(*(column[~beyond] for column in notes))


def _writing(stretch: Stretch, s: Events, name: str, left_out: Counter[str], count: int) -> tuple[int, int] | None:
    """The metre in which a stretch is written; None where there is none, which ``left_out`` then says."""
    numerator, denominator = stretch.metre
    if s.metres == "first":
        if v.time_signature(numerator, denominator) < 0:
            raise UnwritableMidiError(name, f"MuseTok has no token for {numerator}/{denominator}")
        return stretch.metre
    known = written_as(stretch.metre)
    if known is None:
        if count:
            left_out[f"notes in {numerator}/{denominator}"] += count
        return None
    return known[0]


def _relative(notes: Notes, chosen: NDArray[np.bool_], start: int) -> Notes:
    """Chosen notes in ticks from ``start``; one that begins a little before it is moved to it, its end kept."""
    onset, duration, pitch, velocity = (column[chosen] for column in notes)
    early = np.minimum(onset - start, 0)
    return Notes(onset - start - early, np.maximum(duration + early, 0), pitch, velocity)


def _join(parts: list[_Part], score: symusic.Score, s: Events, left_out: dict[str, int], name: str) -> Bars:
    counts = [p.bars for p in parts]
    base = np.cumsum([0, *counts])
    bars = int(base[-1])
    bar = np.concatenate([p.q.notes.onset // p.bar - p.first + b for p, b in zip(parts, base, strict=False)])
    place = np.concatenate([p.q.notes.onset % p.bar for p in parts])
    notes = Notes(*(np.concatenate(c) for c in zip(*(p.q.notes for p in parts), strict=True)))
    shift = np.concatenate([np.abs(p.q.shift) for p in parts])
    n_notes = np.bincount(bar, minlength=bars)
    mean_shift = np.bincount(bar, shift, minlength=bars) / np.maximum(n_notes, 1)
    room = np.full(bars, (s.longest_bar - 2) // 3)
    room[-1] = (s.longest_bar - 2 - s.end) // 3
    if s.long_bars == "thin" and (n_notes > room).any():
        kept = outer_voices(notes, bar, n_notes, room)
        notes, bar, place = Notes(*(c[kept] for c in notes)), bar[kept], place[kept]
    metre = np.repeat([p.metre for p in parts], counts, axis=0)
    signature = np.repeat([v.time_signature(*p.metre) for p in parts], counts)
    tokens, offsets = write_tokens(notes, bar, place, signature, s.end, name)
    n_kept = np.bincount(bar, minlength=bars)
    if s.long_bars == "cut" and (np.diff(offsets) > s.longest_bar).any():
        n_kept = np.where(np.diff(offsets) > s.longest_bar, (s.longest_bar - 1) // 3, n_kept)
        tokens, offsets = cut(tokens, offsets, s.longest_bar)
    tick = np.concatenate([p.starts for p in parts]) * score.ticks_per_quarter // v.QUARTER
    number = np.concatenate([p.number + np.arange(p.first, p.first + p.bars) for p in parts])
    return Bars(
        tokens, offsets, number, tick, seconds_at(score, tick), metre[:, 0], metre[:, 1], n_notes, n_kept, mean_shift,
        left_out,
    )  # fmt: skip


def seconds_at(score: symusic.Score, tick: Ints) -> NDArray[np.float64]:
    """Seconds of ticks under the score's tempo changes; 120 quarter notes per minute before the first one."""
    tick = np.maximum(tick, 0)
    tempos = score.tempos.numpy()
    order = np.argsort(tempos["time"], kind="stable")
    time = np.concatenate([[0], tempos["time"].astype(np.int64)[order]])
    per_tick = np.concatenate([[500_000], tempos["mspq"].astype(np.float64)[order]]) / 1e6 / score.ticks_per_quarter
    passed = np.concatenate([[0.0], np.cumsum(np.diff(time) * per_tick[:-1])])
    k = np.searchsorted(time, tick, side="right") - 1
    seconds: NDArray[np.float64] = passed[k] + (tick - time[k]) * per_tick[k]
    return np.maximum(seconds, 0.0)
