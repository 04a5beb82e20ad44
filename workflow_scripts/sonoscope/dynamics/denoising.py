"""Exact denoising of Gaussian data: the score, Tweedie's estimate and the least possible error."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from sonoscope.dynamics.linear import gaussian_log_prob


@dataclass(frozen=True)
class GaussianDenoising:
    """Clean x ~ N(m, C), seen as y = x + σ n with n ~ N(0, I).

    Parameters
    ----------
    mean : Tensor [D]
    covariance : Tensor [D, D]
        C, positive semidefinite.
    """

    mean: Tensor
    covariance: Tensor
    name: str = "denoising"

    @property
    def dim(self) -> int:
        """Dimensions of a frame."""
        return len(self.mean)

    def sample(self, count: int, noise: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Clean and noisy frames, each [n, D]."""
        values, vectors = self._spectrum
        normal = torch.randn(2, count, self.dim, generator=generator, dtype=torch.float64)
        clean = self.mean + (normal[0] * values.sqrt()) @ vectors.T
        return clean, clean + noise * normal[1]

    def score(self, noisy: Tensor, noise: float) -> Tensor:
        """∇ log p_σ(y), [n, D]."""
        values, vectors = self._spectrum
        return -((noisy - self.mean) @ vectors / (values + noise**2)) @ vectors.T

    def denoise(self, noisy: Tensor, noise: float) -> Tensor:
        """E[x | y] = y + σ² ∇ log p_σ(y) (Tweedie), [n, D]."""
        return noisy + noise**2 * self.score(noisy, noise)

    def least_error(self, noise: float) -> float:
        """E|x - E[x | y]|², summed over dimensions: what no denoiser can beat."""
        values, _ = self._spectrum
        return float((values * noise**2 / (values + noise**2)).sum())

    def nll(self, noise: float) -> float:
        """Entropy of y, in nats per frame."""
        values, _ = self._spectrum
        return 0.5 * float((math.log(2 * math.pi) + 1 + torch.log(values + noise**2)).sum())

    def log_prob(self, noisy: Tensor, noise: float) -> Tensor:
        """Log-density of noisy frames, [n]."""
        eye = torch.eye(self.dim, dtype=torch.float64)
        return gaussian_log_prob(noisy - self.mean, self.covariance + noise**2 * eye)

    @cached_property
    def _spectrum(self) -> tuple[Tensor, Tensor]:
        values, vectors = torch.linalg.eigh(self.covariance)
        return values.clamp(min=0), vectors


def decaying_spectrum(dim: int, generator: torch.Generator, decay: float = 1.0) -> GaussianDenoising:
    """Gaussian data whose variances fall as 1/rank^``decay`` along random axes, about a random mean."""
    axes = torch.linalg.qr(torch.randn(dim, dim, generator=generator, dtype=torch.float64)).Q
    variances = torch.arange(1, dim + 1, dtype=torch.float64) ** -decay
    mean = torch.randn(dim, generator=generator, dtype=torch.float64)
    return GaussianDenoising(mean, (axes * variances) @ axes.T)
