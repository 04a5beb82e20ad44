"""Gaussian autoregressions: everything about their prediction has a closed form."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from scipy.special import hyp2f1
from torch import Tensor

from sonoscope.dynamics.processes import Optimum

_LOG_2PI_E = math.log(2 * math.pi) + 1
_DOUBLINGS = 40


@dataclass(frozen=True)
class VectorAutoregression:
    """x_t = Σ_i A_i x_{t-i} + ε, ε ~ N(0, Q), started in its stationary law.

    Parameters
    ----------
    coefficients : Tensor [p, D, D]
        A_1 … A_p.
    innovation : Tensor [D, D]
        Q, positive definite.
    name : str
    """

    coefficients: Tensor
    innovation: Tensor
    name: str = "var"

    def __post_init__(self) -> None:
        radius = float(torch.linalg.eigvals(self._companion).abs().max())
        if radius >= 1:
            raise ValueError(f"{self.name}: expected a stationary process, found spectral radius {radius:.4f} >= 1")

    @property
    def dim(self) -> int:
        """Dimensions of a frame."""
        return self.coefficients.shape[-1]

    @property
    def memory(self) -> int:
        """Frames of context that hold all there is to know."""
        return len(self.coefficients)

    def sample(self, sequences: int, frames: int, generator: torch.Generator) -> Tensor:
        """Draw sequences [N, T, D], stationary from the first frame on."""
        start = _gaussian(self._stationary, (sequences,), generator).reshape(sequences, -1, self.dim)
        recent = list(start.unbind(1))  # newest first
        noise = _gaussian(self.innovation, (frames, sequences), generator)
        out = []
        for t in range(frames):
            mean = sum((recent[i] @ a.T for i, a in enumerate(self.coefficients)), torch.zeros_like(recent[0]))
            recent = [mean + noise[t], *recent[:-1]]
            out.append(recent[0])
        return torch.stack(out, 1)

    def optimum(self, horizon: int) -> Optimum:
        """Exact, from the moments of the Gaussian law."""
        conditional, total = self._conditional(horizon), self._difference @ self._stationary @ self._difference.T
        explained = total - conditional
        unseen = self._spread(horizon)[: self.dim, : self.dim]
        stationary = self._stationary[: self.dim, : self.dim]
        return Optimum(
            horizon,
            nll=0.5 * (self.dim * _LOG_2PI_E + float(torch.logdet(conditional))),
            unconditional_nll=0.5 * (self.dim * _LOG_2PI_E + float(torch.logdet(total))),
            delta_r2=float(explained.trace() / total.trace()),
            cosine=_expected_cosine(explained, total),
            state_r2=float(1 - unseen.trace() / stationary.trace()),
        )

    def predict(self, contexts: Tensor, horizon: int) -> Tensor:
        """Conditional mean of Δ; [n, D]."""
        predicted: Tensor = self._states(contexts) @ self._transition(horizon).T
        return predicted

    def log_prob(self, contexts: Tensor, deltas: Tensor, horizon: int) -> Tensor:
        """Exact log-density of ``deltas`` [n, D]; [n]."""
        return gaussian_log_prob(deltas - self.predict(contexts, horizon), self._conditional(horizon))

    def _states(self, contexts: Tensor) -> Tensor:
        order = len(self._companion) // self.dim
        if contexts.shape[1] < self.memory:
            raise ValueError(
                f"{self.name}: expected at least {self.memory} frames of context, found {contexts.shape[1]}"
            )
        newest_first = contexts.flip(1)[:, :order].to(torch.float64)
        missing = newest_first.new_zeros(len(contexts), order - newest_first.shape[1], self.dim)  # meets zero weights
        return torch.cat([newest_first, missing], 1).flatten(1)

    def _transition(self, horizon: int) -> Tensor:
        transition: Tensor = self._difference @ torch.linalg.matrix_power(self._companion, horizon)
        return transition

    def _spread(self, horizon: int) -> Tensor:
        """Covariance of the state at t given the state at t-k."""
        power = torch.eye(len(self._companion), dtype=torch.float64)
        total = torch.zeros_like(power)
        for _ in range(horizon):
            total = total + power @ self._noise @ power.T
            power = self._companion @ power
        return total

    def _conditional(self, horizon: int) -> Tensor:
        return self._difference @ self._spread(horizon) @ self._difference.T

    @cached_property
    def _companion(self) -> Tensor:
        return _companion(self.coefficients)

    @cached_property
    def _noise(self) -> Tensor:
        matrix = torch.zeros_like(self._companion)
        matrix[: self.dim, : self.dim] = self.innovation
        return matrix

    @cached_property
    def _stationary(self) -> Tensor:
        total, power = self._noise, self._companion
        for _ in range(_DOUBLINGS):  # Σ = Σ F^i Q F^i', twice as many terms each time
            grown = total + power @ total @ power.T
            if torch.allclose(grown, total, rtol=1e-15, atol=0):
                break
            total, power = grown, power @ power
        return (total + total.T) / 2

    @cached_property
    def _difference(self) -> Tensor:
        eye = torch.eye(self.dim, dtype=torch.float64)
        matrix = torch.zeros(self.dim, len(self._companion), dtype=torch.float64)
        matrix[:, : self.dim], matrix[:, self.dim : 2 * self.dim] = eye, -eye
        return matrix


def _expected_cosine(explained: Tensor, total: Tensor) -> float | None:
    """Expected cosine between a conditional mean and its target where both laws are isotropic, else None.

    Then it is the mean of a correlation coefficient about known means: Hotelling (1953), with D pairs.
    """
    dim, eye = len(total), torch.eye(len(total), dtype=torch.float64)
    scale = total.trace() / dim
    if not all(torch.allclose(m, eye * m.trace() / dim, atol=1e-9 * float(scale)) for m in (explained, total)):
        return None
    r = float((explained.trace() / total.trace()).clamp(min=0).sqrt())
    gammas = math.exp(2 * (math.lgamma((dim + 1) / 2) - math.lgamma(dim / 2)))
    return r * 2 / dim * gammas * float(hyp2f1(0.5, 0.5, dim / 2 + 1, r * r))


def autoregression(dim: int, correlation: float, scale: float = 1.0) -> VectorAutoregression:
    """Independent AR(1) coordinates. In many dimensions the best cosine at horizon k is ρ^(k-1) √((1-ρ)/2)."""
    eye = torch.eye(dim, dtype=torch.float64)
    noise = eye * scale**2 * (1 - correlation**2)
    return VectorAutoregression(correlation * eye[None], noise, name=f"ar1_{correlation:g}".replace(".", ""))


def independent_frames(dim: int) -> VectorAutoregression:
    """Frames that know nothing of each other: state R² is 0, and yet the best cosine at horizon 1 is 1/√2."""
    zero, eye = torch.zeros(1, dim, dim, dtype=torch.float64), torch.eye(dim, dtype=torch.float64)
    return VectorAutoregression(zero, eye, name="independent")


def random_autoregression(
    dim: int, generator: torch.Generator, order: int = 2, radius: float = 0.9
) -> VectorAutoregression:
    """Dense VAR of ``order`` with a spread spectrum of the given radius and correlated innovations."""
    raw = torch.randn(order, dim, dim, generator=generator, dtype=torch.float64) / math.sqrt(dim * order)
    found = float(torch.linalg.eigvals(_companion(raw)).abs().max())
    scales = (radius / found) ** torch.arange(1, order + 1, dtype=torch.float64)  # A_i c^i scales every eigenvalue by c
    mixing = torch.randn(dim, dim, generator=generator, dtype=torch.float64) / math.sqrt(dim)
    innovation = mixing @ mixing.T + 0.2 * torch.eye(dim, dtype=torch.float64)
    return VectorAutoregression(raw * scales[:, None, None], innovation)


def _companion(coefficients: Tensor) -> Tensor:
    """First-order form over (x_t, x_{t-1}, …), of at least two frames so that it holds the difference."""
    order, dim = max(2, len(coefficients)), coefficients.shape[-1]
    matrix = torch.zeros(order * dim, order * dim, dtype=torch.float64)
    for i, a in enumerate(coefficients):
        matrix[:dim, i * dim : (i + 1) * dim] = a
    matrix[dim:, :-dim] = torch.eye((order - 1) * dim, dtype=torch.float64)
    return matrix


def gaussian_log_prob(residuals: Tensor, covariance: Tensor) -> Tensor:
    """Log-density of ``residuals`` [n, D] under N(0, ``covariance`` [D, D]), in nats, float64 [n]."""
    factor = torch.linalg.cholesky(covariance.to(torch.float64))
    white = torch.linalg.solve_triangular(factor, residuals.to(torch.float64).T, upper=False)
    constant = len(covariance) / 2 * math.log(2 * math.pi) + factor.diagonal().log().sum()
    log_prob: Tensor = -0.5 * white.square().sum(0) - constant
    return log_prob


def _gaussian(covariance: Tensor, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draw from N(0, covariance), which may be singular; [*shape, D]."""
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=0).sqrt()
    drawn: Tensor = torch.randn(*shape, len(covariance), generator=generator, dtype=torch.float64) @ root.T
    return drawn
