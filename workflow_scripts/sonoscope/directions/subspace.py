"""Several directions together."""

import torch
from torch import Tensor

from sonoscope.directions.errors import DirectionError


def unit(vectors: Tensor) -> Tensor:
    """Vectors (…, dim) made unit.

    Raises
    ------
    DirectionError
        A vector is zero.
    """
    norms = vectors.norm(dim=-1, keepdim=True)
    if bool((norms == 0).any()):
        raise DirectionError("directions: a zero vector has no direction")
    scaled: Tensor = vectors / norms
    return scaled


def cosines(directions: Tensor) -> Tensor:
    """Pairwise cosines (k, k) of directions (k, dim)."""
    vectors = unit(directions)
    return vectors @ vectors.T


def gram_schmidt(directions: Tensor, tolerance: float = 1e-4) -> Tensor:
    """Orthonormal directions (k, dim); the first keeps its way, each later one loses what the earlier ones explain.

    Raises
    ------
    DirectionError
        A direction lies in the span of the earlier ones: less than ``tolerance`` of its length is left.
    """
    kept: list[Tensor] = []
    for number, vector in enumerate(unit(directions)):
        for _twice in range(2):  # once is not enough for nearly parallel vectors
            for earlier in kept:
                vector = vector - (vector @ earlier) * earlier
        if float(vector.norm()) < tolerance:
            raise DirectionError(
                f"directions: number {number} lies in the span of those before it and cannot be orthogonalised"
            )
        kept.append(vector / vector.norm())
    return torch.stack(kept)
