"""The metre of a click track: how long a click lasts, and how many clicks lie between accents."""

from typing import NamedTuple

import librosa
import numpy as np
from numpy.typing import NDArray

from sonoscope.audio.features import level
from sonoscope.audio.files import AudioArray

Floats = NDArray[np.float64]

_HOP = 0.008
_AFTER = 0.08
"""Seconds after an onset whose spectrum tells an accented click from another."""

_BETTER = 0.02
"""Share of the spread that a longer bar must explain beyond a shorter one."""


class Pulse(NamedTuple):
    """Regular clicks and their accents."""

    step: float
    """Seconds between clicks."""
    per_bar: int | None
    """Clicks from one accent to the next; None if no accent is heard."""


def onsets(audio: AudioArray, sample_rate: int) -> Floats:
    """Times of onsets in seconds: peaks of the rise of the log-mel spectrum that stand out from their neighbours."""
    hop = round(_HOP * sample_rate)
    if level(audio).is_silent or len(audio) < 8 * hop:
        return np.zeros(0)
    mel = librosa.feature.melspectrogram(y=audio, sr=sample_rate, n_fft=4 * hop, hop_length=hop, n_mels=40)
    decibels = librosa.power_to_db(mel, ref=np.max, top_db=50.0)
    rise = np.maximum(np.diff(decibels, axis=1, prepend=decibels.min()), 0).mean(axis=0)
    rise = rise / max(float(rise.max()), 1e-9)
    near = max(1, round(0.05 / _HOP))
    peaks = librosa.util.peak_pick(
        rise, pre_max=near, post_max=near, pre_avg=3 * near, post_avg=3 * near, delta=0.08, wait=near
    )
    return np.asarray(peaks * hop / sample_rate, dtype=np.float64)


def onset_rate(audio: AudioArray, sample_rate: int) -> float:
    """Onsets per second of mono audio."""
    return len(onsets(audio, sample_rate)) / max(len(audio) / sample_rate, 1e-9)


def pulse(audio: AudioArray, sample_rate: int, steps: dict[float, tuple[int, ...]]) -> Pulse | None:
    """The regular clicks of a clip and how many make a bar; None without clicks.

    Parameters
    ----------
    steps
        Possible seconds between clicks, and the numbers of clicks per bar that occur with each.

    The step is the possible one next to the median time between onsets. A click's spectrum in the 80 ms after its onset
    is compared with the others': the bar is the grouping of which the first clicks differ most from the rest.
    """
    times = onsets(audio, sample_rate)
    if len(times) < 2:
        return None
    gap = float(np.median(np.diff(times)))
    step = min(steps, key=lambda s: abs(np.log(gap / s)))
    # a clip may begin in the middle of a sound, so the grid's phase is that of all onsets, not of the first
    phase = float(np.angle(np.exp(2j * np.pi * times / step).sum()) / (2 * np.pi)) * step
    numbers = np.round((times - phase) / step).astype(int)
    is_whole = times < len(audio) / sample_rate - _AFTER
    kept = is_whole & (np.abs(times - phase - numbers * step) < 0.2 * step)
    times, numbers = times[kept], numbers[kept]
    sounds = _sounds(audio, sample_rate, times)
    return Pulse(step, _per_bar(numbers, sounds, steps[step]))


def _sounds(audio: AudioArray, sample_rate: int, times: Floats) -> Floats:
    """Log-mel spectrum after each onset, ``(onsets, bands)``."""
    length = round(_AFTER * sample_rate)
    out = []
    for time in times:
        at = round(time * sample_rate)
        piece = np.zeros(length, np.float32)
        cut = audio[at : at + length]
        piece[: len(cut)] = cut
        mel = librosa.feature.melspectrogram(
            y=piece, sr=sample_rate, n_fft=min(1024, length), hop_length=length // 2, n_mels=40
        )
        out.append(librosa.power_to_db(mel, ref=1.0, amin=1e-8).mean(axis=1))
    return np.asarray(out, dtype=np.float64)


def _per_bar(numbers: NDArray[np.int64], sounds: Floats, candidates: tuple[int, ...]) -> int | None:
    """The grouping whose first clicks differ most from the others, for their number."""
    total = float(np.square(sounds - sounds.mean(axis=0)).sum())
    if total <= 0 or len(numbers) < 3:
        return None
    best, found = 0.0, None
    for size in sorted(candidates):
        for phase in range(size):
            first = numbers % size == phase
            if not first.any() or first.all():
                continue
            rest = ~first
            between = sum(
                mask.sum() * float(np.square(sounds[mask].mean(axis=0) - sounds.mean(axis=0)).sum())
                for mask in (first, rest)
            )
            explained = between / total
            if explained > best + _BETTER:
                best, found = explained, size
    return found
