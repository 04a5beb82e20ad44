"""Measures on the raw waveform that know nothing of any model."""

from typing import NamedTuple

import librosa
import numpy as np
from numpy.typing import NDArray

from sonoscope.audio.files import AudioArray

SILENCE = 10 ** (-60 / 20)
"""Root mean square, relative to full scale, below which a clip counts as silent."""


class Level(NamedTuple):
    """How loud a clip is."""

    rms: float
    """Root mean square, full scale = 1."""
    peak: float
    """Largest absolute sample."""
    is_silent: bool
    """Whether the root mean square is below -60 dB."""
    is_clipped: bool
    """Whether more than one sample in a thousand stands at full scale."""


def level(audio: AudioArray) -> Level:
    """Level of mono audio of shape ``(samples,)``."""
    rms = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) if audio.size else 0.0
    peak = float(np.abs(audio).max()) if audio.size else 0.0
    clipped = float(np.mean(np.abs(audio) >= 0.999)) if audio.size else 0.0
    return Level(rms, peak, rms < SILENCE, clipped > 1e-3)


def chroma(audio: AudioArray, sample_rate: int) -> NDArray[np.float64]:
    """Energy per pitch class, shape ``(12,)``, C first, summing to 1; zeros for a silent clip.

    The constant-Q magnitudes of seven octaves from C1 are squared and folded, so that quiet partials, which fall on
    other pitch classes than the fundamental's, count little.
    """
    if level(audio).is_silent:
        return np.zeros(12)
    transform = np.abs(librosa.cqt(audio, sr=sample_rate, fmin=librosa.note_to_hz("C1"), n_bins=84, hop_length=512))
    energy = np.square(transform, dtype=np.float64).sum(axis=1).reshape(7, 12).sum(axis=0)
    total = energy.sum()
    return np.asarray(energy / total if total > 0 else energy, dtype=np.float64)


def dominant_pitch_class(audio: AudioArray, sample_rate: int) -> int | None:
    """Pitch class (0 is C) with most energy, or None for a silent clip."""
    profile = chroma(audio, sample_rate)
    return int(profile.argmax()) if profile.any() else None
