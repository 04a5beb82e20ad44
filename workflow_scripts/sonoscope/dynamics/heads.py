"""Densities of the next difference: mixtures of direction × magnitude, and of diagonal Gaussians.

Shapes: a leading E for models that are run side by side, n rows, K components, D coordinates.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from sonoscope.dynamics.bessel import bessel_ratio, log_hypergeometric
from sonoscope.dynamics.vmf import VonMisesFisher, log_area
from sonoscope.dynamics.walks import SHORTEST

_LOG_2PI = math.log(2 * math.pi)


class StepDistribution(Protocol):
    """What a predictor says of the next differences [E, n, D]."""

    def log_prob(self, deltas: Tensor) -> Tensor:
        """Log-density on the latents' own scale, nats per frame, float64 [E, n]."""
        ...

    def mean(self) -> Tensor:
        """Expected difference, [E, n, D]."""
        ...

    def median(self) -> Tensor:
        """The single most typical difference: that of the likeliest component, at its median length; [E, n, D]."""
        ...

    def sample(self, generator: torch.Generator) -> Tensor:
        """Draw one difference per row, [E, n, D]."""
        ...


@dataclass(frozen=True)
class Coordinates:
    """The space in which a density is written: z = A Δ.

    Parameters
    ----------
    forward, inverse : Tensor [E, D, D]
        A and its inverse.
    log_det : Tensor [E]
        log |det A|, float64: what a density gains on its way back to the latents' own scale.
    """

    forward: Tensor
    inverse: Tensor
    log_det: Tensor

    def into(self, deltas: Tensor) -> Tensor:
        """Differences [E, n, D] in these coordinates."""
        return deltas @ self.forward.mT

    def back(self, z: Tensor) -> Tensor:
        """Differences in the latents' units."""
        return z @ self.inverse.mT


@dataclass(frozen=True)
class DirectionMagnitude:
    """Σ_k w_k vMF(d; η_k/|η_k|, |η_k|) LogNormal(m; μ_k, σ_k), z = m d; with one component, as published.

    η is the natural parameter of von Mises-Fisher: its density exp(η·d) / C is smooth at η = 0, so there is neither a
    bound to get stuck at nor a direction without a gradient.
    """

    log_weights: Tensor
    """[E, n, K]"""
    natural: Tensor
    """η, [E, n, K, D]"""
    mean_log: Tensor
    """μ, [E, n, K]"""
    deviation: Tensor
    """σ, [E, n, K]"""
    coordinates: Coordinates
    usual_log_magnitude: Tensor | None = None
    """Mean of log |z| over the training differences, [E]: the prediction of it without a context."""

    @property
    def concentration(self) -> Tensor:
        """κ = |η|, [E, n, K]."""
        return (self.natural.square().sum(-1) + 1e-12).sqrt()

    def log_prob(self, deltas: Tensor) -> Tensor:
        """Log-density on the latents' own scale, nats per frame, float64 [E, n]."""
        z = self.coordinates.into(deltas)
        dim = z.shape[-1]
        m = z.norm(dim=-1).clamp(min=SHORTEST)
        along = (self.natural @ (z / m[..., None])[..., None])[..., 0].double()  # [E, n, K]
        direction = along - log_hypergeometric(self.concentration, dim / 2 - 1) - log_area(dim)
        log_m = m.double().log()[..., None]
        score = (log_m - self.mean_log) / self.deviation
        magnitude = -0.5 * score.square() - self.deviation.log() - 0.5 * _LOG_2PI
        joint = torch.logsumexp(self.log_weights + direction + magnitude, -1)
        log_prob: Tensor = joint - dim * log_m[..., 0] + self.coordinates.log_det[:, None]
        return log_prob

    def mean(self) -> Tensor:
        """Expected difference, [E, n, D]: A(κ) of the mean direction times the mean length."""
        kappa = self.concentration
        resultant = bessel_ratio(kappa, self.natural.shape[-1] / 2 - 1).to(kappa.dtype)
        length = torch.exp(self.log_weights + self.mean_log + self.deviation.square() / 2) * resultant / kappa
        return self.coordinates.back((length[..., None] * self.natural).sum(-2))

    def median(self) -> Tensor:
        """Mean direction at median length, of the likeliest component; [E, n, D]."""
        best = self.log_weights.argmax(-1, keepdim=True)
        length = (self.mean_log.exp() / self.concentration).gather(-1, best)
        natural = self.natural.gather(-2, best[..., None].expand(*best.shape, self.natural.shape[-1]))
        return self.coordinates.back(length * natural[..., 0, :])

    def mean_log_magnitude(self) -> Tensor:
        """E[log |z|], [E, n]."""
        return (self.log_weights.exp() * self.mean_log).sum(-1)

    def sample(self, generator: torch.Generator) -> Tensor:
        """Draw one difference per row, [E, n, D]."""
        shape, dim = self.log_weights.shape, self.natural.shape[-1]
        weights = self.log_weights.exp().reshape(-1, shape[-1])
        which = torch.multinomial(weights, 1, generator=generator)  # [E n, 1]
        natural = self.natural.reshape(-1, shape[-1], dim)[torch.arange(len(which)), which[:, 0]]
        kappa = natural.norm(dim=-1).clamp(min=1e-6)
        direction = VonMisesFisher(natural / kappa[:, None], kappa).sample(1, generator)[0]
        mu, sigma = (t.reshape(-1, shape[-1]).gather(1, which)[:, 0] for t in (self.mean_log, self.deviation))
        noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype, device=mu.device)
        z = direction * torch.exp(mu + sigma * noise)[:, None]
        return self.coordinates.back(z.reshape(*shape[:2], dim))


@dataclass(frozen=True)
class GaussianMixture:
    """Σ_k w_k N(z; m_k, diag s_k²): a mixture density network's answer."""

    log_weights: Tensor
    """[E, n, K]"""
    means: Tensor
    """[E, n, K, D]"""
    deviations: Tensor
    """[E, n, K, D]"""
    coordinates: Coordinates

    def log_prob(self, deltas: Tensor) -> Tensor:
        """Log-density on the latents' own scale, nats per frame, float64 [E, n]."""
        z = self.coordinates.into(deltas)[..., None, :]
        score = ((z - self.means) / self.deviations).square().sum(-1)
        each = -0.5 * (score + z.shape[-1] * _LOG_2PI) - self.deviations.log().sum(-1)
        return torch.logsumexp((self.log_weights + each).double(), -1) + self.coordinates.log_det[:, None]

    def mean(self) -> Tensor:
        """Expected difference, [E, n, D]."""
        return self.coordinates.back((self.log_weights.exp()[..., None] * self.means).sum(-2))

    def median(self) -> Tensor:
        """Mean of the likeliest component, [E, n, D]."""
        best = self.log_weights.argmax(-1)[..., None, None].expand(*self.means.shape[:2], 1, self.means.shape[-1])
        return self.coordinates.back(self.means.gather(-2, best)[..., 0, :])

    def sample(self, generator: torch.Generator) -> Tensor:
        """Draw one difference per row, [E, n, D]."""
        e, n, k, dim = self.means.shape
        which = torch.multinomial(self.log_weights.exp().reshape(-1, k), 1, generator=generator)[:, 0]
        row = torch.arange(e * n)
        mean, spread = self.means.reshape(-1, k, dim)[row, which], self.deviations.reshape(-1, k, dim)[row, which]
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)
        return self.coordinates.back((mean + spread * noise).reshape(e, n, dim))
