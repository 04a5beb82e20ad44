"""EK-FAC (Grosse et al. 2023, arXiv 2308.03296) as a whitening before the sketch.

The curvature of a linear part is taken as S ⊗ A in the eigenbases of A = E[x xᵀ] and S = E[δ δᵀ], with the eigenvalues
Λ = E[(Q_Sᵀ G Q_A)²] fitted afterwards. Influence is g(q)ᵀ H⁻¹ g(z); with both sides whitened by H^(-1/2) it is an inner
product, which a sketch keeps, so that training rows and queries can be stored apart. Pseudo-gradients are of tokens
drawn from the model itself (the true Fisher).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sonoscope.attribution.capture import Capture
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.projections import SJLT, Keep, _linear

Place = tuple[str, int]


@dataclass
class Factor:
    """Curvature of one linear part."""

    of_inputs: Tensor
    """Eigenvectors of A in columns, ``[in, in]``."""
    of_outputs: Tensor
    """Eigenvectors of S in columns, ``[out, out]``."""
    values: Tensor
    """Λ, ``[out, in]``."""

    def rotated(self, gradient: Tensor) -> Tensor:
        """Gradients ``[B, out, in]`` in the eigenbasis."""
        return self.of_outputs.T @ gradient @ self.of_inputs


def fit(captures: Iterator[Capture] | Iterable[Capture], again: Iterable[Capture], keep: Keep) -> dict[Place, Factor]:
    """Factors from two passes over the same captures of pseudo-gradients.

    Raises
    ------
    AttributionError
        There were none.
    """
    sides: dict[Place, tuple[Tensor, Tensor]] = {}
    samples = 0
    for capture in captures:
        for use in _linear(capture, keep):
            inputs, delta = (x.flatten(0, 1).double() for x in use.rows())
            a, s = inputs.T @ inputs, delta.T @ delta
            place = (use.parameter, use.offset)
            sides[place] = (sides[place][0] + a, sides[place][1] + s) if place in sides else (a, s)
        samples += 1
    if not samples:
        raise AttributionError("ekfac: expected at least one window to fit the curvature on, found none")
    bases = {p: (torch.linalg.eigh(a)[1].float(), torch.linalg.eigh(s)[1].float()) for p, (a, s) in sides.items()}
    factors = {p: Factor(a, s, torch.zeros(len(s), len(a))) for p, (a, s) in bases.items()}
    count = 0
    for capture in again:
        for use in _linear(capture, keep):
            factor = factors[use.parameter, use.offset]
            factor.values += factor.rotated(use.gradient().float()).square().sum(0)
        count += capture.uses[0].delta.shape[0] if capture.uses and capture.uses[0].delta is not None else 0
    for factor in factors.values():
        factor.values /= max(1, count)
    return factors


class EKFAC(SJLT):
    """Sketch of gradients whitened by EK-FAC; λ is ``damping`` times the mean eigenvalue of the part."""

    def __init__(self, dim: int, seed: int, factors: dict[Place, Factor], damping: float) -> None:
        super().__init__(dim, seed, "ekfac")
        self.factors, self.damping = factors, damping

    def parts(self, capture: Capture, keep: Keep) -> Iterator[tuple[str, int, Tensor]]:
        """Whitened gradients of the linear parts."""
        for use in _linear(capture, lambda name: keep(name)):
            if (factor := self.factors.get((use.parameter, use.offset))) is not None:
                root = (factor.values + self.damping * factor.values.mean() + 1e-20).rsqrt()
                yield use.parameter, use.offset, (factor.rotated(use.gradient().float()) * root).flatten(1)
