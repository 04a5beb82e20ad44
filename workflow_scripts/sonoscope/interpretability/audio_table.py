"""What an emotion researcher measures in a clip: one function, one table, units in the contract.

Everything is measured on the raw waveform: exported files are often brought to one loudness, and energy is then lost.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray

from sonoscope.audio.features import chroma
from sonoscope.audio.files import AudioArray, read_audio
from sonoscope.audio.key import MAJOR, MINOR
from sonoscope.contracts.tables import Column, Table

_FFT, _HOP = 2048, 512
_MFCC = 13

AUDIO_FEATURES = Table(
    "audio_features",
    {
        "clip_id": Column("string", "name of the clip"),
        "tempo": Column("float64", "by a line through the beat times; octave errors occur, compare log2", "BPM"),
        "onset_rate": Column("float64", "detected onsets", "1/s"),
        "rms": Column("float64", "root mean square", "dB of full scale"),
        "dynamic_range": Column("float64", "95th minus 10th percentile of the frames' level", "dB"),
        "centroid": Column("float64", "mean spectral centroid", "Hz"),
        "rolloff": Column("float64", "mean frequency below which 85 % of the magnitude lies", "Hz"),
        "bandwidth": Column("float64", "mean spread about the centroid", "Hz"),
        "contrast": Column("float64", "mean spectral contrast over bands and frames", "dB"),
        "zero_crossing": Column("float64", "mean rate of sign changes", "1/sample"),
        "key": Column("int64", "pitch class of the tonic (0 is C) by rotated Krumhansl-Kessler profiles; -1 if silent"),
        "majorness": Column("float64", "best correlation of a major minus that of a minor key, in [-2, 2]"),
        "key_clarity": Column("float64", "correlation of the best key"),
        **{f"chroma_{k}": Column("float64", f"share of energy at pitch class {k}") for k in range(12)},
        **{f"mfcc_{k}": Column("float64", f"mean of mel cepstral coefficient {k}") for k in range(_MFCC)},
        **{f"mfcc_sd_{k}": Column("float64", "its standard deviation over frames") for k in range(_MFCC)},
    },
    key=("clip_id",),
    description="Features of audio clips, mono, at their own sample rate.",
)

RATED_FEATURES = Table(
    "rated_features",
    {
        **AUDIO_FEATURES.columns,
        "valence": Column("float64", "mean over raters, in [-1, 1]"),
        "arousal": Column("float64", "mean over raters, in [-1, 1]"),
        "split_group": Column("string", "artist, or the clip where none is known; splits never divide a group"),
    },
    key=("clip_id",),
    description="Features of rated clips beside their static ratings.",
)

FEATURES: tuple[str, ...] = tuple(name for name in AUDIO_FEATURES.columns if name != "clip_id")


def audio_features(audio: AudioArray, sample_rate: int) -> dict[str, float]:
    """All features of mono audio ``(samples,)``; units stand in `AUDIO_FEATURES`. One spectrogram serves most."""
    spectrum = np.abs(librosa.stft(audio, n_fft=_FFT, hop_length=_HOP))
    mel = librosa.feature.melspectrogram(S=spectrum**2, sr=sample_rate)
    frames = librosa.amplitude_to_db(librosa.feature.rms(S=spectrum, frame_length=_FFT)[0], ref=1.0, amin=1e-6)
    strength = librosa.onset.onset_strength(S=librosa.power_to_db(mel), sr=sample_rate, hop_length=_HOP)
    onsets = librosa.onset.onset_detect(onset_envelope=strength, sr=sample_rate, hop_length=_HOP)
    cepstrum = librosa.feature.mfcc(S=librosa.power_to_db(mel), sr=sample_rate, n_mfcc=_MFCC)
    level = float(np.sqrt(np.square(audio, dtype=np.float64).mean())) if audio.size else 0.0
    at = partial(_mean, S=spectrum, sr=sample_rate)
    profile = chroma(audio, sample_rate)
    return {
        "tempo": fitted_tempo(strength, sample_rate),
        "onset_rate": len(onsets) / max(len(audio) / sample_rate, 1e-9),
        "rms": 20 * float(np.log10(max(level, 1e-6))),
        "dynamic_range": float(np.subtract(*np.percentile(frames, [95, 10]))),
        "centroid": at(librosa.feature.spectral_centroid),
        "rolloff": at(librosa.feature.spectral_rolloff),
        "bandwidth": at(librosa.feature.spectral_bandwidth),
        "contrast": at(librosa.feature.spectral_contrast, fmin=100.0, n_bands=5),
        "zero_crossing": float(librosa.feature.zero_crossing_rate(audio, hop_length=_HOP).mean()),
        **key_features(profile),
        **{f"chroma_{k}": float(v) for k, v in enumerate(profile)},
        **{f"mfcc_{k}": float(v) for k, v in enumerate(cepstrum.mean(1))},
        **{f"mfcc_sd_{k}": float(v) for k, v in enumerate(cepstrum.std(1))},
    }


def fitted_tempo(strength: NDArray[np.floating], sample_rate: int) -> float:
    """Beats per minute by a line through tracked beat times; 0 where there are fewer than three beats.

    The tempo that a tracker reports is quantised by its grid of lags; the slope of the line is not.
    """
    beats = librosa.beat.beat_track(onset_envelope=strength, sr=sample_rate, hop_length=_HOP)[1]
    if len(beats) < 3:
        return 0.0
    period = np.polyfit(np.arange(len(beats)), librosa.frames_to_time(beats, sr=sample_rate, hop_length=_HOP), 1)[0]
    return float(60.0 / period) if period > 0 else 0.0


def key_features(profile: NDArray[np.float64]) -> dict[str, float]:
    """Key by the best of 24 rotated profiles, continuous majorness, and how clear it is."""
    if not profile.any() or profile.std() < 1e-12:
        return {"key": -1, "majorness": 0.0, "key_clarity": 0.0}
    fit = np.array([[np.corrcoef(np.roll(p, k), profile)[0, 1] for k in range(12)] for p in (MAJOR, MINOR)])
    best = int(fit.max(1).argmax())
    return {
        "key": int(fit[best].argmax()),
        "majorness": float(fit[0].max() - fit[1].max()),
        "key_clarity": float(fit.max()),
    }


def feature_table(ids: Sequence[str], files: Sequence[Path], workers: int = 1) -> pd.DataFrame:
    """Features of audio files, in parallel over ``workers`` processes; a table that fits `AUDIO_FEATURES`."""
    rows = Parallel(n_jobs=workers)(delayed(_of_file)(file) for file in files)
    return pd.DataFrame([{"clip_id": name, **row} for name, row in zip(ids, rows, strict=True)])


def _of_file(file: Path) -> dict[str, float]:
    audio, sample_rate = read_audio(file)
    return audio_features(audio, sample_rate)


def _mean(function: Callable[..., NDArray[np.floating]], **how: object) -> float:
    return float(function(**how).mean())
