"""Processes whose best possible prediction is known: what measures and models must get right before speech is believed.

All predict the difference Δ_t = x_t - x_{t-1} from frames up to t-k, where k is the horizon. `Optimum` states what no
predictor can beat; `Process.log_prob` is the density that reaches it, so that the statement itself can be tested.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Optimum:
    """The best that can be done at one horizon."""

    horizon: int
    """k: the context ends k frames before the target."""
    nll: float
    """Nats per frame of Δ, on the latents' own scale."""
    unconditional_nll: float
    """The same without context, under the exact marginal law of Δ."""
    delta_r2: float
    """Share of the variance of Δ that its conditional mean explains."""
    cosine: float | None = None
    """Expected cosine between the conditional mean and Δ; None where it has no closed form."""
    state_r2: float | None = None
    """Share of the variance of x_t that its prediction from frames up to t-k explains; None without a stationary x."""
    top1: float | None = None
    """Accuracy of the best guess of the hidden state at t; None without hidden states."""


class Process(Protocol):
    """A law of latent sequences."""

    @property
    def name(self) -> str:
        """Short name, for scorecards."""
        ...

    @property
    def dim(self) -> int:
        """Dimensions of a frame."""
        ...

    @property
    def memory(self) -> int:
        """Frames of context that hold all there is to know; more do not help."""
        ...

    def sample(self, sequences: int, frames: int, generator: torch.Generator) -> Tensor:
        """Draw sequences [N, T, D], float64."""
        ...

    def optimum(self, horizon: int) -> Optimum:
        """State what no predictor can beat."""
        ...

    def log_prob(self, contexts: Tensor, deltas: Tensor, horizon: int) -> Tensor:
        """Exact log-density of ``deltas`` [n, D] given ``contexts`` [n, W, D] that end k frames earlier; [n]."""
        ...

    def predict(self, contexts: Tensor, horizon: int) -> Tensor:
        """Conditional mean of Δ given ``contexts`` [n, W, D]; [n, D]."""
        ...
