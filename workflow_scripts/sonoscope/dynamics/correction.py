"""Corrections of generated frames by a learned score, as the rollout engine applies them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from sonoscope.dynamics.rollout import Correction as Apply
from sonoscope.dynamics.score_model import Denoiser
from sonoscope.settings.bottlenecks import Correction

Method = Literal["tweedie", "langevin", "langevin_drift", "flow", "shrink"]
_LAST_LEVEL = 0.1


@dataclass(frozen=True)
class Setting:
    """One way to correct.

    Attributes
    ----------
    method
        ``tweedie``: z + scale·σ²·s, at scale 1 the mean of the clean frame. ``langevin``: dynamics with their noise,
        annealed over its steps. ``langevin_drift``: z + η·σ²·s repeatedly, without noise, as was published. ``flow``:
        the end of the probability flow, which is what a consistency model stands for; it keeps the spread that Tweedie
        gives up. ``shrink``: a control, towards the mean by ``scale``.
    sigma
        Noise that is assumed, in deviations of each coordinate.
    """

    method: Method
    sigma: float
    n_steps: int = 1
    step_size: float = 1.0
    scale: float = 1.0


def grid(settings: Correction) -> Iterator[Setting]:
    """All settings of the sweep."""
    for sigma in settings.sigma:
        for method in settings.methods:
            if method == "tweedie":
                yield from (Setting(method, sigma, scale=scale) for scale in settings.tweedie_scale)
            else:
                yield from (Setting(method, sigma, n, size) for n in settings.n_steps for size in settings.step_size)


def corrected(model: Denoiser, frames: Tensor, setting: Setting, generator: torch.Generator) -> Tensor:
    """Correct standardised frames [..., D]."""
    z, sigma = frames, setting.sigma
    if setting.method == "shrink":
        return z * (1 - setting.scale)
    if setting.method == "tweedie":
        return z + setting.scale * (model.denoise(z, sigma) - z)
    if setting.method == "flow":
        return flow_end(model, z, sigma, setting.n_steps)
    levels = [sigma] * setting.n_steps
    if setting.method == "langevin" and setting.n_steps > 1:
        levels = [sigma * _LAST_LEVEL ** (i / (setting.n_steps - 1)) for i in range(setting.n_steps)]
    for level in levels:
        z = z + setting.step_size * (model.denoise(z, level) - z)
        if setting.method == "langevin":
            noise = torch.randn(z.shape, generator=generator, dtype=z.dtype)
            z = z + level * math.sqrt(2 * setting.step_size) * noise
    return z


def flow_end(model: Denoiser, z: Tensor, sigma: float, steps: int) -> Tensor:
    """End of the probability-flow ODE dz/dσ = (z - D(z, σ)) / σ from ``sigma``, by Heun's method; [..., D].

    For a Gaussian of variance λ the end is z √(λ / (λ + σ²)), where Tweedie's estimate is z λ / (λ + σ²).
    """
    least = model.shape.sigma_min
    if sigma <= least:
        return model.denoise(z, sigma)
    levels = torch.linspace(math.log(sigma), math.log(least), steps + 1).exp().tolist()
    for now, then in pairwise(levels):
        slope = (z - model.denoise(z, now)) / now
        ahead = z + (then - now) * slope
        z = z + (then - now) * 0.5 * (slope + (ahead - model.denoise(ahead, then)) / then)
    return model.denoise(z, least)


def corrector(model: Denoiser, setting: Setting, seed: int) -> Apply:
    """The same as a step of `sonoscope.dynamics.rollout.Plan`, in the latents' units; lost frames stay lost."""
    generator = torch.Generator().manual_seed(seed)

    def apply(contexts: Tensor, frames: Tensor) -> Tensor:
        del contexts  # the score is unconditional
        lost = ~torch.isfinite(frames)
        standard = model.standardise(frames.masked_fill(lost, 0.0))
        found = model.restore(corrected(model, standard, setting, generator))
        return found.masked_fill(lost, torch.nan)

    return apply
