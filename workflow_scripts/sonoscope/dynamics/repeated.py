"""One clean frame seen again and again through noise: prediction is exact Gaussian denoising."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sonoscope.dynamics.denoising import GaussianDenoising, decaying_spectrum
from sonoscope.dynamics.linear import gaussian_log_prob
from sonoscope.dynamics.processes import Optimum

_LOG_2PI_E = math.log(2 * math.pi) + 1


@dataclass(frozen=True)
class RepeatedFrame:
    """x_t = c + σ n_t, where c ~ N(m, C) is drawn once per sequence.

    Of W frames only the mean tells of c, and it is c seen through noise of σ/√W: what to expect next is Tweedie's
    estimate of c from it. From horizon 2 on the difference holds noise alone, and nothing can be known of it.

    Parameters
    ----------
    clean : GaussianDenoising
        Law of c.
    noise : float
        σ.
    window : int
        Frames of context that `optimum` speaks of; `log_prob` and `predict` take as many as they are given.
    """

    clean: GaussianDenoising
    noise: float
    window: int = 8
    name: str = "denoising"

    @property
    def dim(self) -> int:
        """Dimensions of a frame."""
        return self.clean.dim

    @property
    def memory(self) -> int:
        """All frames of the window tell something."""
        return self.window

    def sample(self, sequences: int, frames: int, generator: torch.Generator) -> Tensor:
        """Draw sequences [N, T, D]."""
        clean = self.clean.sample(sequences, 0.0, generator)[0]
        noise = torch.randn(sequences, frames, self.dim, generator=generator, dtype=torch.float64)
        return clean[:, None] + self.noise * noise

    def optimum(self, horizon: int) -> Optimum:
        """Exact."""
        total = 2 * self.noise**2 * self._eye
        conditional = self._conditional(self.window) if horizon == 1 else total
        unseen = self._conditional(self.window)
        marginal = self.clean.covariance + self.noise**2 * self._eye
        return Optimum(
            horizon,
            nll=0.5 * (self.dim * _LOG_2PI_E + float(torch.logdet(conditional))),
            unconditional_nll=0.5 * (self.dim * _LOG_2PI_E + float(torch.logdet(total))),
            delta_r2=float(1 - conditional.trace() / total.trace()),
            state_r2=float(1 - unseen.trace() / marginal.trace()),
        )

    def log_prob(self, contexts: Tensor, deltas: Tensor, horizon: int) -> Tensor:
        """Exact log-density of ``deltas`` [n, D]; [n]."""
        spread = self._conditional(contexts.shape[1]) if horizon == 1 else 2 * self.noise**2 * self._eye
        return gaussian_log_prob(deltas - self.predict(contexts, horizon), spread)

    def predict(self, contexts: Tensor, horizon: int) -> Tensor:
        """Conditional mean of Δ; [n, D]."""
        if horizon > 1:
            return torch.zeros(len(contexts), self.dim, dtype=torch.float64)
        frames = contexts.to(torch.float64)
        return self.clean.denoise(frames.mean(1), self.noise / math.sqrt(frames.shape[1])) - frames[:, -1]

    @property
    def _eye(self) -> Tensor:
        return torch.eye(self.dim, dtype=torch.float64)

    def _conditional(self, window: int) -> Tensor:
        """Covariance of x_t given ``window`` frames of its sequence: what is left of c, and fresh noise."""
        covariance, noise = self.clean.covariance, self.noise**2
        left: Tensor = covariance - covariance @ torch.linalg.solve(covariance + noise / window * self._eye, covariance)
        return left + noise * self._eye


def repeated_frame(dim: int, generator: torch.Generator, window: int = 8) -> RepeatedFrame:
    """Variances that fall from 1 as 1/rank, seen through noise of deviation 1/2."""
    return RepeatedFrame(decaying_spectrum(dim, generator), 0.5, window)
