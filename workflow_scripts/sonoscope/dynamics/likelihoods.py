"""Densities of Δ on the latents' own scale, and the closed-form predictors that a model must beat.

A predictor is fitted on contexts [n, W, D] and differences [n, D] of training sequences (see `windows`) and then says,
for others, the density of each difference in nats per frame and its expected value.
"""

import math
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from sonoscope.dynamics.linear import gaussian_log_prob
from sonoscope.dynamics.vmf import log_area
from sonoscope.dynamics.walks import split


class Predictor(Protocol):
    """What all predictors of Δ do, also those with networks inside."""

    def fit(self, contexts: Tensor, deltas: Tensor) -> Self:
        """Learn from training rows."""
        ...

    def log_prob(self, contexts: Tensor, deltas: Tensor) -> Tensor:
        """Log-density of each difference, in nats per frame, [n]."""
        ...

    def predict(self, contexts: Tensor) -> Tensor:
        """Expected difference, [n, D]."""
        ...


def factored_log_prob(log_direction: Tensor, log_magnitude: Tensor, magnitude: Tensor, dim: int) -> Tensor:
    """Log-density of Δ in the latents' units from those of its direction and its magnitude.

    p(Δ) = p(d) p(m) m^-(D-1): the volume of a shell grows with its radius. With this term a direction × magnitude model
    and a density over coordinates stand on one scale.

    Parameters
    ----------
    log_direction : Tensor [n]
        Log-density of d = Δ/m by area of the unit sphere.
    log_magnitude : Tensor [n]
        Log-density of m itself (not of log m).
    magnitude : Tensor [n]
        m = |Δ|.
    dim : int
        D.
    """
    return log_direction + log_magnitude - (dim - 1) * magnitude.to(torch.float64).log()


def log_normal_log_prob(magnitude: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Log-density of ``magnitude`` where its logarithm is N(mean, deviation²), float64."""
    log_m, deviation = magnitude.to(torch.float64).log(), deviation.to(torch.float64)
    z = (log_m - mean) / deviation
    return -0.5 * z.square() - deviation.log() - 0.5 * math.log(2 * math.pi) - log_m


def covariance_of(residuals: Tensor, kind: str = "full", shrinkage: float = 0.0, floor: float = 1e-6) -> Tensor:
    """Second moment of ``residuals`` [n, D] about zero.

    Parameters
    ----------
    residuals : Tensor
    kind : {"full", "diagonal"}
    shrinkage : float
        Share of the way from the full moment to its diagonal, in [0, 1].
    floor : float
        Added to each variance, as a share of the mean variance, so that no direction is without any.

    Raises
    ------
    ValueError
        Unknown kind, or residuals without variance.
    """
    residuals = residuals.to(torch.float64)
    full = residuals.T @ residuals / len(residuals)
    diagonal = torch.diag(full.diagonal())
    if kind not in ("full", "diagonal"):
        raise ValueError(f"expected a covariance full or diagonal, found {kind!r}")
    level = full.diagonal().mean()
    if not float(level) > 0:
        raise ValueError("the residuals have no variance; are the latents constant?")
    mixed = diagonal if kind == "diagonal" else (1 - shrinkage) * full + shrinkage * diagonal
    return mixed + floor * level * torch.eye(len(full), dtype=torch.float64)


@dataclass
class GaussianPredictor:
    """A mean that depends on the context, and Gaussian residuals of one covariance; by itself the mean of Δ."""

    covariance: str = "full"
    shrinkage: float = 0.0

    def fit(self, contexts: Tensor, deltas: Tensor) -> Self:
        """Learn the mean, then the covariance of what is left."""
        self._fit_mean(contexts.to(torch.float64), deltas.to(torch.float64))
        left = deltas.to(torch.float64) - self.predict(contexts)
        self.covariance_ = covariance_of(left, self.covariance, self.shrinkage)
        return self

    def log_prob(self, contexts: Tensor, deltas: Tensor) -> Tensor:
        """Log-density of each difference, in nats per frame, [n]."""
        return gaussian_log_prob(deltas.to(torch.float64) - self.predict(contexts), self.covariance_)

    def predict(self, contexts: Tensor) -> Tensor:
        """Expected difference, [n, D]."""
        return self.mean_.expand(len(contexts), -1)

    def _fit_mean(self, contexts: Tensor, deltas: Tensor) -> None:
        self.mean_ = deltas.mean(0)


class Persistence(GaussianPredictor):
    """The next frame is the last one: Δ̂ = 0."""

    def _fit_mean(self, contexts: Tensor, deltas: Tensor) -> None:
        self.mean_ = torch.zeros(deltas.shape[1], dtype=torch.float64)


@dataclass
class MeanReversion(GaussianPredictor):
    """The next frame is the mean of all: Δ̂ = rate · (mean - last frame seen).

    ``rate`` None fits it by least squares; the plain reading is 1.
    """

    rate: float | None = 1.0

    def predict(self, contexts: Tensor) -> Tensor:
        """Expected difference, [n, D]."""
        return self.rate_ * (self.mean_ - contexts[:, -1].to(torch.float64))

    def _fit_mean(self, contexts: Tensor, deltas: Tensor) -> None:
        self.mean_ = contexts[:, -1].mean(0)
        away = self.mean_ - contexts[:, -1]
        fitted = float((away * deltas).sum() / away.square().sum().clamp(min=1e-300))
        self.rate_ = fitted if self.rate is None else self.rate


class DiagonalAutoregression(GaussianPredictor):
    """Each coordinate by itself, linear in its last value: AR(1)."""

    def predict(self, contexts: Tensor) -> Tensor:
        """Expected difference, [n, D]."""
        return self.mean_ + self.slope_ * (contexts[:, -1].to(torch.float64) - self.center_)

    def _fit_mean(self, contexts: Tensor, deltas: Tensor) -> None:
        self.center_, self.mean_ = contexts[:, -1].mean(0), deltas.mean(0)
        away = contexts[:, -1] - self.center_
        self.slope_ = (away * deltas).sum(0) / away.square().sum(0).clamp(min=1e-300)


@dataclass
class RidgeAutoregression(GaussianPredictor):
    """Linear in the whole window of all coordinates: VAR(W), ridge-regularised after standardisation.

    ``ridge`` is a share of the mean variance of the standardised inputs, which is 1, so that it needs no rescaling with
    the number of rows.
    """

    ridge: float = 1e-4

    def predict(self, contexts: Tensor) -> Tensor:
        """Expected difference, [n, D]."""
        mean: Tensor = self.mean_ + self._inputs(contexts.to(torch.float64)) @ self.weights_
        return mean

    def _inputs(self, contexts: Tensor) -> Tensor:
        return ((contexts - self.center_) / self.scale_).flatten(1)

    def _fit_mean(self, contexts: Tensor, deltas: Tensor) -> None:
        self.center_ = contexts.mean((0, 1))
        self.scale_ = contexts.std((0, 1)).clamp(min=1e-12)
        self.mean_ = deltas.mean(0)
        inputs = self._inputs(contexts)
        moment = inputs.T @ inputs / len(inputs) + self.ridge * torch.eye(inputs.shape[1], dtype=torch.float64)
        self.weights_ = torch.linalg.solve(moment, inputs.T @ (deltas - self.mean_) / len(inputs))


class UniformLogNormal:
    """No preferred direction, a LogNormal magnitude: what a direction × magnitude model must beat."""

    def fit(self, contexts: Tensor, deltas: Tensor) -> Self:
        """Learn mean and deviation of log m."""
        log_m = split(deltas)[1]
        self.mean_, self.deviation_ = log_m.mean(), log_m.std(correction=0)
        return self

    def log_prob(self, contexts: Tensor, deltas: Tensor) -> Tensor:
        """Log-density of each difference, in nats per frame, [n]."""
        magnitude, dim = split(deltas)[1].exp(), deltas.shape[1]
        direction = torch.full_like(magnitude, -log_area(dim))
        return factored_log_prob(direction, log_normal_log_prob(magnitude, self.mean_, self.deviation_), magnitude, dim)

    def predict(self, contexts: Tensor) -> Tensor:
        """Zero: no direction is preferred."""
        return torch.zeros(len(contexts), contexts.shape[-1], dtype=torch.float64)
