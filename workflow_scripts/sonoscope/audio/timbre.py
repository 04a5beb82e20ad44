"""The sound of a clip apart from its loudness: features of its spectrum and envelope, and a classifier of families.

The features are chosen to bear what a codec adds and takes away: levels far below the loudest are floored, and the
partials of the pitch are measured each by itself, so that noise between them does not count.
"""

from collections.abc import Sequence

import librosa
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier

from sonoscope.audio.features import level
from sonoscope.audio.files import AudioArray
from sonoscope.audio.pitch import pitch

Floats = NDArray[np.float64]

_PARTIALS = (0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14)
_COEFFICIENTS = 12
_FLOOR = -30.0
"""Levels in dB below the loudest that count as nothing, for spectra; envelopes go to -40 dB."""
_TILT = (-8.0, 2.0)
"""Range of the tilt of altered clips, in dB per octave above 300 Hz."""
_NOISE = (5.0, 35.0)
"""Range of the signal-to-noise ratio of altered clips, in dB."""


def timbre(audio: AudioArray, sample_rate: int) -> Floats:
    """Features of mono audio, shape ``(features,)``, that do not change with its gain; see the module."""
    audio = audio / max(level(audio).peak, 1e-9)
    return np.concatenate([_partials(audio, sample_rate), _envelope(audio, sample_rate), _cepstrum(audio, sample_rate)])


def _partials(audio: AudioArray, sample_rate: int) -> Floats:
    """Share of the energy at each multiple of the pitch in dB, the pitch, and the centre of the spectrum."""
    size = 1 << int(np.log2(0.26 * sample_rate))
    power = np.abs(librosa.stft(audio, n_fft=size, hop_length=size // 8)) ** 2
    frames = power.sum(axis=0)
    mean = power[:, frames >= frames.max() * 10**-2.5].mean(axis=1)  # of a silent clip, every frame
    frequency = librosa.fft_frequencies(sr=sample_rate, n_fft=size)
    total, found = mean.sum() + 1e-12, pitch(audio, sample_rate) or 0.0
    shares = []
    for k in _PARTIALS:
        near = np.abs(frequency - k * found) < max(0.03 * k * found, 12.0)
        share = mean[near].sum() / total if found else 0.0
        shares.append(max(10 * np.log10(share + 1e-12), _FLOOR))
    centre = np.log(float((mean * frequency).sum() / total) + 1)
    height = np.log(max(found, 30.0))
    return np.array([*shares, height, centre, centre - height])


def _envelope(audio: AudioArray, sample_rate: int) -> Floats:
    """How loud the clip is over time, and how fast that changes: quantiles in dB, every 10 ms."""
    hop = round(0.01 * sample_rate)
    power = np.convolve(audio.astype(np.float64) ** 2, np.ones(2 * hop) / (2 * hop), mode="same")[::hop]
    decibels = 10 * np.log10(power + 1e-9)
    decibels = np.maximum(decibels - decibels.max(), -40.0)
    levels = np.quantile(decibels, [0.05, 0.1, 0.25, 0.5, 0.75, 0.9])
    changes = np.quantile(np.diff(decibels), [0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98])
    return np.concatenate([levels, changes])


def _cepstrum(audio: AudioArray, sample_rate: int) -> Floats:
    """Mel-frequency cepstrum without its first coefficient: mean, spread, and what attacks differ by."""
    hop = round(0.016 * sample_rate)
    mel = librosa.feature.melspectrogram(
        y=audio, sr=sample_rate, n_fft=4 * hop, hop_length=hop, n_mels=64, fmin=50.0, fmax=7600.0
    )
    cepstrum = librosa.feature.mfcc(
        S=librosa.power_to_db(mel, ref=np.max, top_db=-_FLOOR), n_mfcc=_COEFFICIENTS + 1
    )[1:]  # fmt: skip
    loud = librosa.power_to_db(mel.sum(axis=0), ref=np.max)
    sounds = cepstrum[:, loud > -25.0]
    attacks = cepstrum[:, np.argsort(np.diff(loud, prepend=loud[:1]), kind="stable")[-8:]]
    mean = sounds.mean(axis=1)
    return np.concatenate([mean, sounds.std(axis=1), attacks.mean(axis=1) - mean]).astype(np.float64)


def altered(audio: AudioArray, sample_rate: int, generator: np.random.Generator) -> AudioArray:
    """The clip with its spectrum tilted and noise added, as poor reproduction would: to train on beside the clip."""
    spectrum, frequency = np.fft.rfft(audio), np.fft.rfftfreq(len(audio), 1 / sample_rate)
    octaves = np.log2(np.maximum(frequency, 300.0) / 300.0)
    sound = np.fft.irfft(spectrum * 10 ** (generator.uniform(*_TILT) * octaves / 20), len(audio))
    noise = generator.standard_normal(len(audio))
    if generator.random() < 0.5:  # coding noise follows the sound
        noise *= np.convolve(np.abs(sound), np.ones(400) / 400, mode="same")
    ratio = 10 ** (generator.uniform(*_NOISE) / 20)
    scale = np.sqrt((sound**2).mean()) / (np.sqrt((noise**2).mean()) * ratio + 1e-12)
    return np.asarray(sound + scale * noise, dtype=np.float32)


class FamilyClassifier:
    """Tells the instrument family of a clip, after it was shown clips of each.

    Each clip is shown as it is and, twice, with its spectrum tilted and noise added (`altered`).

    Attributes
    ----------
    classes_ : tuple of str
        Families that it knows.
    """

    def fit(
        self, clips: Sequence[AudioArray], families: Sequence[str], sample_rate: int, seed: int
    ) -> "FamilyClassifier":
        """Learn from mono clips; ``seed`` draws the alterations and the trees."""
        generator = np.random.default_rng(seed)
        shown = [*clips, *(altered(clip, sample_rate, generator) for _ in range(2) for clip in clips)]
        features = np.stack([timbre(clip, sample_rate) for clip in shown])
        self.model_ = ExtraTreesClassifier(300, random_state=seed % 2**31)
        self.model_.fit(features, np.asarray([*families] * 3))
        self.classes_ = tuple(sorted(set(families)))
        return self

    def predict(self, audio: AudioArray, sample_rate: int) -> str | None:
        """Family of one mono clip, or None for a silent one."""
        if level(audio).is_silent:
            return None
        return str(self.model_.predict(timbre(audio, sample_rate)[None])[0])
