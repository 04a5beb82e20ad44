"""Feature absorption on planted data: a child's feature that swallows its parent's (Chanin et al. 2024).

Some planted features are parents: whenever a child is active, its parent is too. A sparse autoencoder saves one active
feature by letting the child's stand for both, and the parent's feature falls silent where the child speaks. How often
it does is measured where parents and children are known.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sonoscope.interpretability.sae import Kind, Recipe, SparseAutoencoder, train_sae


class Planted(NamedTuple):
    """Inputs whose features are known."""

    inputs: Tensor
    """``[n, D]``."""
    active: Tensor
    """Which planted features are active, ``[n, m]`` of bool; the first ``parents`` are parents."""
    directions: Tensor
    """``[m, D]``, unit rows."""
    parents: int
    children: int
    """Per parent; child c of parent p is feature ``parents + p * children + c``."""


def planted_families(
    count: int, generator: torch.Generator, dim: int = 48, parents: int = 6, children: int = 3, others: int = 24
) -> Planted:
    """Sums of planted features in which no child is active without its parent.

    A parent is active in a quarter of the inputs; of these, a child each in a fifth; the others in a tenth of all.
    """
    m = parents * (1 + children) + others
    directions = nn.functional.normalize(torch.randn(m, dim, generator=generator), dim=1)
    parent = torch.rand(count, parents, generator=generator) < 0.25
    child = (torch.rand(count, parents, children, generator=generator) < 0.2) & parent[..., None]
    rest = torch.rand(count, others, generator=generator) < 0.1
    active = torch.cat([parent, child.flatten(1), rest], 1)
    strength = torch.rand(count, m, generator=generator) + 0.5
    noise = 0.02 * torch.randn(count, dim, generator=generator)
    return Planted((active * strength) @ directions + noise, active, directions, parents, children)


@torch.no_grad()
def absorption(sae: SparseAutoencoder, data: Planted, cosine: float = 0.5, silent: float = 0.05) -> float:
    """Share of a child's occurrences in which the parent's own feature is silent, over parents that have one.

    The parent's feature is that whose decoder row is nearest to the planted direction, if its cosine exceeds
    ``cosine``; a parent without one is left out, unless none has one, which gives 1. The same feature's silence where
    the parent is active without any child is subtracted: a feature that misses its parent everywhere absorbs nothing.

    Parameters
    ----------
    silent
        An activation below this share of the feature's mean active value counts as silent.
    """
    z = sae.eval().encode(data.inputs)
    likeness = nn.functional.normalize(sae.W_dec, dim=1) @ data.directions[: data.parents].t()
    best = likeness.max(0)
    shares: list[float] = []
    for parent in range(data.parents):
        if float(best.values[parent]) < cosine:
            continue
        own = z[:, int(best.indices[parent])]
        first = data.parents + parent * data.children
        with_child = data.active[:, first : first + data.children].any(1)
        alone = data.active[:, parent] & ~with_child
        level = silent * own[own > 0].mean() if bool((own > 0).any()) else torch.zeros(())
        missing = own <= level
        shares.append(max(0.0, float(missing[with_child].float().mean() - missing[alone].float().mean())))
    return sum(shares) / len(shares) if shares else 1.0


def planted_absorption(kind: Kind, seed: int = 0, steps: int = 400, k: int = 8) -> float:
    """`absorption` of a small autoencoder of one kind, trained on planted families."""
    generator = torch.Generator().manual_seed(seed)
    data = planted_families(20_000, generator)
    sae = SparseAutoencoder(data.inputs.shape[1], 96, k, kind, generator)
    sae.start_from(data.inputs[:5000])

    def batches() -> Iterator[Tensor]:
        for _ in range(steps):
            yield data.inputs[torch.randint(len(data.inputs), (256,), generator=generator)]

    train_sae(sae, batches(), Recipe(steps, dead_after=5000))
    held_out = planted_families(4000, torch.Generator().manual_seed(seed))  # the first draws are the directions
    return absorption(sae, held_out._replace(directions=data.directions))
