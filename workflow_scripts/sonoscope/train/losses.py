"""Reconstruction losses of the codec."""

from collections.abc import Sequence
from functools import lru_cache

import librosa
import torch
from torch import Tensor

WINDOWS: tuple[int, ...] = (256, 1024, 4096)
"""STFT window lengths, in samples; the shortest resolves clicks, the longest neighbouring low semitones."""


LONG_WINDOWS: tuple[int, ...] = (512, 1024, 2048, 4096, 8192)
"""Windows for the decoder's refinement, which is about pitch."""


@lru_cache(maxsize=16)
def _window(length: int, device: torch.device) -> Tensor:
    return torch.hann_window(length, device=device)


def waveform_loss(estimate: Tensor, target: Tensor) -> Tensor:
    """Absolute error relative to the clip's own mean amplitude, so that soft clips count as much as loud ones.

    Both of shape ``[batch, 1, samples]``.
    """
    scale = target.abs().mean(dim=-1, keepdim=True) + 5e-3
    return ((estimate - target).abs() / scale).mean()


def spectral_loss(estimate: Tensor, target: Tensor, windows: Sequence[int] = WINDOWS) -> Tensor:
    """Multi-scale STFT loss: log-magnitude L1 plus spectral convergence (Yamamoto et al. 2020, eq. 6-7).

    Both of shape ``[batch, 1, samples]``.
    """
    total = estimate.new_zeros(())
    for length in windows:
        window = _window(length, estimate.device)
        a, b = (
            torch.stft(x.squeeze(1), length, length // 4, window=window, return_complex=True).abs() / length**0.5
            for x in (estimate, target)
        )
        logarithmic = (torch.log(a + 1e-3) - torch.log(b + 1e-3)).abs().mean()
        convergence = torch.linalg.norm(a - b, dim=(1, 2)) / (torch.linalg.norm(b, dim=(1, 2)) + 1e-2)
        total = total + logarithmic + convergence.mean()
    return total / len(windows)


@lru_cache(maxsize=4)
def _mel_filters(sample_rate: int, length: int, bands: int, device: torch.device) -> Tensor:
    filters = librosa.filters.mel(sr=sample_rate, n_fft=length, n_mels=bands)
    return torch.from_numpy(filters).to(device)


def mel_loss(estimate: Tensor, target: Tensor, sample_rate: int, length: int = 1024, bands: int = 64) -> Tensor:
    """Mean absolute difference of log-mel spectra, in nepers of power: timbre, where phase does not matter.

    Both of shape ``[batch, 1, samples]``; ``length`` is the window in samples.
    """
    window, filters = _window(length, estimate.device), _mel_filters(sample_rate, length, bands, estimate.device)
    a, b = (
        torch.log(
            filters @ torch.stft(x.squeeze(1), length, length // 4, window=window, return_complex=True).abs() ** 2
            + 1e-3
        )
        for x in (estimate, target)
    )
    return (a - b).abs().mean()
