"""What the residual stream of a clip looks like, in numbers that mean something on a dense vector."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]

STATISTICS: tuple[str, ...] = ("mean", "std", "norm", "kurtosis", "hoyer", "near_zero")
"""Names of the columns of `clip_statistics`."""
NEAR = 0.1
"""A component counts as near zero below this share of the root mean square of its vector. Exact zeros do not occur."""


def clip_statistics(states: NDArray[np.floating]) -> Floats:
    """Statistics of one clip, ``(layers, 6)``, of hidden states ``(layers, frames, dim)``: means over frames.

    Mean and standard deviation over the components; norm; excess kurtosis; Hoyer's sparsity
    ``(sqrt(D) - l1 / l2) / (sqrt(D) - 1)``, 0 for equal magnitudes and 1 for a single component (Hoyer 2004); and the
    share of components below `NEAR` of the root mean square.
    """
    x = np.asarray(states, dtype=np.float64)
    dim = x.shape[-1]
    mean, std = x.mean(-1), x.std(-1)
    norm = np.linalg.norm(x, axis=-1)
    centred = x - mean[..., None]
    kurtosis = (centred**4).mean(-1) / np.maximum(std**4, 1e-24) - 3
    hoyer = (dim**0.5 - np.abs(x).sum(-1) / np.maximum(norm, 1e-12)) / (dim**0.5 - 1)
    near = (np.abs(x) < NEAR * (norm / dim**0.5)[..., None]).mean(-1)
    return np.asarray(np.stack([mean, std, norm, kurtosis, hoyer, near], axis=-1).mean(1))


def lags_of(frames: int) -> int:
    """Lags of an autocorrelation over so many frames: up to three fifths of them, so that two fifths are compared."""
    return frames * 3 // 5


def movement(states: Tensor) -> Tensor:
    """How states move: ``[B, L, T, D]`` to ``[B, L, D + lags]``.

    The logarithm of each dimension's standard deviation over time, and the autocorrelation of the state: the inner
    product of its deviations from their mean with themselves some frames later, summed over time, as a share of that
    at lag 0. A mean over time, which alone is customary, forgets when things happen; a beat is a peak of the latter.
    """
    frames = states.shape[2]
    found = []
    for layer in states.float().unbind(1):  # one by one: the spectrum of all layers of a large model would not fit
        centred = layer - layer.mean(1, keepdim=True)
        power = torch.fft.rfft(centred, n=2 * frames, dim=1).abs().square().sum(2)  # padded: no wrapping around
        product = torch.fft.irfft(power, n=2 * frames, dim=1)[:, : lags_of(frames) + 1]
        whole = product[:, :1].clamp_min(1e-12)
        variance = centred.square().mean(1).clamp_min(1e-12)
        found.append(torch.cat([variance.log() / 2, product[:, 1:] / whole], dim=1))
    return torch.stack(found, dim=1)


def repetition(tokens: NDArray[np.integer]) -> NDArray[np.float32]:
    """Share of entries that are the same some frames later, ``(n, lags)``, of tokens ``(n, K, T)``."""
    frames = tokens.shape[-1]
    shares = [(tokens[..., lag:] == tokens[..., :-lag]).mean((1, 2)) for lag in range(1, lags_of(frames) + 1)]
    return np.stack(shares, axis=1).astype(np.float32) if shares else np.empty((len(tokens), 0), np.float32)
