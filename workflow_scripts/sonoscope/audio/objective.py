"""How far audio is from a reference by measures that need no listener.

`scores` gives all of them by name; each is also a function of its own::

    scores(audio, reference, sample_rate) -> {"log_mel_distance": 0.41, ..., "stoi": 0.87, "pesq": None}

``audio`` and ``reference`` are mono arrays ``(samples,)`` at ``sample_rate`` hertz, already aligned; the longer one is
cut at its end. None stands for a measure that has no value there: too little speech, silence, or PESQ where its package
is not installed (see `PESQ_ABSENT`). `MEASURES` says how each is called, its unit, and which way is better.

=====================  =========  ======  ==========================================================================
name                   unit       better  what
=====================  =========  ======  ==========================================================================
``log_mel_distance``   nats       lower   mean absolute difference of 80 log-mel bands, 24 kHz, window 1024, hop 256
``modulation_distance``  nats     lower   the same of the bands' modulation spectra, whenever they move
``si_sdr``             dB         higher  scale-invariant signal-to-distortion ratio (Le Roux et al. 2019)
``stoi``               0 to 1     higher  short-time objective intelligibility (Taal et al. 2011), by pystoi
``pesq``               MOS-LQO    higher  wide-band PESQ (ITU-T P.862.2) at 16 kHz, 1.0 to 4.6, by the optional pesq
=====================  =========  ======  ==========================================================================

SI-SDR compares waveforms: of a codec that loses phases, such as mel-PCA, it says nothing.
"""

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec

import numpy as np
import torch
from pystoi import stoi as _stoi
from scipy.signal import resample_poly

from sonoscope.audio.files import AudioArray
from sonoscope.codecs.mel import LogMel

log = logging.getLogger(__name__)

PESQ_ABSENT = (
    "PESQ is not measured: the optional package pesq is missing; pip install -r envs/pesq.txt (C compiler needed)"
)
"""What a report says where `has_pesq` is False."""
MEL_RATE = 24_000
"""Sample rate at which mel bands are compared, in hertz."""
PESQ_RATE = 16_000
_MEL = LogMel(sample_rate=MEL_RATE, hop=256)
_MOST_SI_SDR = 100.0
"""Identical signals, in dB; JSON knows no infinity."""
_SILENT = 1e-10
_SHORTEST_PESQ = 0.25
_NO_STOI = 2e-5
"""pystoi answers 1e-5 where too few frames hold speech."""


@dataclass(frozen=True)
class Measure:
    """How a measure is shown."""

    label: str
    unit: str
    better: str
    """lower or higher"""
    digits: int


MEASURES = {
    "log_mel_distance": Measure("Log-mel distance", "nats", "lower", 3),
    "modulation_distance": Measure("Modulation distance", "nats", "lower", 3),
    "si_sdr": Measure("SI-SDR", "dB", "higher", 1),
    "stoi": Measure("STOI", "0 to 1", "higher", 3),
    "pesq": Measure("PESQ, wide-band", "MOS-LQO", "higher", 2),
}
"""All measures, in the order in which they are shown."""


def scores(audio: AudioArray, reference: AudioArray, sample_rate: int) -> dict[str, float | None]:
    """All of `MEASURES` by name."""
    measures: dict[str, Callable[[AudioArray, AudioArray, int], float | None]] = {
        "log_mel_distance": log_mel_distance,
        "modulation_distance": modulation_distance,
        "si_sdr": lambda a, b, _: si_sdr(a, b),
        "stoi": stoi,
        "pesq": pesq,
    }
    return {name: measure(audio, reference, sample_rate) for name, measure in measures.items()}


def log_mel_distance(audio: AudioArray, reference: AudioArray, sample_rate: int) -> float:
    """Mean absolute difference of log-mel frames, nats of magnitude (floor 1e-5, bands up to 8 kHz)."""
    a, b = (_log_mel(x, sample_rate) for x in _aligned(audio, reference))
    return float((a - b).abs().mean())


def modulation_distance(audio: AudioArray, reference: AudioArray, sample_rate: int) -> float:
    """Mean absolute difference of the log modulation spectra of mel bands, nats: how bands move, whenever they do."""
    spectra = []
    for x in _aligned(audio, reference):
        frames = _log_mel(x, sample_rate)
        spectra.append(torch.log(torch.fft.rfft(frames - frames.mean(0), dim=0).abs() / len(frames) + 1e-3))
    return float((spectra[0] - spectra[1]).abs().mean())


def si_sdr(audio: AudioArray, reference: AudioArray) -> float | None:
    """Scale-invariant signal-to-distortion ratio in dB, within ±100; None where the reference is silent.

    Both without their means: 10 log10(|αs|² / |αs - ŝ|²), α = ŝ·s / |s|² (Le Roux et al. 2019, eq. 4).
    """
    a, s = (x.astype(np.float64) for x in _aligned(audio, reference))
    a, s = a - a.mean(), s - s.mean()
    energy = float(s @ s)
    if energy < _SILENT * len(s):
        return None
    target = (float(a @ s) / energy) * s
    error = target - a
    kept, lost = float(target @ target), float(error @ error)
    if lost <= 0:
        return _MOST_SI_SDR if kept > 0 else -_MOST_SI_SDR
    return float(np.clip(10 * np.log10(max(kept, 1e-300) / lost), -_MOST_SI_SDR, _MOST_SI_SDR))


def stoi(audio: AudioArray, reference: AudioArray, sample_rate: int) -> float | None:
    """Short-time objective intelligibility; None where less than about 0.4 s of the reference is speech."""
    a, s = (x.astype(np.float64) for x in _aligned(audio, reference))
    if not np.any(s) or len(s) < 0.4 * sample_rate:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        value = float(_stoi(s, a, sample_rate))
    return value if np.isfinite(value) and value > _NO_STOI else None


def has_pesq() -> bool:
    """Whether the optional package pesq is installed."""
    return find_spec("pesq") is not None


def pesq(audio: AudioArray, reference: AudioArray, sample_rate: int) -> float | None:
    """Wide-band PESQ as MOS-LQO; None without the package, or where it finds no speech in the reference."""
    if not has_pesq():
        _say_once(PESQ_ABSENT)
        return None
    from pesq import PesqError
    from pesq import pesq as measure

    a, s = (resampled(x, sample_rate, PESQ_RATE) for x in _aligned(audio, reference))
    if len(s) < _SHORTEST_PESQ * PESQ_RATE or float(np.abs(s).max()) < 1e-5:
        return None
    value = float(measure(PESQ_RATE, s, a, "wb", on_error=PesqError.RETURN_VALUES))
    return value if np.isfinite(value) and value >= 1 else None  # errors are answered by -1


def resampled(audio: AudioArray, rate: int, wanted: int) -> AudioArray:
    """Band-limited resampling from ``rate`` to ``wanted`` hertz."""
    if rate == wanted:
        return audio
    step = int(np.gcd(rate, wanted))
    return np.asarray(resample_poly(audio, wanted // step, rate // step), dtype=np.float32)


def _log_mel(audio: AudioArray, sample_rate: int) -> torch.Tensor:
    """Frames ``(frames, bands)``."""
    return _MEL.frames(torch.from_numpy(resampled(audio, sample_rate, MEL_RATE))[None, None])[0]


def _aligned(a: AudioArray, b: AudioArray) -> tuple[AudioArray, AudioArray]:
    length = min(len(a), len(b))
    if not length:
        raise ValueError(f"expected audio and a reference with samples, found {len(a)} and {len(b)}")
    return (np.ascontiguousarray(a[:length], dtype=np.float32), np.ascontiguousarray(b[:length], dtype=np.float32))


@lru_cache(maxsize=4)
def _say_once(text: str) -> None:
    log.info(text)
