"""Removal of a concept from hidden states, to ask whether it was needed."""

from dataclasses import dataclass

import torch
from torch import Tensor

from sonoscope.directions.subspace import gram_schmidt


def ablate(hidden_states: Tensor, directions: Tensor, mean: Tensor) -> Tensor:
    """Directional ablation: hidden states (…, dim) whose projection on the span of ``directions`` becomes the mean's.

    Parameters
    ----------
    directions
        Shape (dim,) or (k, dim); made orthonormal first.
    mean
        Mean hidden state (dim,).
    """
    basis = gram_schmidt(directions.reshape(-1, directions.shape[-1])).to(hidden_states)
    return hidden_states - ((hidden_states - mean) @ basis.T) @ basis


@dataclass(frozen=True)
class Eraser:
    """LEACE: the least change of hidden states after which no linear readout predicts labels better than a constant.

    Belrose et al. (2023): h - W⁺ P W (h - E h), W = Σ^(-1/2), P the projector on the columns of W Σ_hz.
    """

    mean: Tensor
    removal: Tensor
    """W⁺ P W, shape (dim, dim)."""

    @classmethod
    def fit(cls, hidden_states: Tensor, labels: Tensor) -> "Eraser":
        """Fit to states (n, dim) and labels (n,) or one-hot (n, classes), in float64."""
        states, targets = hidden_states.to(torch.float64), labels.to(torch.float64).reshape(len(labels), -1)
        mean = states.mean(0)
        centred, targets = states - mean, targets - targets.mean(0)
        n = len(states)
        values, vectors = torch.linalg.eigh(centred.T @ centred / n)
        kept = values > values.max() * len(values) * torch.finfo(torch.float64).eps
        values, vectors = values[kept], vectors[:, kept]
        whiten, colour = (vectors * values.rsqrt()) @ vectors.T, (vectors * values.sqrt()) @ vectors.T
        left, singular, _ = torch.linalg.svd(whiten @ (centred.T @ targets / n), full_matrices=False)
        left = left[:, singular > 1e-10 * singular.max().clamp_min(torch.finfo(torch.float64).tiny)]
        return cls(mean, colour @ left @ left.T @ whiten)

    def __call__(self, hidden_states: Tensor) -> Tensor:
        """Hidden states (…, dim) without the concept, in their own dtype."""
        centred = hidden_states.to(self.mean) - self.mean
        return (hidden_states.to(self.mean) - centred @ self.removal.T).to(hidden_states)


def rank_one_eraser(hidden_states: Tensor, labels: Tensor, share: float = 0.99) -> tuple[Tensor, Tensor]:
    """LEACE for one column of labels as an oblique projector: h - (``read`` · (h - E h)) ``write``.

    Parameters
    ----------
    hidden_states
        Shape (n, dim).
    labels
        Shape (n,): two classes or a number.
    share
        Share of the variance that the leading principal components must hold to be used. With as many dimensions as
        clips the last components separate any labels by chance, and whitening would blow them up.

    Returns
    -------
    write, read
        Vectors (dim,), float64, with ``read`` · ``write`` = 1.
    """
    states, target = hidden_states.to(torch.float64), labels.to(torch.float64)
    centred, target = states - states.mean(0), target - target.mean()
    left, singular, right = torch.linalg.svd(centred, full_matrices=False)
    energy = singular.square().cumsum(0) / singular.square().sum()
    count = int((energy < share).sum()) + 1 if share < 1 else int((singular > 1e-9 * singular[0]).sum())
    left, singular, right = left[:, :count], singular[:count], right[:count]
    along = left.T @ target  # direction of the whitened cross-covariance, in principal components
    along = along / along.norm().clamp_min(torch.finfo(torch.float64).tiny)
    return right.T @ (singular * along), right.T @ (along / singular)
