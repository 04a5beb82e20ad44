"""How far decoded audio is from a reference: log-mel distance, modulation, scale-free error and intelligibility."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly

from sonoscope.codecs.mel import LogMel

Audio = NDArray[np.float32]
_TINY = 1e-12


def log_mel_l1(audio: Audio, reference: Audio, sample_rate: int) -> float:
    """Mean absolute difference of log-mel frames, nats of magnitude."""
    mel = _mel(sample_rate)
    a, b = (mel.frames(torch.from_numpy(x)[None, None])[0] for x in _equal(audio, reference))
    return float((a - b).abs().mean())


def modulation_distance(audio: Audio, reference: Audio, sample_rate: int) -> float:
    """Mean absolute difference of the log modulation spectra of mel bands: how bands move, whenever they do."""
    mel = _mel(sample_rate)
    spectra = []
    for x in _equal(audio, reference):
        frames = mel.frames(torch.from_numpy(x)[None, None])[0]
        spectra.append(torch.log(torch.fft.rfft(frames - frames.mean(0), dim=0).abs() / len(frames) + 1e-3))
    return float((spectra[0] - spectra[1]).abs().mean())


def envelope_correlation(audio: Audio, reference: Audio, sample_rate: int) -> float | None:
    """Mean correlation of the bands' envelopes over 0.4 s segments, the quantity at the heart of STOI; None if short.

    Not STOI itself: mel bands in place of third octaves, and no clipping. 1 is the reference.
    """
    mel = _mel(sample_rate)
    a, b = (mel.frames(torch.from_numpy(x)[None, None])[0].exp() for x in _equal(audio, reference))
    length = round(0.4 * sample_rate / mel.hop)
    if len(a) < length:
        return None
    x, y = (s.unfold(0, length, length // 2) for s in (a, b))  # [segments, bands, length]
    x, y = (s - s.mean(-1, keepdim=True) for s in (x, y))
    spoken = y.norm(dim=-1) > 0.05 * y.norm(dim=-1).max()
    correlation = (x * y).sum(-1) / (x.norm(dim=-1) * y.norm(dim=-1)).clamp(min=_TINY)
    return float(correlation[spoken].mean())


def scores(audio: Audio, reference: Audio, sample_rate: int) -> dict[str, float | None]:
    """All of the above by name."""
    return {
        "log_mel_l1": log_mel_l1(audio, reference, sample_rate),
        "modulation_distance": modulation_distance(audio, reference, sample_rate),
        "envelope_correlation": envelope_correlation(audio, reference, sample_rate),
    }


def resampled(audio: Audio, rate: int, wanted: int) -> Audio:
    """Band-limited resampling."""
    if rate == wanted:
        return audio
    step = int(np.gcd(rate, wanted))
    return np.asarray(resample_poly(audio, wanted // step, rate // step), dtype=np.float32)


def _mel(sample_rate: int) -> LogMel:
    return LogMel(sample_rate=sample_rate, hop=sample_rate // 100, highest=min(8000.0, sample_rate / 2))


def _equal(a: Audio, b: Audio) -> tuple[Audio, Audio]:
    length = min(len(a), len(b))
    return np.ascontiguousarray(a[:length]), np.ascontiguousarray(b[:length])
