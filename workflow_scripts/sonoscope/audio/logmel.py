"""A log-mel description of a clip, from which a classifier can learn any concept without knowing what it is."""

import librosa
import numpy as np
from numpy.typing import NDArray

from sonoscope.audio.files import AudioArray

BANDS = 96
"""Mel bands, from 40 Hz to 7 kHz or half of the sample rate."""
_HOP = 0.016
_PARTS = 4
_LAGS = 128
"""Lags of the rhythm part, 2 s in all."""
_FLOOR = -60.0
_LOWEST, _OCTAVES, _SEMITONES = 100.0, 5, 49


def log_mel(audio: AudioArray, sample_rate: int) -> NDArray[np.float64]:
    """Log-mel spectrogram ``(bands, frames)`` in decibels below the loudest, floored at -60 dB, one frame per 16 ms."""
    hop = round(_HOP * sample_rate)
    mel = librosa.feature.melspectrogram(
        y=audio,
        sr=sample_rate,
        n_fft=8 * hop,
        hop_length=hop,
        n_mels=BANDS,
        fmin=40.0,
        fmax=min(7000.0, sample_rate / 2),
    )
    return np.asarray(librosa.power_to_db(mel, ref=np.max, amin=1e-9, top_db=-_FLOOR), dtype=np.float64)


def intervals(audio: AudioArray, sample_rate: int) -> NDArray[np.float64]:
    """Which intervals sound together in each quarter ``(4 · lags,)``, whatever the root.

    The mean log spectrum on a grid of quarter tones, correlated with itself at lags up to two octaves.
    """
    size = 1 << int(np.log2(0.26 * sample_rate))
    power = np.abs(librosa.stft(audio, n_fft=size, hop_length=size // 4)) ** 2
    grid = _LOWEST * 2 ** (np.arange(_OCTAVES * 24) / 24)
    found = []
    for part in np.array_split(power, _PARTS, axis=1):
        mean = np.interp(grid, librosa.fft_frequencies(sr=sample_rate, n_fft=size), part.mean(axis=1))
        level = np.maximum(librosa.power_to_db(mean / max(float(mean.max()), 1e-12)), -40.0) + 40.0
        level -= level.mean()
        sums = np.correlate(level, level, mode="full")[len(level) - 1 :][:_SEMITONES]
        found.append(sums / max(float(sums[0]), 1e-9))
    return np.concatenate(found)


def description(audio: AudioArray, sample_rate: int) -> NDArray[np.float64]:
    """Features ``(features,)``: mean and spread per band, mean per band in each quarter, and the rhythm of rises.

    The last is the normalised autocorrelation of the mean rise of the bands, up to 2 s.
    """
    mel = log_mel(audio, sample_rate)
    quarters = [part.mean(axis=1) for part in np.array_split(mel, _PARTS, axis=1)]
    rise = np.maximum(np.diff(mel, axis=1), 0).mean(axis=0)
    rise = rise - rise.mean()
    sums = np.correlate(rise, rise, mode="full")[len(rise) - 1 :]
    rhythm = np.zeros(_LAGS)
    usable = min(_LAGS, len(sums))
    rhythm[:usable] = sums[:usable] / max(float(sums[0]), 1e-9)
    whole = mel.mean(axis=1)
    relative = [q - whole for q in quarters]
    return np.concatenate(
        [whole / -_FLOOR, mel.std(axis=1) / 20, *(r / 20 for r in relative), rhythm, intervals(audio, sample_rate)]
    )
