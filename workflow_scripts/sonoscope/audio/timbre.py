"""The sound of a clip apart from its loudness: cepstral features, and a classifier of instrument families."""

from collections.abc import Sequence

import librosa
import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sonoscope.audio.features import level
from sonoscope.audio.files import AudioArray

COEFFICIENTS = 20
"""Mel-frequency cepstral coefficients kept, the first left out: it is the loudness."""
_TOP = 7600.0


def timbre(audio: AudioArray, sample_rate: int) -> NDArray[np.float64]:
    """Features ``(4 COEFFICIENTS,)`` of mono audio that do not change with its gain.

    Mean and spread of the cepstrum over the frames that sound (within 40 dB of the loudest), mean size of its change
    from frame to frame, and the mean at attacks minus the mean overall.
    """
    hop = round(0.016 * sample_rate)
    audio = audio / max(level(audio).peak, 1e-9)
    mel = librosa.feature.melspectrogram(
        y=audio, sr=sample_rate, n_fft=4 * hop, hop_length=hop, n_mels=64, fmin=50.0, fmax=_TOP
    )
    decibels = librosa.power_to_db(mel, ref=np.max, top_db=60.0)
    loud = decibels.max(axis=0)
    cepstrum = librosa.feature.mfcc(S=decibels, n_mfcc=COEFFICIENTS + 1)[1:]
    sounds = cepstrum[:, loud > -40.0]
    rise = np.diff(loud, prepend=loud[:1])
    attacks = cepstrum[:, rise >= np.quantile(rise, 0.95)]
    change = np.abs(np.diff(cepstrum, axis=1)).mean(axis=1)
    mean = sounds.mean(axis=1)
    return np.concatenate([mean, sounds.std(axis=1), change, attacks.mean(axis=1) - mean]).astype(np.float64)


class FamilyClassifier:
    """Tells the instrument family of a clip, after it was shown clips of each.

    Attributes
    ----------
    classes_ : tuple of str
        Families that it knows.
    """

    def fit(self, clips: Sequence[AudioArray], families: Sequence[str], sample_rate: int) -> "FamilyClassifier":
        """Learn from mono clips."""
        features = np.stack([timbre(clip, sample_rate) for clip in clips])
        self.model_: Pipeline = make_pipeline(StandardScaler(), SVC(C=10.0, gamma="scale"))
        self.model_.fit(features, np.asarray(families))
        self.classes_ = tuple(sorted(set(families)))
        return self

    def predict(self, audio: AudioArray, sample_rate: int) -> str | None:
        """Family of one mono clip, or None for a silent one."""
        if level(audio).is_silent:
            return None
        return str(self.model_.predict(timbre(audio, sample_rate)[None])[0])
