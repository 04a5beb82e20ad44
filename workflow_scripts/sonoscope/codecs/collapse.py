"""Has a latent space collapsed? Measures to watch while a VAE trains, and before its latents are believed."""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

ACTIVE = 0.01
"""Variance of the posterior mean above which a dimension counts as active (Burda et al. 2016)."""


@dataclass(frozen=True)
class Collapse:
    """How much a latent space carries."""

    kl_per_frame: float | None
    """Divergence of the posterior from the prior, nats per frame, summed over dimensions; None without a posterior."""
    active_units: int
    """Dimensions whose posterior mean varies by more than `ACTIVE`."""
    effective_rank: float
    """Exponential of the entropy of the covariance's spectrum (Roy & Vetterli 2007), between 1 and D."""
    lag1: float
    """Correlation of a latent with the next, mean over dimensions weighted by variance."""
    dim: int

    def as_dict(self) -> dict[str, float]:
        """Numbers that are there, for logs."""
        return {k: float(v) for k, v in asdict(self).items() if v is not None}


def kl_per_dimension(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) ‖ N(0, 1)) elementwise, in nats."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def examine(mean: Tensor, log_variance: Tensor | None = None) -> Collapse:
    """Measure latents [B, T, D], and their posterior's log-variance where there is one.

    Raises
    ------
    ValueError
        The latents do not vary at all: nothing can be learned from them.
    """
    rows = mean.detach().double().flatten(0, 1)
    centred = rows - rows.mean(0)
    spectrum = torch.linalg.svdvals(centred).square() / len(rows)
    if not float(spectrum.sum()) > 1e-20:
        raise ValueError(f"latents of shape {tuple(mean.shape)} do not vary: the encoder has collapsed to a constant")
    shares = spectrum / spectrum.sum()
    steps = mean.detach().double() - rows.mean(0)
    lag1 = (steps[:, 1:] * steps[:, :-1]).sum() / (steps[:, 1:].norm() * steps[:, :-1].norm()).clamp(min=1e-30)
    kl = None if log_variance is None else float(kl_per_dimension(mean, log_variance).sum(-1).mean())
    return Collapse(
        kl,
        int((centred.square().mean(0) > ACTIVE).sum()),
        float(torch.exp(-torch.special.xlogy(shares, shares).sum())),
        float(lag1),
        mean.shape[-1],
    )
