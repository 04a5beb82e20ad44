"""Chords, scales, intervals and progressions of a clip, by templates of pitch classes and by tracked pitch.

All templates hold the partials of their notes: the energy of a note's k-th partial falls as `_DECAY` per partial, and
the third and fifth fall on other pitch classes than the fundamental.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import librosa
import numpy as np
from numpy.typing import NDArray

from sonoscope.audio.features import chroma, level
from sonoscope.audio.files import AudioArray
from sonoscope.audio.pitch import pitches

Floats = NDArray[np.float64]

_DECAY = 0.45
_PARTIALS = (0, 0, 7, 0, 4, 7)
"""Pitch class of the first partials, above the fundamental's."""
_LEAST_SHARE = 0.12
"""Share of voiced frames that a pitch must hold to count as a note of its own."""


def note_profile(weights: Floats) -> Floats:
    """Expected energy per pitch class ``(12,)`` of notes with given weights per pitch class ``(12,)``."""
    profile = np.zeros(12)
    for k, above in enumerate(_PARTIALS):
        profile += _DECAY**k * np.roll(weights, above)
    return np.asarray(profile / np.linalg.norm(profile), dtype=np.float64)


@lru_cache(maxsize=4096)
def _template(pitch_classes: tuple[int, ...]) -> Floats:
    found = np.zeros(12)
    for pitch_class in pitch_classes:
        found[pitch_class % 12] += 1.0
    return note_profile(found)


def _fit(energy: Floats, templates: Floats) -> Floats:
    """Cosine of the square root of an energy profile ``(12,)`` with the square roots of templates ``(n, 12)``."""
    root, shapes = np.sqrt(np.maximum(energy, 0)), np.sqrt(templates)
    scale = np.linalg.norm(root) * np.linalg.norm(shapes, axis=1)
    return np.asarray(shapes @ root / np.maximum(scale, 1e-12), dtype=np.float64)


class Match(NamedTuple):
    """What fits best."""

    name: str
    """Of the kind that was asked for."""
    root: int
    """Pitch class of its root or tonic, 0 is C."""
    fit: float
    """Cosine with the template."""


def best_kind(energy: Floats, kinds: dict[str, tuple[Floats, ...]]) -> Match | None:
    """The best of several kinds of templates, each at twelve roots; None where there is no energy."""
    if not energy.any():
        return None
    found = [
        Match(name, root, float(fit))
        for name, at in kinds.items()
        for root, fit in enumerate(_fit(energy, np.stack(at)))
    ]
    return max(found, key=lambda m: m.fit)


@lru_cache(maxsize=32)
def triads(kinds: tuple[tuple[str, tuple[int, ...]], ...]) -> dict[str, tuple[Floats, ...]]:
    """Templates of kinds of chords at twelve roots, from their semitones above the root."""
    return {name: tuple(_template(tuple(root + s for s in steps)) for root in range(12)) for name, steps in kinds}


def chord(audio: AudioArray, sample_rate: int, kinds: dict[str, tuple[int, ...]]) -> Match | None:
    """Kind and root of the one chord of a clip. Roots of symmetric chords are arbitrary."""
    return best_kind(chroma(audio, sample_rate), triads(tuple(kinds.items())))


def tracked(audio: AudioArray, sample_rate: int) -> tuple[NDArray[np.int64], Floats]:
    """MIDI pitch, rounded, and energy of each voiced frame."""
    frequencies, weights = pitches(audio, sample_rate)
    if not len(frequencies):
        return np.zeros(0, np.int64), np.zeros(0)
    midi = np.round(69 + 12 * np.log2(frequencies / 440.0)).astype(np.int64)
    return midi, np.asarray(weights, dtype=np.float64)


def semitones(audio: AudioArray, sample_rate: int) -> Floats:
    """Energy per semitone ``(84,)`` from C1 up, summing to 1; zeros for a silent clip."""
    if level(audio).is_silent:
        return np.zeros(84)
    transform = np.abs(librosa.cqt(audio, sr=sample_rate, fmin=librosa.note_to_hz("C1"), n_bins=84, hop_length=512))
    energy = np.square(transform, dtype=np.float64).sum(axis=1)
    return np.asarray(energy / max(energy.sum(), 1e-12), dtype=np.float64)


def pitch_class_course(audio: AudioArray, sample_rate: int, seconds: float) -> Floats:
    """Share of energy per pitch class in each window of a clip, ``(windows, 12)``; NaN where it is silent."""
    hop = 512
    windows = max(1, int(len(audio) / sample_rate / seconds + 1e-6))
    if level(audio).is_silent:
        return np.full((windows, 12), np.nan)
    transform = np.abs(librosa.cqt(audio, sr=sample_rate, fmin=librosa.note_to_hz("C1"), n_bins=84, hop_length=hop))
    energy = np.square(transform, dtype=np.float64).reshape(7, 12, -1).sum(axis=0)  # [12, frames]
    number = np.minimum((np.arange(energy.shape[1]) * hop / sample_rate / seconds).astype(int), windows - 1)
    sums = np.stack([energy[:, number == k].sum(axis=1) for k in range(windows)])
    total = sums.sum(axis=1, keepdims=True)
    heard = total > 1e-6 * float(total.max())
    return np.asarray(np.where(heard, sums / np.where(heard, total, 1.0), np.nan), dtype=np.float64)


def interval(audio: AudioArray, sample_rate: int) -> int | None:
    """Semitones, 1 to 12, between the two notes of a clip, one after the other or together; None if unheard.

    Two pitches that hold most voiced frames are the two notes. Where the tracker hears but one or none, as with notes
    that sound together, the pair of notes whose partials explain the spectrum best decides.
    """
    midi, _ = tracked(audio, sample_rate)
    if len(midi) >= 4:
        names, counts = np.unique(midi, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        share = counts[order] / len(midi)
        if len(order) > 1 and share[1] >= _LEAST_SHARE and share[:2].sum() > 0.6:
            distance = abs(int(names[order[0]] - names[order[1]]))
            if 1 <= distance <= 12:
                return distance
    return _pair(semitones(audio, sample_rate))


_OVERTONES = np.round(12 * np.log2(np.arange(1, 9))).astype(int)


def _pair(energy: Floats) -> int | None:
    """Interval of the pair of notes whose harmonic series, with free strength, leaves least of a spectrum."""
    if not energy.any():
        return None
    root = np.sqrt(energy)
    shapes = np.zeros((72, 84))
    for note in range(72):
        at = note + _OVERTONES
        np.add.at(shapes[note], at[at < 84], 0.7 ** np.arange(len(_OVERTONES))[at < 84])
    shapes /= np.linalg.norm(shapes, axis=1, keepdims=True)
    along, gram = shapes @ root, shapes @ shapes.T
    # a loud note leaks into its neighbours: a note of its own is a peak, or as strong as the peak beside it
    beside = np.maximum(np.r_[0, root[:-1]], np.r_[root[1:], 0])
    is_note = (root > 0.1 * root.max()) & (root > 0.6 * beside)
    best, found = -1.0, None
    for low in range(12, 71):
        if not is_note[low]:
            continue
        for distance in range(1, 13):
            high = low + distance
            if high >= 72 or not is_note[high]:
                continue
            overlap = gram[low, high]
            a, b = along[low], along[high]
            explained = (a * a + b * b - 2 * overlap * a * b) / max(1 - overlap**2, 1e-9)
            weights = (a - overlap * b, b - overlap * a)
            if min(weights) > 0.1 * max(weights) and explained > best:
                best, found = explained, distance
    return found


def scale(audio: AudioArray, sample_rate: int, modes: dict[str, tuple[int, ...]]) -> Match | None:
    """Mode and tonic of a clip that runs through a scale: the profile of its notes, turned to each tonic.

    The tonic sounds twice in an octave's scale and is its first, lowest and highest note, which tells modes with the
    same notes apart; where no pitch can be tracked, the spectrum's profile has to do.
    """
    midi, _ = tracked(audio, sample_rate)
    notes, counts = np.unique(midi, return_counts=True) if len(midi) else (np.zeros(0, np.int64), np.zeros(0))
    notes = notes[counts >= 2]
    if len(notes) >= 5:
        return _mode_of_notes(notes, int(midi[0]), modes)
    kinds = {
        name: tuple(_template(tuple(t + s for s in (*steps, 0))) for t in range(12)) for name, steps in modes.items()
    }
    return best_kind(chroma(audio, sample_rate), kinds)


def _mode_of_notes(notes: NDArray[np.int64], first: int, modes: dict[str, tuple[int, ...]]) -> Match:
    """The mode and tonic with most of the notes and least else; the tonic is the first, the lowest and the highest."""
    heard = {int(n) % 12 for n in notes}
    ends = [int(notes.min()), int(notes.max()), first]
    best = Match("", 0, -np.inf)
    for name, steps in modes.items():
        for tonic in range(12):
            wanted = {(tonic + s) % 12 for s in steps}
            fit = len(wanted & heard) / len(wanted | heard) + 0.25 * sum(e % 12 == tonic for e in ends)
            if fit > best.fit:
                best = Match(name, tonic, fit)
    return best


def progression(
    audio: AudioArray, sample_rate: int, chords: dict[str, Sequence[tuple[int, ...]]], seconds: float
) -> Match | None:
    """Name and key of the progression whose triads fit a clip's windows best.

    Parameters
    ----------
    chords
        Pitch classes of each chord of each progression, above the tonic.
    seconds
        Length of one chord; windows beyond the end of the clip do not count.
    """
    length = round(seconds * sample_rate)
    windows = [audio[k * length : (k + 1) * length] for k in range(max(1, len(audio) // length))]
    energies = [chroma(w, sample_rate) for w in windows]
    if not any(e.any() for e in energies):
        return None
    best = Match("", 0, -np.inf)
    for name, steps in chords.items():
        for key in range(12):
            fits = [
                _fit(e, _template(tuple(key + s for s in triad))[None])[0]
                for e, triad in zip(energies, steps, strict=False)
                if e.any()
            ]
            fit = float(np.mean(fits))
            if fit > best.fit + 1e-9:
                best = Match(name, key, fit)
    return best
