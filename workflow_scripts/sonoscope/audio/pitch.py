"""The pitch of a clip that holds one note at a time."""

import librosa
import numpy as np
from numpy.typing import NDArray

from sonoscope.audio.features import level
from sonoscope.audio.files import AudioArray

LOWEST, HIGHEST = 55.0, 2200.0
"""Fundamental frequencies between which a pitch is looked for, in hertz."""
_FRAME = 0.128
_VOICED = 0.2
"""Largest aperiodicity of a voiced frame."""


def pitches(audio: AudioArray, sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fundamental frequency in hertz and root mean square of each voiced frame of 128 ms.

    The difference function is that of YIN (de Cheveigné and Kawahara 2002), with its cumulative mean normalisation,
    threshold and parabolic interpolation, the last over as many periods as fit; a frame whose aperiodicity stays above
    0.2 is unvoiced.
    """
    size = round(_FRAME * sample_rate)
    if len(audio) < 2 * size:
        return np.zeros(0), np.zeros(0)
    found = librosa.util.frame(audio.astype(np.float64), frame_length=2 * size, hop_length=size // 2)  # (2 size, n)
    least, most = int(sample_rate / HIGHEST), int(np.ceil(sample_rate / LOWEST)) + 1
    normal = _normalised_difference(found, size, most)
    frequencies, weights = [], []
    for k in range(found.shape[1]):
        lag = _first_dip(normal[:, k], least)
        if lag is not None:
            frequencies.append(sample_rate / lag)
            weights.append(np.sqrt(np.mean(found[:, k] ** 2)))
    return np.array(frequencies), np.array(weights)


def pitch(audio: AudioArray, sample_rate: int) -> float | None:
    """Fundamental frequency in hertz of mono audio: median of its voiced frames, by energy; None without any."""
    if level(audio).is_silent:
        return None
    frequencies, weights = pitches(audio, sample_rate)
    if not len(frequencies):
        return None
    order = np.argsort(frequencies)
    total = np.cumsum(weights[order] ** 2)
    return float(frequencies[order][np.searchsorted(total, total[-1] / 2)])


def cents(frequency: float, reference: float) -> float:
    """Interval from ``reference`` to ``frequency`` in hundredths of a semitone."""
    return float(1200 * np.log2(frequency / reference))


def hertz(midi: float) -> float:
    """Frequency of a MIDI pitch in equal temperament, A4 = 69 = 440 Hz."""
    return float(440 * 2 ** ((midi - 69) / 12))


def _normalised_difference(frames: NDArray[np.float64], size: int, most: int) -> NDArray[np.float64]:
    """YIN's normalised difference ``(lags, frames)`` of frames ``(2 size, frames)``."""
    spectrum = np.fft.rfft(frames, 4 * size, axis=0)
    head = np.fft.rfft(frames[:size], 4 * size, axis=0)
    correlation = np.fft.irfft(np.conj(head) * spectrum, axis=0)[: most + 1]
    squares = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames**2, axis=0)])
    lags = np.arange(most + 1)
    energy = squares[lags + size] - squares[lags]
    difference = np.maximum(energy[0] + energy - 2 * correlation, 0)
    running = np.cumsum(difference, axis=0)
    normal = np.ones_like(difference)
    normal[1:] = difference[1:] * lags[1:, None] / np.maximum(running[1:], 1e-12)
    return np.asarray(normal, dtype=np.float64)


def _first_dip(normal: NDArray[np.float64], least: int) -> float | None:
    below = np.flatnonzero(normal[least:-1] < _VOICED) + least
    if not len(below):
        return None
    lag = int(below[0])
    while lag + 1 < len(normal) - 1 and normal[lag + 1] < normal[lag]:
        lag += 1
    period, count = _bottom(normal, lag), 1
    while 2 * count * period < len(normal) - 2:  # a high note is a few samples long: many periods tell it better
        count *= 2
        period = _bottom(normal, round(count * period)) / count
    return period


def _bottom(values: NDArray[np.float64], near: int) -> float:
    """Bottom of the parabola through the least value next to ``near`` and its neighbours."""
    least = near - 1 + int(values[near - 1 : near + 2].argmin())
    least = min(max(least, 1), len(values) - 2)
    before, at, after = values[least - 1 : least + 2]
    curve = before - 2 * at + after
    # where the least value is at the edge of what was looked at, the parabola's bottom may lie anywhere
    return float(least + (np.clip(0.5 * (before - after) / curve, -0.5, 0.5) if curve > 0 else 0.0))
