"""Walks whose steps are a direction times a magnitude, x_t = x_{t-1} + m_t d_t, as vMF models assume."""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from numpy.polynomial.legendre import leggauss
from torch import Tensor

from sonoscope.dynamics.bessel import bessel_ratio
from sonoscope.dynamics.processes import Optimum
from sonoscope.dynamics.vmf import VonMisesFisher, log_area, log_normaliser, mean_resultant_length

_LOG_2PI = math.log(2 * math.pi)

SHORTEST = 1e-8
"""Length below which a step has no direction; two equal frames would have none at all."""


@dataclass(frozen=True)
class Magnitude:
    """Step lengths: log m_t is a stationary Gaussian AR(1).

    Parameters
    ----------
    mean, deviation : float
        Of log m.
    persistence : float
        Correlation of log m_t with log m_{t-1}, in [0, 1).
    """

    mean: float = 0.0
    deviation: float = 0.4
    persistence: float = 0.6

    def conditional_deviation(self, horizon: int) -> float:
        """Deviation of log m_t given log m_{t-k}."""
        return self.deviation * math.sqrt(1 - self.persistence ** (2 * horizon))

    def conditional_mean(self, log_m: Tensor, horizon: int) -> Tensor:
        """Mean of log m_t given log m_{t-k}."""
        return self.mean + self.persistence**horizon * (log_m - self.mean)

    def log_prob(self, log_m: Tensor, past: Tensor, horizon: int) -> Tensor:
        """Log-density of m_t (not of its logarithm) given log m_{t-k}."""
        deviation = self.conditional_deviation(horizon)
        z = (log_m - self.conditional_mean(past, horizon)) / deviation
        return -0.5 * z.square() - math.log(deviation) - 0.5 * _LOG_2PI - log_m

    def nll(self, horizon: int | None) -> float:
        """Expected negative log-density of m_t given log m_{t-k}; None: given nothing."""
        deviation = self.deviation if horizon is None else self.conditional_deviation(horizon)
        return self.mean + math.log(deviation) + 0.5 * (_LOG_2PI + 1)

    def sample(self, sequences: int, frames: int, generator: torch.Generator) -> Tensor:
        """Logarithms of step lengths, [N, T]."""
        noise = torch.randn(frames, sequences, generator=generator, dtype=torch.float64)
        current, out = self.deviation * noise[0], []
        for t in range(frames):
            if t:
                current = self.persistence * current + self.conditional_deviation(1) * noise[t]
            out.append(self.mean + current)
        return torch.stack(out, 1)

    def mean_of(self, past: Tensor, horizon: int) -> Tensor:
        """E[m_t] given log m_{t-k}."""
        return torch.exp(self.conditional_mean(past, horizon) + self.conditional_deviation(horizon) ** 2 / 2)

    def explained(self, horizon: int) -> float:
        """E[E[m_t | past]²] / E[m_t²]: what the past explains of the second moment."""
        return math.exp(-(self.conditional_deviation(horizon) ** 2))


def last_step(contexts: Tensor) -> tuple[Tensor, Tensor]:
    """Direction [n, D] and log-length [n] of the last step in ``contexts`` [n, W, D], W ≥ 2."""
    if contexts.shape[1] < 2:
        raise ValueError(f"a step needs 2 frames of context, found {contexts.shape[1]}")
    return split(contexts[:, -1] - contexts[:, -2])


def split(deltas: Tensor) -> tuple[Tensor, Tensor]:
    """Direction [n, D] and log-length [n] of differences [n, D], float64; a length counts as at least `SHORTEST`."""
    deltas = deltas.to(torch.float64)
    length = deltas.norm(dim=-1).clamp(min=SHORTEST)
    return deltas / length[:, None], length.log()


@dataclass(frozen=True)
class DirectionWalk:
    """d_t ~ vMF(d_{t-1}, κ): the direction of change wanders over the sphere, the magnitude follows its own AR(1).

    The law of d_t given d_{t-k} is the k-fold convolution of the von Mises-Fisher law on the sphere. Its harmonics are
    the k-th powers of I_{n+ν}(κ)/I_ν(κ) (Mardia & Jupp 2000, §9.3.2), and its mean length is A_D(κ)^k.
    """

    size: int = 8
    concentration: float = 20.0
    magnitude: Magnitude = Magnitude()
    name: str = "direction_walk"

    @property
    def dim(self) -> int:
        """Dimensions of a frame."""
        return self.size

    @property
    def memory(self) -> int:
        """Two frames give the last step, which is all there is to know."""
        return 2

    def sample(self, sequences: int, frames: int, generator: torch.Generator) -> Tensor:
        """Draw walks [N, T, D] that start near the origin."""
        current = torch.nn.functional.normalize(
            torch.randn(sequences, self.dim, generator=generator, dtype=torch.float64), dim=-1
        )
        kappa = torch.full((sequences,), self.concentration, dtype=torch.float64)
        steps = []
        for _ in range(frames):
            steps.append(current)
            current = VonMisesFisher(current, kappa).sample(1, generator)[0]
        lengths = self.magnitude.sample(sequences, frames, generator).exp()
        return (torch.stack(steps, 1) * lengths[..., None]).cumsum(1)

    def optimum(self, horizon: int) -> Optimum:
        """Exact; for k > 1 the entropy of the direction is a one-dimensional integral."""
        area, jacobian = log_area(self.dim), (self.dim - 1) * self.magnitude.mean
        length = self._resultant**horizon
        return Optimum(
            horizon,
            nll=self._direction_entropy(horizon) + self.magnitude.nll(horizon) + jacobian,
            unconditional_nll=area + self.magnitude.nll(None) + jacobian,
            delta_r2=length**2 * self.magnitude.explained(horizon),
            cosine=length,
        )

    def log_prob(self, contexts: Tensor, deltas: Tensor, horizon: int) -> Tensor:
        """Exact log-density of ``deltas``; [n]."""
        past, past_length = last_step(contexts)
        direction, length = split(deltas)
        cosine = (past * direction).sum(-1).clamp(-1, 1)
        magnitude = self.magnitude.log_prob(length, past_length, horizon)
        return self._log_density(cosine, horizon) + magnitude - (self.dim - 1) * length

    def predict(self, contexts: Tensor, horizon: int) -> Tensor:
        """Conditional mean of Δ; [n, D]."""
        past, past_length = last_step(contexts)
        return self._resultant**horizon * self.magnitude.mean_of(past_length, horizon)[:, None] * past

    @cached_property
    def _resultant(self) -> float:
        return float(mean_resultant_length(torch.tensor(self.concentration, dtype=torch.float64), self.dim))

    @cached_property
    def _harmonics(self) -> Tensor:
        """I_{n+ν}(κ)/I_ν(κ) for n = 0, 1, … until nothing is left."""
        kappa, found, value = torch.tensor(self.concentration, dtype=torch.float64), [1.0], 1.0
        while value > 1e-40 and len(found) < 4000:
            value *= float(bessel_ratio(kappa, self.dim / 2 - 1 + len(found) - 1))
            found.append(value)
        return torch.tensor(found, dtype=torch.float64)

    def _log_density(self, cosine: Tensor, horizon: int) -> Tensor:
        """Log-density of d_t at ``cosine`` to d_{t-k}, by area of the sphere."""
        if horizon == 1:
            kappa = torch.tensor(self.concentration, dtype=torch.float64)
            return log_normaliser(kappa, self.dim) + self.concentration * cosine
        total, before, now = torch.zeros_like(cosine), torch.zeros_like(cosine), torch.ones_like(cosine)
        for n, harmonic in enumerate(self._harmonics.tolist()):
            weight = math.exp(_log_multiplicity(n, self.dim) + horizon * math.log(harmonic))
            total = total + weight * now
            if n and weight < 1e-18:
                break
            # recurrence of the Gegenbauer polynomials, scaled to 1 at cosine 1
            after = ((2 * n + self.dim - 2) * cosine * now - n * before) / (n + self.dim - 2) if n else cosine
            before, now = now, after
        return total.clamp(min=1e-300).log() - log_area(self.dim)

    def _direction_entropy(self, horizon: int) -> float:
        nodes, weights = _quadrature()
        angle = (nodes + 1) * math.pi / 2
        log_f = self._log_density(angle.cos(), horizon)
        ring = log_area(self.dim - 1) if self.dim > 2 else math.log(2)
        measure = weights * math.pi / 2 * torch.exp(log_f + ring + (self.dim - 2) * angle.sin().log())
        return -float((measure * log_f).sum() / measure.sum())


@lru_cache(maxsize=1)
def _quadrature() -> tuple[Tensor, Tensor]:
    """Gauss-Legendre nodes and weights on [-1, 1]."""
    nodes, weights = leggauss(512)
    return torch.from_numpy(nodes), torch.from_numpy(weights)


def _log_multiplicity(n: int, dim: int) -> float:
    """Logarithm of the number of spherical harmonics of degree n in ``dim`` dimensions."""
    if n == 0:
        return 0.0
    if dim == 2:
        return math.log(2)
    shared = math.lgamma(n + dim - 2) - math.lgamma(n + 1) - math.lgamma(dim - 1)
    return math.log(2 * n + dim - 2) + shared
