"""Residual quantisation with SimVQ: frozen codebooks behind a learned linear map (Zhu et al., arXiv 2411.02038)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

COMMITMENT = 0.25
"""Weight of the pull of vectors towards their codes, against that of codes towards vectors."""


class Quantised(NamedTuple):
    """Vectors after quantisation."""

    output: Tensor
    """Sum of the chosen code vectors, ``[n, dim]``; gradients reach the input through rotation."""
    codes: Tensor
    """Index of the chosen code of every level, ``[n, levels]``."""
    losses: Tensor
    """Mean squared error of every level, ``[levels]``."""


class SimVQ(nn.Module):
    """One level: the code nearest to a vector among the transformed rows of a codebook that never changes."""

    frozen_codebook: Tensor

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("frozen_codebook", torch.randn(codes, dim) * dim**-0.5)
        self.code_transform = nn.Linear(dim, dim, bias=False)

    def codebook(self) -> Tensor:
        """The code vectors in use, ``[codes, dim]``."""
        codebook: Tensor = self.code_transform(self.frozen_codebook)
        return codebook

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Quantise ``x[n, dim]``: code vectors, indices ``[n]``, and the loss."""
        codebook = self.codebook()
        with torch.no_grad():
            codes = torch.cdist(x, codebook).argmin(-1)
        chosen = codebook[codes]
        loss = (chosen - x.detach()).square().mean() + COMMITMENT * (chosen.detach() - x).square().mean()
        return (rotate(x, chosen.detach()) if x.requires_grad else chosen), codes, loss


class ResidualSimVQ(nn.Module):
    """Levels, each of which quantises what the ones before have left."""

    def __init__(self, levels: int, codes: int, dim: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(SimVQ(codes, dim) for _ in range(levels))

    def forward(self, x: Tensor) -> Quantised:
        """Quantise ``x[n, dim]``."""
        residual, output = x, torch.zeros_like(x)
        codes, losses = [], []
        for level in self.levels:
            chosen, index, loss = level(residual)
            residual = residual - chosen.detach()
            output = output + chosen
            codes.append(index)
            losses.append(loss)
        return Quantised(output, torch.stack(codes, -1), torch.stack(losses))

    def dequantise(self, codes: Tensor) -> Tensor:
        """Latents ``[n, dim]`` of codes ``[n, levels]``."""
        vectors = [level.codebook()[codes[:, k]] for k, level in enumerate(self.levels)]  # type: ignore[operator]
        return torch.stack(vectors).sum(0)


def rotate(x: Tensor, target: Tensor) -> Tensor:
    """``target``, written as ``x`` turned and stretched, so that gradients to ``x`` turn with it.

    The rotation trick (Fifty et al., arXiv 2410.06424): with unit vectors ``u`` of ``x`` and ``w`` of ``target``, the
    turn is two reflections, ``y - 2 r (r·y) + 2 w (u·y)`` with ``r`` along ``u + w``. Turn and stretch are constants.
    """
    norm = x.detach().norm(dim=-1, keepdim=True).clamp_min(1e-6)
    target_norm = target.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    u, w = x.detach() / norm, target / target_norm
    r = torch.nn.functional.normalize(u + w, dim=-1, eps=1e-6)
    turned = x - 2 * r * (r * x).sum(-1, keepdim=True) + 2 * w * (u * x).sum(-1, keepdim=True)
    result: Tensor = turned * (target_norm / norm)
    return result
