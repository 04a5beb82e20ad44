"""Closed-form predictors that separate what could be mistaken for prediction: heavy tails, loudness, and the speaker.

Each takes one thing from the past, or none: if a model gains no more than these, it has not learned dynamics.
"""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from sonoscope.dynamics.likelihoods import GaussianPredictor, covariance_of

_DEGREES = (3.0, 5.0, 10.0, 30.0, 100.0)
_PASSES = 5
_TINY = 1e-12


class StudentT:
    """One multivariate Student t with full scatter, no context: what heavy tails alone gain.

    Scatter by expectation maximisation (Lange, Little & Taylor 1989), degrees of freedom the likeliest of a few.
    """

    def fit(self, contexts: Tensor, deltas: Tensor) -> Self:
        """Learn location, scatter and degrees of freedom."""
        x = deltas.to(torch.float64)
        best, mean, scatter = -math.inf, x.mean(0), covariance_of(x - x.mean(0))
        for degrees in reversed(_DEGREES):  # from nearly Gaussian to heavy tails, each begun where the last one ended
            for _ in range(_PASSES):
                weight = (degrees + x.shape[1]) / (degrees + _distances(x - mean, scatter))
                mean = (weight[:, None] * x).sum(0) / weight.sum()
                scatter = covariance_of((x - mean) * weight.sqrt()[:, None])
            reached = float(_student_log_prob(x - mean, scatter, degrees).mean())
            if reached > best:
                best, self.mean_, self.scatter_, self.degrees_ = reached, mean, scatter, degrees
        return self

    def log_prob(self, contexts: Tensor, deltas: Tensor) -> Tensor:
        """Log-density of each difference, in nats per frame, [n]."""
        return _student_log_prob(deltas.to(torch.float64) - self.mean_, self.scatter_, self.degrees_)

    def predict(self, contexts: Tensor) -> Tensor:
        """The location, [n, D]."""
        return self.mean_.expand(len(contexts), -1)


@dataclass
class ScaleOnly(GaussianPredictor):
    """No expected difference, but a covariance whose size follows the steps of the context: loud passages move more.

    N(m, s² C), log s linear in the mean log-length of the context's steps and in that of its last one.
    """

    def fit(self, contexts: Tensor, deltas: Tensor) -> Self:
        """Learn the covariance, then its size given the context, then the covariance of what is left, once more."""
        super().fit(contexts, deltas)
        x = deltas.to(torch.float64) - self.mean_
        logs = _step_logs(contexts)
        self.slope_ = torch.zeros(logs.shape[1] + 1, dtype=torch.float64)
        inputs = torch.cat([logs, torch.ones(len(logs), 1, dtype=torch.float64)], 1)
        for _ in range(2):
            size = 0.5 * (_distances(x, self.covariance_) / x.shape[1]).clamp(min=_TINY).log()
            self.slope_ = least_squares(inputs, size)
            self.covariance_ = covariance_of(x / self._scale(contexts)[:, None])
        return self

    def log_prob(self, contexts: Tensor, deltas: Tensor) -> Tensor:
        """Log-density of each difference, in nats per frame, [n]."""
        scale = self._scale(contexts)
        x = (deltas.to(torch.float64) - self.mean_) / scale[:, None]
        constant = x.shape[1] * math.log(2 * math.pi) + torch.logdet(self.covariance_)
        return -0.5 * (_distances(x, self.covariance_) + constant) - x.shape[1] * scale.log()

    def _scale(self, contexts: Tensor) -> Tensor:
        logs = _step_logs(contexts)
        scale: Tensor = torch.exp(logs @ self.slope_[:-1] + self.slope_[-1])
        return scale


class SpeakerMeanReversion(GaussianPredictor):
    """Reversion to a mean that knows who speaks: that of the context window and that of all training frames.

    Δ̂ = a (window mean - last frame) + b (training mean - last frame), a and b by least squares. The mean of a test
    speaker's whole recording would be information from the future; the window's mean is not.
    """

    def predict(self, contexts: Tensor) -> Tensor:
        """Expected difference, [n, D]."""
        frames = contexts.to(torch.float64)
        last = frames[:, -1]
        expected: Tensor = self.rates_[0] * (frames.mean(1) - last) + self.rates_[1] * (self.mean_ - last)
        return expected

    def _fit_mean(self, contexts: Tensor, deltas: Tensor) -> None:
        last = contexts[:, -1]
        self.mean_ = last.mean(0)
        inputs = torch.stack([(contexts.mean(1) - last).flatten(), (self.mean_ - last).flatten()], 1)
        self.rates_ = least_squares(inputs, deltas.flatten())


def least_squares(inputs: Tensor, targets: Tensor) -> Tensor:
    """Coefficients [k] of ``targets`` [n] on a few columns ``inputs`` [n, k], by the normal equations.

    LAPACK's solvers of tall systems round by where in memory their workspace happens to lie, so that a run would not
    end with the bytes of another; sums of products do not. A trace of a penalty bears columns that say the same.
    """
    gram = torch.stack([(inputs * column[:, None]).sum(0) for column in inputs.T])
    steady = gram + 1e-12 * gram.trace() * torch.eye(len(gram), dtype=gram.dtype)
    found: Tensor = torch.linalg.solve(steady, (inputs * targets[:, None]).sum(0))
    return found


def _step_logs(contexts: Tensor) -> Tensor:
    """Mean and last log-length of the steps in a context, [n, 2]."""
    lengths = contexts.to(torch.float64).diff(dim=1).norm(dim=-1).clamp(min=_TINY).log()
    return torch.stack([lengths.mean(1), lengths[:, -1]], 1)


def _distances(x: Tensor, covariance: Tensor) -> Tensor:
    """Squared Mahalanobis distances, [n]."""
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(covariance), x.T, upper=False)
    squares: Tensor = white.square().sum(0)
    return squares


def _student_log_prob(x: Tensor, scatter: Tensor, degrees: float) -> Tensor:
    dim = x.shape[1]
    constant = math.lgamma((degrees + dim) / 2) - math.lgamma(degrees / 2) - dim / 2 * math.log(degrees * math.pi)
    spread = torch.log1p(_distances(x, scatter) / degrees)
    log_prob: Tensor = constant - 0.5 * torch.logdet(scatter) - (degrees + dim) / 2 * spread
    return log_prob
