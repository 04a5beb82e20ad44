"""Modified Bessel functions of the first kind as directional statistics needs them: logarithms, any order, any size.

The quantity at the bottom is log 0F1(; ν+1; κ²/4) = log I_ν(κ) - ν log(κ/2) + log Γ(ν+1), which is 0 at κ = 0, grows
like κ, and has the Bessel ratio as its derivative. Two methods meet without a seam:

- the power series, a sum of positive terms, where κ is small against the order or both are small;
- Debye's uniform expansion elsewhere (DLMF 10.41.3, 10.41.9). In 1/s with s = √(ν²+κ²) it holds down to order 0, where
  it is Hankel's expansion, so that one formula serves circles and thousand-dimensional spheres.

All in float64; nothing cancels, so that derivatives keep their digits too.
"""

from fractions import Fraction
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

ORDERS = 14
"""Terms of the uniform expansion."""
FAR = 32.0
"""The uniform expansion is used from s = FAR on."""
NEAR = 10.0
"""The power series is used while κ²/(4(ν+1)) is below this."""
_MOST_TERMS = 400

Polynomial = dict[int, Fraction]


def log_hypergeometric(concentration: Tensor, order: float) -> Tensor:
    """Log 0F1(; ν+1; κ²/4) for κ ≥ 0 and order ν ≥ 0, elementwise in float64; differentiable twice."""
    return _apply(_LogHypergeometric, concentration, order)


def scaled_log_hypergeometric(concentration: Tensor, order: float) -> Tensor:
    """`log_hypergeometric` minus κ, without the loss of digits that the subtraction would cost at large κ."""
    return _apply(_ScaledLogHypergeometric, concentration, order)


def bessel_ratio(concentration: Tensor, order: float) -> Tensor:
    """I_{ν+1}(κ) / I_ν(κ), elementwise in float64, in [0, 1); differentiable once."""
    return _apply(_Ratio, concentration, order)


def bessel_ratio_slope(concentration: Tensor, order: float) -> Tensor:
    """Derivative of `bessel_ratio` by κ, elementwise in float64."""
    return _piecewise(_SLOPE, concentration.detach(), order)


def _apply(function: Any, concentration: Tensor, order: float) -> Tensor:
    if order < 0:
        raise ValueError(f"expected an order >= 0, found {order}")
    result: Tensor = function.apply(concentration.to(torch.float64), order)
    return result


def _piecewise(which: int, kappa: Tensor, order: float) -> Tensor:
    """One of the four quantities, each element by the method that fits it."""
    kappa = kappa.to(torch.float64)
    if not bool((kappa >= 0).all()):  # also NaN
        raise ValueError("expected concentrations >= 0, found a negative one or NaN")
    near = (kappa**2 + order**2 < FAR**2) | (kappa**2 < 4 * NEAR * (order + 1))
    out = torch.empty_like(kappa)
    out[near] = _series(which, kappa[near], order)
    out[~near] = _uniform(which, kappa[~near], order)
    return out


_LOG, _SCALED, _RATIO, _SLOPE = range(4)


def _sum_of_terms(kappa: Tensor, order: float) -> Tensor:
    """0F1(; ν+1; κ²/4) - 1 from its power series."""
    x = kappa.square() / 4
    term, total = torch.ones_like(x), torch.zeros_like(x)
    for k in range(1, _MOST_TERMS):
        term = term * (x / (k * (k + order)))
        total = total + term
        if k % 16 == 0 and bool((term <= 1e-18 * total).all()):
            break
    return total


def _series(which: int, kappa: Tensor, order: float) -> Tensor:
    total = _sum_of_terms(kappa, order)
    if which == _LOG:
        return total.log1p()
    if which == _SCALED:
        return total.log1p() - kappa
    per_kappa = (1 + _sum_of_terms(kappa, order + 1)) / (1 + total) / (2 * (order + 1))
    if which == _RATIO:
        return kappa * per_kappa
    return 1 - (kappa * per_kappa).square() - (2 * order + 1) * per_kappa


def _uniform(which: int, kappa: Tensor, order: float) -> Tensor:
    s = torch.sqrt(kappa.square() + order**2)
    coefficients, degrees = _table()
    coefficients, degrees = coefficients.to(kappa.device), degrees.to(kappa.device)
    powers = (1 / s)[..., None] ** torch.arange(1, ORDERS + 1, dtype=s.dtype, device=s.device)  # [..., orders]
    squares = (order / s).square()[..., None] ** torch.arange(ORDERS + 1, dtype=s.dtype, device=s.device)

    def evaluate(table: Tensor) -> Tensor:
        return ((powers @ table) * squares).sum(-1)

    if which in (_LOG, _SCALED):
        leading = s if which == _LOG else order**2 / (s + kappa)
        constant = torch.lgamma(torch.tensor(order + 1.0, dtype=s.dtype, device=s.device))
        spread = -0.5 * torch.log(2 * torch.pi * s)
        return leading + order * torch.log(2 / (order + s)) + constant + spread + evaluate(coefficients)
    if which == _RATIO:
        return kappa / (s + order) - kappa / (2 * s.square()) - kappa / s.square() * evaluate(coefficients * degrees)
    first, second = evaluate(coefficients * degrees), evaluate(coefficients * degrees * (degrees + 2))
    curvature = ((kappa / s).square() * second - first) / s.square()
    return order / (s * (s + order)) + (kappa.square() - order**2) / (2 * s**4) + curvature


@lru_cache(maxsize=1)
def _table() -> tuple[Tensor, Tensor]:
    """Coefficients c[k-1, j] of s^-k (ν/s)^2j in the logarithm of Debye's sum, and the degrees k + 2j, both float64."""
    coefficients = torch.zeros(ORDERS, ORDERS + 1, dtype=torch.float64)
    for n, polynomial in enumerate(_logarithm(_debye(ORDERS))):
        for degree, value in polynomial.items():
            coefficients[n, (degree - n - 1) // 2] = float(value)
    k, j = torch.arange(1, ORDERS + 1)[:, None], torch.arange(ORDERS + 1)[None, :]
    return coefficients, (k + 2 * j).to(torch.float64)


def _debye(count: int) -> list[Polynomial]:
    """u_1 … u_count of DLMF 10.41.9: u' = t²(1-t²)/2 du/dt + 1/8 ∫ (1-5t²) u dt, in exact fractions."""
    found: list[Polynomial] = [{0: Fraction(1)}]
    for _ in range(count):
        following: Polynomial = {}
        for n, c in found[-1].items():
            for degree, value in (
                (n + 1, c * n / 2 + c / (8 * (n + 1))),
                (n + 3, -c * n / 2 - 5 * c / (8 * (n + 3))),
            ):
                following[degree] = following.get(degree, Fraction(0)) + value
        found.append(following)
    return found[1:]


def _logarithm(terms: list[Polynomial]) -> list[Polynomial]:
    """Coefficients l_n of log(1 + Σ u_n z^n): l_n = u_n - Σ_{k<n} (k/n) l_k u_{n-k}."""
    logs: list[Polynomial] = []
    for n, term in enumerate(terms, start=1):
        following = dict(term)
        for k in range(1, n):
            for a, x in logs[k - 1].items():
                for b, y in terms[n - k - 1].items():
                    following[a + b] = following.get(a + b, Fraction(0)) - Fraction(k, n) * x * y
        logs.append({degree: value for degree, value in following.items() if value})
    return logs


class _Ratio(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, kappa: Tensor, order: float) -> Tensor:
        ctx.save_for_backward(kappa)
        ctx.order = order
        return _piecewise(_RATIO, kappa, order)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (kappa,) = ctx.saved_tensors
        return gradient * _piecewise(_SLOPE, kappa, ctx.order), None


class _LogHypergeometric(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, kappa: Tensor, order: float) -> Tensor:
        ctx.save_for_backward(kappa)
        ctx.order = order
        return _piecewise(_LOG, kappa, order)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (kappa,) = ctx.saved_tensors
        return gradient * bessel_ratio(kappa, ctx.order), None


class _ScaledLogHypergeometric(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, kappa: Tensor, order: float) -> Tensor:
        ctx.save_for_backward(kappa)
        ctx.order = order
        return _piecewise(_SCALED, kappa, order)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (kappa,) = ctx.saved_tensors
        return gradient * (bessel_ratio(kappa, ctx.order) - 1), None
