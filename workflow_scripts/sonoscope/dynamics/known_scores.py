"""Laws whose best denoiser is known: what learned scores and corrections are held against."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from sonoscope.dynamics.correction import Setting, corrected
from sonoscope.dynamics.denoising import GaussianDenoising, decaying_spectrum
from sonoscope.dynamics.score_model import Denoiser, ScoreShape, train_score
from sonoscope.settings.bottlenecks import Correction

_TEST_FRAMES = 4000
_MODES = 3


@dataclass(frozen=True)
class Mixture:
    """Σ_k w_k N(m_k, C_k): one part is a Gaussian, several have a best denoiser that is not linear."""

    weights: Tensor
    """[K]"""
    parts: tuple[GaussianDenoising, ...]
    name: str

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Clean frames [n, D]."""
        which = torch.multinomial(self.weights, count, replacement=True, generator=generator)
        drawn = torch.stack([part.sample(count, 0.0, generator)[0] for part in self.parts])
        return drawn[which, torch.arange(count)]

    def best(self, noisy: Tensor, sigma: float, center: Tensor, spread: Tensor) -> Tensor:
        """E[x | y], [n, D], where x and y are standardised by ``center`` and ``spread`` and σ is in those units.

        By Bayes over the parts; of one part it is the exact shrinkage of a Gaussian.
        """
        parts = [
            GaussianDenoising((p.mean - center) / spread, p.covariance / (spread[:, None] * spread)) for p in self.parts
        ]
        logs = torch.stack([p.log_prob(noisy, sigma) for p in parts], 1) + self.weights.log()
        shares = logs.softmax(1)
        return torch.stack([p.denoise(noisy, sigma) for p in parts], 1).mul(shares[..., None]).sum(1)


def known_laws(dim: int, seed: int) -> tuple[Mixture, ...]:
    """A Gaussian with a decaying spectrum, and a mixture of such whose best denoiser is not linear."""
    generator = torch.Generator().manual_seed(seed)
    one = decaying_spectrum(dim, generator)
    modes = []
    for _ in range(_MODES):
        part = decaying_spectrum(dim, generator)
        modes.append(GaussianDenoising(3 * part.mean / part.mean.norm(), 0.2 * part.covariance))
    equal = torch.full((_MODES,), 1 / _MODES, dtype=torch.float64)
    return (
        Mixture(torch.ones(1, dtype=torch.float64), (one,), "gaussian"),
        Mixture(equal, tuple(modes), "mixture"),
    )


def judge_known(settings: Correction, seed: int) -> pd.DataFrame:
    """What a trained score reaches on known laws: rows of ``known_answers.csv``.

    ``gap`` is the excess of the mean squared error over that of the best denoiser on the same frames, as a share of it;
    ``tweedie`` is denoising in one step, ``langevin_drift`` the published correction at step sizes that add up to one.
    """
    rows = []
    for law in known_laws(settings.known_dim, seed):
        generator = torch.Generator().manual_seed(seed)
        clean = law.draw(settings.known_frames, generator)
        cut = len(clean) * 4 // 5
        shape = ScoreShape(
            settings.known_dim, min(settings.hidden, 128), settings.layers,
            min(settings.sigma_min, *settings.known_sigmas), max(settings.sigma_max, *settings.known_sigmas),
        )  # fmt: skip
        model = train_score(
            clean[:cut].float(), clean[cut:].float(), shape, settings.known_max_steps, settings.batch, settings.lr, seed
        )
        rows += [{"law": law.name, **row} for row in _judge(law, model, settings.known_sigmas, generator)]
    return pd.DataFrame(rows)


def _judge(
    law: Mixture, model: Denoiser, sigmas: Sequence[float], generator: torch.Generator
) -> list[dict[str, float | str | None]]:
    center, spread = model.center.double(), model.spread.double()
    rows: list[dict[str, float | str | None]] = []
    for sigma in sigmas:
        clean = (law.draw(_TEST_FRAMES, generator) - center) / spread
        noisy = clean + sigma * torch.randn(clean.shape, generator=generator, dtype=torch.float64)
        best = law.best(noisy, sigma, center, spread)
        least = float((best - clean).square().mean())
        gaussian = model.gaussian(noisy.float(), torch.tensor(sigma)).double()
        for name, setting in (
            ("tweedie", Setting("tweedie", sigma)),
            ("langevin_drift", Setting("langevin_drift", sigma, 1, 1.0)),
        ):
            found = corrected(model, noisy.float(), setting, generator).double()
            error = float((found - clean).square().mean())
            rows.append(
                {
                    "correction": name, "sigma": sigma, "error": error, "least_error": least,
                    "gap": error / least - 1, "uncorrected": float((noisy - clean).square().mean()),
                    "gaussian_gap": float((gaussian - clean).square().mean()) / least - 1,
                    "distance_to_best": math.sqrt(float((found - best).square().mean()) / least),
                }
            )  # fmt: skip
    return rows
