"""The von Mises-Fisher distribution on the unit sphere in D ≥ 2 dimensions (Mardia & Jupp 2000, §9.3.2).

Density f(x) = C_D(κ) exp(κ μ·x), log C_D(κ) = ν log κ - (D/2) log 2π - log I_ν(κ) with ν = D/2 - 1. Normalisers are
computed in float64 whatever the dtype of the arguments: at D = 512 they are near 868 nats and cancel against κ μ·x.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sonoscope.dynamics.bessel import (
    bessel_ratio,
    bessel_ratio_slope,
    log_hypergeometric,
    scaled_log_hypergeometric,
)

_ROUNDS = 1000


def _order(dim: int) -> float:
    if dim < 2:
        raise ValueError(f"expected a sphere in at least 2 dimensions, found {dim}")
    return dim / 2 - 1


def log_area(dim: int) -> float:
    """Log-area of the unit sphere in ``dim`` dimensions, which is the entropy of its uniform distribution, in nats."""
    _order(dim)
    return math.log(2) + dim / 2 * math.log(math.pi) - math.lgamma(dim / 2)


def log_normaliser(concentration: Tensor, dim: int) -> Tensor:
    """Log C_D(κ), elementwise in float64; differentiable twice, with derivative -A_D(κ)."""
    return -log_area(dim) - log_hypergeometric(concentration, _order(dim))


def mean_resultant_length(concentration: Tensor, dim: int) -> Tensor:
    """A_D(κ) = I_{D/2}(κ) / I_{D/2-1}(κ): the length of the mean vector, elementwise in float64, in [0, 1)."""
    return bessel_ratio(concentration, _order(dim))


def concentration_of(length: Tensor, dim: int) -> Tensor:
    """Inverse of `mean_resultant_length`, for lengths in [0, 1); differentiable once.

    Starts at Banerjee et al. (2005), eq. 4.4, and makes Newton steps (Sra 2012) until float64 has no more to give.

    Raises
    ------
    ValueError
        A length is outside [0, 1).
    """
    wanted = length.to(torch.float64)
    if not bool(((wanted >= 0) & (wanted < 1)).all()):
        raise ValueError("expected mean resultant lengths in [0, 1), found one outside")
    order = _order(dim)
    with torch.no_grad():
        kappa = wanted * (dim - wanted.square()) / ((1 - wanted) * (1 + wanted))
        for _ in range(8):
            step = (bessel_ratio(kappa, order) - wanted) / bessel_ratio_slope(kappa, order)
            kappa = torch.maximum(kappa - step, kappa / 4)
        slope, found = bessel_ratio_slope(kappa, order), bessel_ratio(kappa, order)
    return torch.clamp(kappa + (wanted - found) / slope, min=0.0)


@dataclass(frozen=True)
class VonMisesFisher:
    """A batch of distributions.

    Parameters
    ----------
    mean : Tensor [..., D]
        Unit vectors.
    concentration : Tensor [...]
        κ ≥ 0; 0 is the uniform distribution.
    """

    mean: Tensor
    concentration: Tensor

    def __post_init__(self) -> None:
        _order(self.dim)
        if self.concentration.shape != self.mean.shape[:-1]:
            expected, found = tuple(self.mean.shape[:-1]), tuple(self.concentration.shape)
            raise ValueError(f"expected one concentration per mean direction, {expected}, found {found}")

    @property
    def dim(self) -> int:
        """Number of dimensions of the space that the sphere lies in."""
        return self.mean.shape[-1]

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density of unit vectors ``x`` [..., D] by area of the sphere, in nats, float64 [...].

        κ μ·x is taken as κ - κ|x-μ|²/2, so that nothing large cancels when κ is large.
        """
        kappa = self.concentration.to(torch.float64)
        distance = (x.to(torch.float64) - self.mean.to(torch.float64)).square().sum(-1)
        return -log_area(self.dim) - scaled_log_hypergeometric(kappa, _order(self.dim)) - kappa * distance / 2

    def mean_resultant_length(self) -> Tensor:
        """Length of the mean vector, float64 [...]."""
        return mean_resultant_length(self.concentration, self.dim)

    def entropy(self) -> Tensor:
        """Differential entropy in nats, float64 [...]: -log C(κ) - κ A(κ)."""
        kappa = self.concentration.to(torch.float64)
        scaled = scaled_log_hypergeometric(kappa, _order(self.dim))
        return log_area(self.dim) + scaled + kappa * (1 - self.mean_resultant_length())

    def kl_to_uniform(self) -> Tensor:
        """Divergence from this distribution to the uniform one, in nats, float64 [...]."""
        kappa = self.concentration.to(torch.float64)
        scaled = scaled_log_hypergeometric(kappa, _order(self.dim))
        return -scaled - kappa * (1 - self.mean_resultant_length())

    def kl_divergence(self, other: "VonMisesFisher") -> Tensor:
        """Divergence KL(self ‖ other) in nats, float64 [...]."""
        order, a, b = _order(self.dim), self.concentration.to(torch.float64), other.concentration.to(torch.float64)
        cosine = (self.mean.to(torch.float64) * other.mean.to(torch.float64)).sum(-1)
        normalisers = log_hypergeometric(b, order) - log_hypergeometric(a, order)
        return normalisers + self.mean_resultant_length() * (a - b * cosine)

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw ``count`` unit vectors of each distribution, [count, ..., D], in the dtype and device of ``mean``.

        Rejection of Ulrich (1984) as corrected by Wood (1994), all at once; what is rejected is drawn again. The
        proposal needs Beta((D-1)/2, (D-1)/2) and an independent tangent: the first coordinate of a uniform direction
        and the rest of it are just that, so normal numbers suffice. At least two in three proposals are accepted.
        """
        mean = self.mean.to(torch.float64).expand(count, *self.mean.shape).reshape(-1, self.dim)
        kappa = self.concentration.to(torch.float64).expand(count, *self.concentration.shape).reshape(-1)
        out = torch.empty_like(mean)
        waiting = torch.arange(len(mean), device=mean.device)
        for _ in range(_ROUNDS):
            if not len(waiting):
                return out.reshape(count, *self.mean.shape).to(self.mean.dtype)
            drawn, accepted = _propose(mean[waiting], kappa[waiting], generator)
            out[waiting[accepted]] = drawn[accepted]
            waiting = waiting[~accepted]
        raise RuntimeError(f"{len(waiting)} directions were rejected {_ROUNDS} times; is a concentration NaN?")


def _propose(mean: Tensor, kappa: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """One proposal per row of ``mean`` [n, D], and whether it is accepted [n]."""
    rest = mean.shape[-1] - 1
    normal = torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)
    uniform = torch.rand(kappa.shape, generator=generator, dtype=mean.dtype, device=mean.device)
    along = (normal * mean).sum(-1, keepdim=True)
    across = normal - along * mean
    length = across.norm(dim=-1, keepdim=True)
    z = (1 + along / torch.hypot(along, length))[:, 0] / 2
    b = rest / (2 * kappa + torch.sqrt(4 * kappa.square() + rest**2))
    below = 2 * b * z / (1 - (1 - b) * z)  # 1 - cosine to the mean, exact also where it is tiny
    cosine, x0 = 1 - below, (1 - b) / (1 + b)
    log_ratio = kappa * (cosine - x0) + rest * (torch.log1p(-x0 * cosine) - torch.log1p(-x0.square()))
    radius = torch.sqrt(below * (2 - below))
    drawn = cosine[:, None] * mean + radius[:, None] * across / length
    return drawn, log_ratio >= uniform.log()


def fit(x: Tensor, weights: Tensor | None = None) -> VonMisesFisher:
    """Maximum-likelihood distribution of unit vectors ``x`` [n, D], optionally weighted [n].

    Raises
    ------
    ValueError
        Fewer than two vectors, or vectors that all agree: the concentration would be infinite.
    """
    if x.ndim != 2 or len(x) < 2:
        raise ValueError(f"expected at least two unit vectors [n, D], found shape {tuple(x.shape)}")
    share = torch.full((len(x),), 1 / len(x), dtype=torch.float64) if weights is None else weights.to(torch.float64)
    total = (share[:, None].to(x.device) * x.to(torch.float64)).sum(0) / share.sum()
    length = total.norm()
    if float(1 - length) < 1e-14:
        raise ValueError("all directions agree, so their concentration is infinite; expected some spread")
    return VonMisesFisher((total / length).to(x.dtype), concentration_of(length, x.shape[-1]))
