"""The tempo of a clip of clicks or notes, by the autocorrelation of its onset strength."""

import librosa
import numpy as np
from numpy.typing import NDArray

from sonoscope.audio.features import level
from sonoscope.audio.files import AudioArray

SLOWEST, FASTEST = 40.0, 240.0
"""Beats per minute between which a tempo is looked for."""
_STEP = 0.008
"""Seconds between two values of the onset strength."""
_ENOUGH = 0.7
"""A shorter period wins over the best one if it explains this share of it: beats are wanted, not bars."""


def onset_strength(audio: AudioArray, sample_rate: int) -> NDArray[np.float64]:
    """Mean rise of the log-mel spectrum in decibels, one value every 8 ms."""
    hop = round(_STEP * sample_rate)
    mel = librosa.feature.melspectrogram(y=audio, sr=sample_rate, n_fft=4 * hop, hop_length=hop, n_mels=40)
    decibels = librosa.power_to_db(mel, ref=np.max, top_db=60.0)
    rise = np.maximum(np.diff(decibels, axis=1), 0).mean(axis=0)
    return np.asarray(rise, dtype=np.float64)


def tempo(audio: AudioArray, sample_rate: int) -> float | None:
    """Beats per minute of mono audio, or None for a silent clip or one without a period.

    The beat is the shortest period at which the onset strength repeats nearly as well as at its best one, so that a
    click track with accents is heard at its clicks. No tempo is preferred.
    """
    if level(audio).is_silent:
        return None
    strength = onset_strength(audio, sample_rate)
    strength = strength - strength.mean()
    hop = round(_STEP * sample_rate) / sample_rate
    n, first, last = len(strength), int(60 / FASTEST / hop), int(np.ceil(60 / SLOWEST / hop)) + 1
    last = min(last, n - 2)
    spectrum = np.fft.rfft(strength, 2 * n)
    sums = np.fft.irfft(np.abs(spectrum) ** 2)[:n]
    if last <= first + 1 or sums[0] <= 0:
        return None
    # onsets are sharp: a little smoothing lets neighbouring lags count as one period
    smooth = np.convolve(sums / (n - np.arange(n)), [0.25, 0.5, 0.25], mode="same")
    peaks = [k for k in range(max(first, 1), last) if smooth[k - 1] < smooth[k] >= smooth[k + 1] and smooth[k] > 0]
    if not peaks:
        return None
    best = max(smooth[k] for k in peaks)
    lag = next(k for k in peaks if smooth[k] >= _ENOUGH * best)
    return 60 / (_refined(smooth, lag) * hop)


def _refined(values: NDArray[np.float64], peak: int) -> float:
    """Top of the parabola through a peak and its neighbours."""
    before, at, after = values[peak - 1 : peak + 2]
    curve = before - 2 * at + after
    return peak + (0.5 * (before - after) / curve if curve < 0 else 0.0)
