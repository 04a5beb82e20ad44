"""Leading eigenpairs of Gᵀ G from products alone: Lanczos with full reorthogonalisation, deterministic."""

from collections.abc import Callable

import torch
from torch import Tensor


def top_eigenpairs(
    product: Callable[[Tensor], Tensor], start: Tensor, count: int, tolerance: float | None = None, block: int = 12
) -> tuple[Tensor, Tensor]:
    """Largest eigenvalues (descending) and unit eigenvectors of a symmetric positive semidefinite operator.

    Parameters
    ----------
    product
        The operator, vector (dim,) to vector (dim,).
    start
        First vector (dim,), not orthogonal to what is sought: a fixed one makes the result reproducible.
    count
        How many pairs.
    tolerance
        Wanted residual relative to the largest eigenvalue; by default 1e-10 in float64 and 1e-5 in float32.

    Returns
    -------
    values, vectors
        Shapes (k,) and (k, dim); k < ``count`` if the operator has lower rank.
    """
    epsilon = torch.finfo(start.dtype).eps
    tolerance = tolerance or (1e-10 if start.dtype == torch.float64 else 1e-5)
    dim = start.numel()
    basis = torch.empty((0, dim), dtype=start.dtype, device=start.device)
    diagonal: list[float] = []
    side: list[float] = []
    vector = start / start.norm()
    while True:
        grown = min(dim, len(diagonal) + block)
        basis = torch.cat([basis, basis.new_empty((grown - len(diagonal), dim))])
        exhausted = False
        while len(diagonal) < grown and not exhausted:
            step = len(diagonal)
            basis[step] = vector
            image = product(vector)
            diagonal.append(float(vector @ image))
            known = basis[: step + 1]
            for _twice in range(2):  # once is not enough in finite precision
                image = torch.addmv(image, known.T, known @ image, alpha=-1.0)
            side.append(float(image.norm()))
            exhausted = side[-1] <= 4 * epsilon * max(map(abs, diagonal)) or step + 1 == dim
            vector = image / (side[-1] or 1.0)
        steps = len(diagonal)
        matrix = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
        if steps > 1:
            band = torch.tensor(side[: steps - 1], dtype=torch.float64)
            matrix = matrix + torch.diag(band, 1) + torch.diag(band, -1)
        values, rotation = torch.linalg.eigh(matrix)
        values, rotation = values.flip(0)[:count], rotation.flip(1)[:, :count]
        residual = side[-1] * float(rotation[-1].abs().max())
        if exhausted or (steps >= count and residual <= tolerance * float(values[0])):
            kept = values > epsilon * dim * values[0].clamp_min(0)
            vectors = rotation[:, kept].T.to(basis) @ basis[:steps]
            return values[kept].to(basis), vectors
