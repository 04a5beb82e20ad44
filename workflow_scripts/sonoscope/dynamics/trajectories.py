"""Experiment 3B: latents changed in direction or in magnitude, at equal error.

The published modes accumulate: scaling every step by α shrinks the whole path towards its first frame, with bounded
error, while random directions walk away without bound. That compares two errors of different size. The matched modes
change each frame about the true path, by the same error: directions turned, or lengths scaled.
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

_TINY = 1e-12


def published(x: Tensor, alphas: Sequence[float], generator: torch.Generator) -> dict[str, Tensor]:
    """The published modes of a path [T, D]: stationary, slowed, and with random directions."""
    steps = x.diff(dim=0)
    found = {"A_stationary": x[:1].expand_as(x).clone()}
    for alpha in alphas:
        found[f"B_slow_a{alpha:g}"] = torch.cat([x[:1], x[0] + alpha * steps.cumsum(0)])
    random = torch.nn.functional.normalize(torch.randn(steps.shape, generator=generator), dim=-1)
    found["C_wrong_dir"] = torch.cat([x[:1], x[0] + (random * steps.norm(dim=-1, keepdim=True)).cumsum(0)])
    return found


def rotated(steps: Tensor, angle: float, generator: torch.Generator) -> Tensor:
    """Each step [n, D] turned by ``angle`` (radians) towards a random direction; its length is kept."""
    length = steps.norm(dim=-1, keepdim=True)
    unit = steps / length.clamp(min=_TINY)
    across = torch.randn(steps.shape, generator=generator)
    across = torch.nn.functional.normalize(across - (across * unit).sum(-1, keepdim=True) * unit, dim=-1)
    turned: Tensor = length * (math.cos(angle) * unit + math.sin(angle) * across)
    return turned


def matched(x: Tensor, errors: Sequence[float], generator: torch.Generator) -> dict[str, Tensor]:
    """Modes with root-mean-square latent error e·RMS|Δ| in all of them; nothing accumulates.

    A step of length m turned by θ is wrong by 2 m sin(θ/2), one scaled by s by |s - 1| m: so θ = 2 asin(e/2), and
    s = 1 - e or 1 + e. ``noise`` has the same error in a random direction of space.
    """
    steps = x.diff(dim=0)
    found = {}
    for e in errors:
        made = {
            "direction": rotated(steps, 2 * math.asin(e / 2), generator),
            "shorter": (1 - e) * steps,
            "longer": (1 + e) * steps,
        }
        noise = torch.nn.functional.normalize(torch.randn(steps.shape, generator=generator), dim=-1)
        made["noise"] = steps + e * steps.norm(dim=-1, keepdim=True) * noise
        for name, own in made.items():
            found[f"{name}_e{e:g}"] = torch.cat([x[:1], x[:-1] + own])
    return found


def controls(x: Tensor, every: int = 2) -> dict[str, Tensor]:
    """Hold and interpolation: of every ``every`` frames one is kept, the others are held or drawn in between."""
    t = torch.arange(len(x))
    kept = t // every * every
    after = (kept + every).clamp(max=int(kept[-1]))
    share = ((t - kept) / every)[:, None] * (after > kept)[:, None]
    return {f"hold_{every}": x[kept], f"interpolate_{every}": x[kept] * (1 - share) + x[after] * share}


def all_modes(
    x: Tensor, alphas: Sequence[float], errors: Sequence[float], seed: int
) -> Iterator[tuple[str, str, Tensor]]:
    """Name, family and path of every mode, the true one first."""
    generator = torch.Generator().manual_seed(seed)
    yield "GT", "truth", x
    for family, made in (
        ("published", published(x, alphas, generator)),
        ("matched", matched(x, errors, generator)),
        ("control", controls(x)),
    ):
        for name, path in made.items():
            yield name, family, path


def latent_error(path: Tensor, x: Tensor) -> float:
    """Root-mean-square distance to the true path over the root-mean-square step; frame 0 is the same in all."""
    error = (path - x)[1:].square().sum(-1).mean().sqrt()
    return float(error / x.diff(dim=0).square().sum(-1).mean().sqrt().clamp(min=_TINY))
