"""What a listener would count in a bar: features by hand, from the score itself and not from its tokens.

MuseTok's tokens hold neither tempo nor loudness, from which most of arousal is heard. The features of `SIDE` carry them
beside the latents, and those of `TONALITY` what a small encoder does not keep. All of `HAND`, with their context, are
the baseline that a latent has to beat.
"""

from typing import Final

import numpy as np
import symusic
from numpy.typing import NDArray

from sonoscope.musetok.events import Bars, seconds_at
from sonoscope.musetok.quantise import Ints
from sonoscope.musetok.vocabulary import QUARTER, STEP

Floats = NDArray[np.float64]

SIDE: Final = (
    "tempo", "onsets_per_second", "notes_per_beat", "velocity_mean", "velocity_sd", "pitch_mean", "articulation",
)  # fmt: skip
"""What the tokens lack or blur: tempo, velocity, density, register and articulation."""
TONALITY: Final = ("major_fit", "minor_fit", "mode", "mode_near")
"""How major or minor a bar is; a small encoder does not learn it from reconstruction."""

UNITS: Final[dict[str, str]] = {
    "tempo": "octaves above 1 quarter note per minute",
    "onsets_per_second": "1/s",
    "notes_per_beat": "1/quarter note",
    "velocity_mean": "MIDI velocity",
    "velocity_sd": "MIDI velocity",
    "pitch_mean": "MIDI pitch",
    "articulation": "sounding share of the time to the next onset of the track",
    "onsets_per_beat": "1/quarter note",
    "duration": "quarter notes",
    "pitch_low": "MIDI pitch",
    "pitch_high": "MIDI pitch",
    "pitch_sd": "semitones",
    "polyphony": "notes sounding at once",
    "pitch_classes": "pitch classes",
    "major_fit": "correlation with the best major key profile",
    "minor_fit": "correlation with the best minor key profile",
    "mode": "major fit minus minor fit",
    "mode_near": "the same of this bar and the three before it",
    "bar_quarters": "quarter notes",
    "bar_seconds": "s",
}
"""Unit of every feature, in the order of the columns."""
HAND: Final = tuple(UNITS)
"""Names of all features."""
PAST: Final = 8
"""Bars before this one whose mean is its past context."""

_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_LONGEST_GAP = 1.5


def profiles() -> tuple[Floats, Floats]:
    """Key profiles of Krumhansl and Kessler (1982) in all keys, each ``(12 pitch classes, 12 keys)``, standardised."""
    both = [np.stack([np.roll(p, k) for k in range(12)], axis=1) for p in (_MAJOR, _MINOR)]
    major, minor = ((p - p.mean(0)) / np.sqrt(((p - p.mean(0)) ** 2).sum(0)) for p in both)
    return major, minor


def bar_features(score: symusic.Score, bars: Bars) -> Floats:
    """Features of every bar, ``(bars, len(HAND))``; drums are not heard.

    A bar without notes has no density and otherwise what the bar before it had (the first ones: the mean of all).
    """
    tracks = [t.notes.numpy() for t in score.tracks if len(t.notes) and not t.is_drum]
    onset, length, pitch, velocity = (
        np.concatenate([np.asarray(n[name], np.int64) for n in tracks])
        for name in ("time", "duration", "pitch", "velocity")
    )
    gap = np.concatenate([_gaps(np.asarray(n["time"], np.int64)) for n in tracks])
    resolution = score.ticks_per_quarter
    early = STEP * resolution // QUARTER  # notes a little before a bar line snap to it
    bar = np.searchsorted(bars.tick, onset + early, side="right") - 1
    ends = np.append(bars.tick[1:], bars.tick[-1] + _bar_ticks(bars, resolution)[-1])
    ends = np.minimum(ends, bars.tick + _bar_ticks(bars, resolution))
    heard = (bar >= 0) & (onset < ends[np.maximum(bar, 0)] + early)
    onset, length, pitch, velocity, gap, bar = (a[heard] for a in (onset, length, pitch, velocity, gap, bar))
    return _table(score, bars, ends, onset, length, pitch, velocity, gap, bar)


def _bar_ticks(bars: Bars, resolution: int) -> Ints:
    return np.maximum(4 * resolution * bars.numerator // np.maximum(bars.denominator, 1), 1)


def _gaps(onset: Ints) -> Ints:
    """Ticks from each note to the next other onset of its track; 0 after the last one."""
    places = np.unique(onset)
    following = np.append(places[1:], places[-1])
    return following[np.searchsorted(places, onset)] - onset


def _table(
    score: symusic.Score, bars: Bars, ends: Ints, onset: Ints, length: Ints, pitch: Ints, velocity: Ints, gap: Ints,
    bar: Ints,
) -> Floats:  # fmt: skip
    n, resolution = len(bars), score.ticks_per_quarter
    count = np.bincount(bar, minlength=n).astype(np.float64)
    some = np.maximum(count, 1)

    def mean(values: NDArray[np.generic]) -> Floats:
        return np.bincount(bar, np.asarray(values, np.float64), minlength=n) / some

    quarters = np.maximum(ends - bars.tick, 1) / resolution
    seconds = np.maximum(seconds_at(score, ends) - bars.second, 1e-3)
    distinct = np.unique(bar * (int(onset.max(initial=0)) + 2) + onset, return_index=True)[1]
    onsets = np.bincount(bar[distinct], minlength=n)
    spread = np.sqrt(np.maximum(mean(pitch**2) - mean(pitch) ** 2, 0))
    touch = np.sqrt(np.maximum(mean(velocity**2) - mean(velocity) ** 2, 0))
    sounding = gap > 0
    ratio = np.clip(length[sounding] / np.maximum(gap[sounding], 1), 0, _LONGEST_GAP)
    followed = np.bincount(bar[sounding], minlength=n)
    share = np.bincount(bar[sounding], ratio, minlength=n) / np.maximum(followed, 1)
    if not followed.any():
        share, followed = np.ones(n), np.ones(n, np.int64)
    share = _carried(share[:, None], followed > 0)[:, 0]  # nothing follows the last notes
    low, high = np.full(n, 127), np.zeros(n, np.int64)
    np.minimum.at(low, bar, pitch)
    np.maximum.at(high, bar, pitch)
    classes = class_weights(bar, pitch, length, n)
    major, minor = key_fits(classes)
    columns = {
        "tempo": np.log2(60 * quarters / seconds),
        "onsets_per_second": onsets / seconds,
        "notes_per_beat": count / quarters,
        "velocity_mean": mean(velocity),
        "velocity_sd": touch,
        "pitch_mean": mean(pitch),
        "articulation": share,
        "onsets_per_beat": onsets / quarters,
        "duration": mean(length) / resolution,
        "pitch_low": low,
        "pitch_high": high,
        "pitch_sd": spread,
        "polyphony": mean(length) * count / resolution / quarters,
        "pitch_classes": (classes > 0).sum(1),
        "major_fit": major,
        "minor_fit": minor,
        "mode": major - minor,
        "mode_near": np.subtract(*key_fits(_past_sum(classes, 3))),
        "bar_quarters": quarters,
        "bar_seconds": seconds,
    }
    table = np.stack([np.asarray(columns[name], np.float64) for name in HAND], axis=1)
    return _fill(table, count > 0)


_ALWAYS_KNOWN = ("tempo", "onsets_per_second", "notes_per_beat", "onsets_per_beat", "bar_quarters", "bar_seconds")


def _fill(table: Floats, filled: NDArray[np.bool_]) -> Floats:
    if filled.all() or not filled.any():
        return table
    known = np.isin(HAND, _ALWAYS_KNOWN)
    return np.where(known | filled[:, None], table, _carried(table, filled))


def _carried(table: Floats, filled: NDArray[np.bool_]) -> Floats:
    """Rows that are not filled hold what the last filled one before them has; the first ones the mean of all."""
    last = np.maximum.accumulate(np.where(filled, np.arange(len(table)), -1))
    return np.where((last >= 0)[:, None], table[np.maximum(last, 0)], table[filled].mean(0))


def class_weights(bar: Ints, pitch: Ints, length: Ints, bars: int) -> Floats:
    """Sounding time of every pitch class in every bar, ``(bars, 12)``, in ticks."""
    sounding = np.maximum(length, 1).astype(np.float64)
    counts = np.bincount(bar * 12 + pitch % 12, sounding, minlength=12 * bars)
    return np.asarray(counts, np.float64).reshape(bars, 12)


def key_fits(classes: Floats) -> tuple[Floats, Floats]:
    """Correlation of pitch-class weights ``(n, 12)`` with the best major and the best minor profile, each ``(n,)``."""
    centred = classes - classes.mean(1, keepdims=True)
    norm = np.sqrt((centred**2).sum(1, keepdims=True))
    unit = np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0)
    major, minor = profiles()
    return (unit @ major).max(1), (unit @ minor).max(1)


def _past_sum(values: Floats, bars: int) -> Floats:
    """Each row plus the ``bars`` rows before it."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    stop = np.arange(1, len(values) + 1)
    difference: Floats = total[stop] - total[np.maximum(stop - bars - 1, 0)]
    return difference


def with_context(features: Floats) -> Floats:
    """Features of each bar, their mean over the bars before it, and over the piece: ``(bars, 3 features)``."""
    past = _past_sum(features, PAST) / np.minimum(np.arange(1, len(features) + 1), PAST + 1)[:, None]
    return np.concatenate([features, past, np.broadcast_to(features.mean(0), features.shape)], axis=1)
