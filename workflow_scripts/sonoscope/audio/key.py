"""The key of a clip, by the key profiles of Krumhansl and Kessler (1982), turned to each tonic."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonoscope.audio.features import chroma
from sonoscope.audio.files import AudioArray

Mode = Literal["major", "minor"]

MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
"""How well each pitch class fits a major key, tonic first."""
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
"""How well each pitch class fits a minor key, tonic first."""
_PROFILES = np.array([np.roll(profile, tonic) for profile in (MAJOR, MINOR) for tonic in range(12)])


class Key(NamedTuple):
    """The key that fits best."""

    tonic: int
    """Pitch class, 0 is C."""
    mode: Mode
    correlation: float
    """Pearson correlation of the profile with the clip's pitch classes."""
    margin: float
    """Correlation of the best key of this mode minus that of the other."""


def key_of_profile(pitch_classes: NDArray[np.float64]) -> Key:
    """Key of a distribution over pitch classes ``(12,)``, C first."""
    centred = pitch_classes - pitch_classes.mean()
    profiles = _PROFILES - _PROFILES.mean(axis=1, keepdims=True)
    scale = np.linalg.norm(centred) * np.linalg.norm(profiles, axis=1)
    fit = (profiles @ centred / np.maximum(scale, 1e-12)).reshape(2, 12)  # major, minor
    best = int(fit.max(axis=1).argmax())
    margin = float(fit[best].max() - fit[1 - best].max())
    return Key(int(fit[best].argmax()), ("major", "minor")[best], float(fit[best].max()), margin)


def key(audio: AudioArray, sample_rate: int) -> Key | None:
    """Key of mono audio, or None for a silent clip; relative keys share notes, and are often taken for each other."""
    energy = chroma(audio, sample_rate)
    return key_of_profile(energy) if energy.any() else None


def mode_on(audio: AudioArray, sample_rate: int, tonic: int) -> Mode | None:
    """Mode of mono audio whose tonic is given (pitch class, 0 is C), or None for a silent clip."""
    energy = chroma(audio, sample_rate)
    if not energy.any():
        return None
    major, minor = (np.corrcoef(np.roll(energy, -tonic), profile)[0, 1] for profile in (MAJOR, MINOR))
    return "major" if major >= minor else "minor"
