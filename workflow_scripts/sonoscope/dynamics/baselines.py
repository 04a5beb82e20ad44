"""The closed-form predictors that every model stands beside, by name, and their form for rollouts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from sonoscope.dynamics.likelihoods import (
    DiagonalAutoregression,
    GaussianPredictor,
    MeanReversion,
    Persistence,
    Predictor,
    RidgeAutoregression,
    UniformLogNormal,
)
from sonoscope.dynamics.likelihoods_robust import ScaleOnly, SpeakerMeanReversion, StudentT
from sonoscope.dynamics.linear import gaussian_log_prob
from sonoscope.dynamics.mixture import UnconditionalMixture
from sonoscope.dynamics.store import Part

_MOST_VALUES = 100_000_000
"""Numbers in the contexts of a closed-form fit; beyond, rows are taken evenly."""
_STRONGER = (10.0, 100.0, 1000.0)
_VALIDATION_ROWS = 2048

UNCONDITIONAL = ("gaussian_diagonal", "gaussian_full", "student_t", "mixture", "uniform_lognormal")
"""Those that see no context."""


def baselines(ridge: float, components: int, seed: int) -> dict[str, Predictor]:
    """Unfitted predictors by their name in results."""
    generator = torch.Generator().manual_seed(seed)
    return {
        "persistence": Persistence(),
        "mean_reversion": MeanReversion(),
        "ar1": DiagonalAutoregression(),
        "ridge_var": RidgeAutoregression(ridge=ridge),
        "speaker_mean": SpeakerMeanReversion(),
        "scale_only": ScaleOnly(),
        "gaussian_diagonal": GaussianPredictor("diagonal"),
        "gaussian_full": GaussianPredictor("full"),
        "student_t": StudentT(),
        "mixture": UnconditionalMixture(generator, components),
        "uniform_lognormal": UniformLogNormal(),
    }


def training_rows(part: Part) -> Tensor:
    """Rows of the training frames, thinned evenly where a closed form could not hold them all."""
    rows = part.rows("train")
    most = max(1000, _MOST_VALUES // (part.window * part.dim))
    return rows if len(rows) <= most else rows[torch.linspace(0, len(rows) - 1, most).long()]


def validation_rows(part: Part) -> Tensor:
    """Rows of validation frames that choose penalties, evenly over all."""
    rows = part.rows("validation")
    return rows[torch.linspace(0, len(rows) - 1, min(len(rows), _VALIDATION_ROWS)).long()]


def fit_baselines(part: Part, horizon: int, ridge: float, components: int, seed: int) -> dict[str, Predictor]:
    """All of `baselines`, fitted on the training frames of one horizon.

    The penalty of the linear prediction is chosen on validation speakers, from ``ridge`` up: at a long horizon little
    can be predicted, and a weak penalty would make it worse than nothing.
    """
    rows = training_rows(part)
    contexts, deltas = part.contexts(rows, horizon), part.deltas(rows)
    fitted = {name: p.fit(contexts, deltas) for name, p in baselines(ridge, components, seed).items()}
    held_out = validation_rows(part)
    stronger = [RidgeAutoregression(ridge=ridge * factor).fit(contexts, deltas) for factor in _STRONGER]
    seen = part.contexts(held_out, horizon), part.deltas(held_out)
    fitted["ridge_var"] = max([fitted["ridge_var"], *stronger], key=lambda p: float(p.log_prob(*seen).mean()))
    return fitted


def whitening(fitted: Mapping[str, Predictor], part: Part, coordinates: str, share: float = 1.0) -> Tensor:
    """The map [D, D] into the space in which a model's directions are directions, float64.

    ``whitened`` makes what a linear prediction leaves isotropic: only then do the rotationally symmetric laws of a
    direction × magnitude model fit latents whose coordinates differ in size. ``fitted`` goes a ``share`` of the way
    there from equal scales, along the principal axes of what is left; 0 changes no angle, 1 is whitened.
    """
    covariance: Tensor = getattr(fitted["ridge_var"], "covariance_")  # noqa: B009 (a Gaussian predictor's)
    if coordinates == "raw":  # one scale for all: it changes no angle, and models begin at the right concentration
        return torch.eye(part.dim, dtype=torch.float64) * covariance.diagonal().mean().rsqrt()
    if coordinates == "standardised":
        return torch.diag(covariance.diagonal().rsqrt())
    if coordinates == "fitted":
        values, axes = torch.linalg.eigh(covariance)
        logs = values.clamp(min=1e-12 * float(values[-1])).log()
        scaled: Tensor = torch.exp(-0.5 * (share * logs + (1 - share) * logs.mean()))[:, None] * axes.T
        return scaled
    eye = torch.eye(part.dim, dtype=torch.float64)
    white: Tensor = torch.linalg.solve_triangular(torch.linalg.cholesky(covariance), eye, upper=False)
    return white


@dataclass(frozen=True)
class GaussianStep:
    """N(mean, C) for each row, as `StepDistribution`."""

    expected: Tensor
    """[E, n, D], float64."""
    covariance: Tensor
    """[D, D], float64."""

    def log_prob(self, deltas: Tensor) -> Tensor:
        """Log-density, nats per frame, [E, n]."""
        left = (deltas.double() - self.expected).flatten(0, 1)
        return gaussian_log_prob(left, self.covariance).reshape(self.expected.shape[:2])

    def mean(self) -> Tensor:
        """Expected difference, [E, n, D]."""
        return self.expected

    def median(self) -> Tensor:
        """The same."""
        return self.expected

    def sample(self, generator: torch.Generator) -> Tensor:
        """Draw one difference per row, [E, n, D]."""
        noise = torch.randn(self.expected.shape, generator=generator, dtype=torch.float64)
        drawn: Tensor = self.expected + noise @ torch.linalg.cholesky(self.covariance).T
        return drawn


@dataclass(frozen=True)
class GaussianModel:
    """A fitted Gaussian predictor as a model of steps: persistence and mean reversion go through the same rollouts."""

    predictor: GaussianPredictor

    def step(self, contexts: Tensor) -> GaussianStep:
        """Density of the next difference for contexts [E, n, W, D]."""
        flat = contexts.double().flatten(0, 1)
        return GaussianStep(self.predictor.predict(flat).reshape(*contexts.shape[:2], -1), self.predictor.covariance_)


def log_scale(dim: int, scale: float) -> float:
    """What the NLL of frames gains when they are multiplied by ``scale``, in nats."""
    return dim * math.log(scale)
