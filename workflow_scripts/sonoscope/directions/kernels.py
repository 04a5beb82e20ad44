"""The Laplace-type kernel k(x, z) = exp(-(d/L)^q), d² = (x - z)ᵀ M (x - z), safe where points coincide."""

import torch
from torch import Tensor

from sonoscope.directions.errors import DirectionError


def squared_distances(gram: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Squared distances from inner products.

    A difference that is smaller than what rounding can produce is exactly 0, so that duplicates count as duplicates.

    Parameters
    ----------
    gram
        Inner products, shape (m, n).
    first, second
        Squared norms, shapes (m,) and (n,).
    """
    norms = first[:, None] + second[None, :]
    distances = torch.add(norms, gram, alpha=-2.0)
    floor = 16 * torch.finfo(gram.dtype).eps
    return torch.where(distances <= floor * norms, torch.zeros((), dtype=gram.dtype, device=gram.device), distances)


def laplace_kernel(squared: Tensor, bandwidth: float, exponent: float) -> tuple[Tensor, Tensor]:
    """Kernel and the weight of its gradient.

    Parameters
    ----------
    squared
        Squared distances.
    bandwidth
        L, in the unit of the distance.
    exponent
        q in (0, 2].

    Returns
    -------
    kernel
        exp(-(d/L)^q).
    weight
        W = -(q/L^q) k d^(q-2), so that ∇ₓ k(x, z) = W M (x - z). It is 0 where d = 0: there the kernel has no gradient.
    """
    if bandwidth <= 0 or not 0 < exponent <= 2:
        raise DirectionError(f"kernel: expected bandwidth > 0 and 0 < exponent <= 2, found {bandwidth} and {exponent}")
    ratio = squared / bandwidth**2
    power = ratio.sqrt() if exponent == 1 else ratio.pow(exponent / 2)
    kernel = torch.exp(-power)
    slope = kernel * power / ratio.clamp_min(torch.finfo(ratio.dtype).tiny)
    weight = slope.mul_(-exponent / bandwidth**2).masked_fill_(squared == 0, 0.0)
    return kernel, weight


def ridge_solve(kernel: Tensor, penalty: float, targets: Tensor) -> Tensor:
    """Solve (K + λI) α = y by Cholesky; jitter grows from 1e-10 (float64) or 1e-6 until the matrix allows it.

    Raises
    ------
    DirectionError
        No jitter up to 1 % of the diagonal helps: the kernel holds NaN or is far from positive definite.
    """
    system = kernel.clone()
    system.diagonal().add_(penalty)
    factor, failed = torch.linalg.cholesky_ex(system)
    jitter = 1e-10 if kernel.dtype == torch.float64 else 1e-6
    while bool(failed) and jitter < 1e-2:
        system.diagonal().add_(jitter)
        factor, failed = torch.linalg.cholesky_ex(system)
        jitter *= 10
    if bool(failed):
        raise DirectionError(
            "kernel ridge regression: the kernel matrix is not positive definite; are there NaN in the states?"
        )
    return torch.cholesky_solve(targets, factor)


def gradient_operator(weight: Tensor, coefficients: Tensor, centre: bool) -> Tensor:
    """The matrix C of shape (outputs, n, n) with gradients of the predictor at the training points G = C X M.

    f(z) = Σᵢ αᵢ k(z, xᵢ), hence ∇f(xⱼ) = M Σᵢ αᵢ Wᵢⱼ (xⱼ - xᵢ); the i = j term is 0. With ``centre``, the mean gradient
    over training points is taken off, per output.
    """
    operator = -weight[None] * coefficients.T[:, None, :]
    operator.diagonal(dim1=1, dim2=2).sub_(operator.sum(2))
    return operator - operator.mean(1, keepdim=True) if centre else operator
