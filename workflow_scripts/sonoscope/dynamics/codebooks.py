"""Codebooks: spherical k-means for directions, k-means for differences and states, and what they are held against."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_BLOCK = 8192
_TINY = 1e-12


def unit(rows: Tensor) -> Tensor:
    """Rows [n, D] at length 1."""
    return torch.nn.functional.normalize(rows.float(), dim=-1)


def nearest(rows: Tensor, centres: Tensor, spherical: bool) -> tuple[Tensor, Tensor]:
    """Number [n] of the nearest of ``centres`` [K, D], and its cosine or minus half its squared distance [n]."""
    codes, values = [], []
    offset = torch.zeros(len(centres)) if spherical else centres.square().sum(1) / 2
    for block in torch.split(rows, _BLOCK):
        best = (block @ centres.T - offset).max(1)
        codes.append(best.indices)
        values.append(best.values if spherical else best.values - block.square().sum(1) / 2)
    return torch.cat(codes), torch.cat(values)


def cluster(
    rows: Tensor, count: int, restarts: int, iterations: int, generator: torch.Generator, spherical: bool = True
) -> Tensor:
    """Centres [K, D] by k-means; the best of some starts.

    Spherical k-means (Dhillon & Modha 2001) puts its centres back onto the sphere in each round, not once at the end. A
    centre that nothing is nearest to is moved to the row that is worst served.

    Raises
    ------
    ValueError
        Fewer rows than centres.
    """
    if len(rows) < count:
        raise ValueError(f"expected at least {count} rows for as many codes, found {len(rows)}")
    rows = unit(rows) if spherical else rows.float()
    best: Tensor | None = None
    score = -math.inf
    for _ in range(restarts):
        centres = _spread_out(rows, count, generator, spherical)
        for _ in range(iterations):
            codes, values = nearest(rows, centres, spherical)
            sums = torch.zeros_like(centres).index_add_(0, codes, rows)
            sizes = torch.bincount(codes, minlength=count)
            updated = unit(sums) if spherical else sums / sizes.clamp(min=1)[:, None]
            empty = torch.nonzero(sizes == 0)[:, 0]
            if len(empty):
                updated[empty] = rows[values.argsort()[: len(empty)]]
            still = bool(torch.allclose(updated, centres, atol=1e-6))
            centres = updated
            if still:
                break
        reached = float(nearest(rows, centres, spherical)[1].double().mean())
        if reached > score:
            best, score = centres, reached
    assert best is not None
    return best


def _spread_out(rows: Tensor, count: int, generator: torch.Generator, spherical: bool) -> Tensor:
    """Starts drawn from the rows, each with a probability that grows with its distance to those before (k-means++)."""
    some = rows[torch.randperm(len(rows), generator=generator)[: max(count, min(len(rows), 20 * count))]]
    chosen = some[:1]
    far = _distances(some, chosen[0], spherical)
    for _ in range(count - 1):
        weights = far + _TINY
        pick = int(torch.multinomial(weights, 1, generator=generator))
        chosen = torch.cat([chosen, some[pick : pick + 1]])
        far = torch.minimum(far, _distances(some, some[pick], spherical))
    return chosen.clone()


def _distances(rows: Tensor, centre: Tensor, spherical: bool) -> Tensor:
    return (1 - rows @ centre).clamp(min=0) if spherical else (rows - centre).square().sum(1)


def angles(directions: Tensor, centres: Tensor) -> Tensor:
    """Angle in degrees between each direction [n, D] and its nearest centre [K, D]; [n]."""
    cosine = nearest(unit(directions), unit(centres), True)[1]
    return torch.rad2deg(torch.arccos(cosine.double().clamp(-1, 1)))


@dataclass(frozen=True)
class Usage:
    """How evenly codes are used."""

    perplexity: float
    """Exponential of the entropy, at most K."""
    entropy_ratio: float
    """Entropy over log K."""
    utilisation: float
    """Share of codes with at least 0.1 % of the rows (published); cannot be 1 beyond 1000 codes."""
    used: float
    """Share of codes that are used at all."""


def usage(codes: Tensor, count: int) -> Usage:
    """Of ``codes`` [n] among ``count``."""
    shares = torch.bincount(codes, minlength=count).double() / len(codes)
    entropy = -float(torch.special.xlogy(shares, shares).sum())
    return Usage(
        math.exp(entropy), entropy / math.log(count), float((shares >= 1e-3).double().mean()),
        float((shares > 0).double().mean()),
    )  # fmt: skip


def sign_codes(directions: Tensor, held_out: Tensor, count: int) -> Tensor:
    """Held-out angles, degrees, of a scalar quantiser of as many bits: signs along the directions' largest axes."""
    bits = int(math.log2(count))
    axes = torch.linalg.eigh(directions.double().T @ directions.double())[1][:, -bits:].float()
    weights = 2 ** torch.arange(bits)
    codes, others = (((d @ axes) > 0).long() @ weights for d in (directions, held_out))
    sums = torch.zeros(2**bits, directions.shape[1]).index_add_(0, codes, directions)
    return torch.rad2deg(torch.arccos((unit(sums)[others] * held_out).sum(1).double().clamp(-1, 1)))


Null = Callable[[torch.Generator], tuple[Tensor, Tensor]]
"""Differences [n, D] of a null for training, and for the held-out angle."""


def nulls(training: Tensor, held_out: Tensor, states: tuple[Tensor, Tensor]) -> dict[str, Null]:
    """What codebooks are held against: as many differences without what makes the real ones special.

    Parameters
    ----------
    training, held_out : Tensor [n, D]
        Real differences.
    states : tuple of Tensor [n, D]
        Real frames of training and of held-out speakers.

    Returns
    -------
    dict
        ``isotropic``: no direction is preferred. ``linear_gaussian``: the real covariance of differences, which is all
        that a linear Gaussian process has. ``mean_reverting``: differences of real frames paired at random, so that
        every step leads from one independent frame to another.
    """
    factor = torch.linalg.cholesky(_moment(training) + 1e-9 * torch.eye(training.shape[1], dtype=torch.float64)).float()
    sizes = len(training), len(held_out)

    def isotropic(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        a, b = (torch.randn(n, training.shape[1], generator=generator) for n in sizes)
        return a, b

    def gaussian(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        a, b = isotropic(generator)
        return a @ factor.T, b @ factor.T

    def reverting(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        a, b = (
            rows[torch.randint(len(rows), (n,), generator=generator)]
            - rows[torch.randint(len(rows), (n,), generator=generator)]
            for rows, n in zip(states, sizes, strict=True)
        )
        return a, b

    return {"isotropic": isotropic, "linear_gaussian": gaussian, "mean_reverting": reverting}


def _moment(rows: Tensor) -> Tensor:
    moment: Tensor = rows.double().T @ rows.double() / len(rows)
    return moment


def run_lengths(flags: NDArray[np.bool_]) -> list[int]:
    """Lengths of the runs of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return (edges[1::2] - edges[::2]).tolist()  # type: ignore[no-any-return]
