"""How good a sparse autoencoder is: on held-out clips, against planted truth, across seeds, inside the model."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonoscope.interpretability.sae import SparseAutoencoder


class Fit(NamedTuple):
    """Reconstruction and sparsity on inputs that were not trained on."""

    fvu: float
    """Fraction of variance unexplained: errors² / deviations from the mean²."""
    l0: float
    """Mean number of active features."""
    dead: float
    """Share of features that are never active."""
    dense: float
    """Share of features that are active on more than a tenth of the inputs."""


@torch.no_grad()
def fit_of(sae: SparseAutoencoder, inputs: Tensor, batch: int = 4096) -> Fit:
    """`Fit` on inputs ``[n, D]``."""
    sae.eval()
    error, active, ever = 0.0, 0.0, torch.zeros(len(sae.W_dec))
    for first in range(0, len(inputs), batch):
        part = inputs[first : first + batch]
        z = sae.encode(part)
        error += float((part - sae.decode(z)).double().square().sum())
        active += float((z > 0).sum())
        ever += (z > 0).sum(0)
    total = float((inputs - inputs.mean(0)).double().square().sum())
    rate = ever / len(inputs)
    return Fit(
        error / total, active / len(inputs), float((rate == 0).float().mean()), float((rate > 0.1).float().mean())
    )


@torch.no_grad()
def errors_by_clip(
    sae: SparseAutoencoder, inputs: Tensor, clips: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of errors² and of deviations² from the mean of all, by clip, of inputs ``[clips * frames, D]``."""
    sae.eval()
    errors = torch.cat([(part - sae(part)).double().square().sum(1) for part in torch.split(inputs, 4096)])
    totals = (inputs - inputs.mean(0)).double().square().sum(1)
    return errors.view(clips, -1).sum(1).numpy(), totals.view(clips, -1).sum(1).numpy()


def mmcs(found: Tensor, wanted: Tensor) -> float:
    """Mean over rows of ``wanted`` ``[m, D]`` of the largest cosine with a row of ``found`` ``[n, D]``."""
    a, b = (nn.functional.normalize(v.detach(), dim=1) for v in (found, wanted))
    return float((b @ a.t()).max(1).values.mean())


def matched_share(first: Tensor, second: Tensor, cosine: float = 0.7) -> float:
    """Share of features with a partner above ``cosine`` in a one-to-one matching of two dictionaries."""
    from scipy.optimize import linear_sum_assignment

    a, b = (nn.functional.normalize(v.detach(), dim=1) for v in (first, second))
    likeness = (a @ b.t()).numpy()
    rows, columns = linear_sum_assignment(-likeness)
    return float((likeness[rows, columns] > cosine).mean())


def selectivity_null(
    rates: NDArray[np.float64], labels: Sequence[str], generator: np.random.Generator, bar: float = 2.0,
    permutations: int = 200,
) -> tuple[int, float]:  # fmt: skip
    """Features whose activation rate in some class exceeds ``bar`` times their mean, and how many do by chance.

    Parameters
    ----------
    rates
        Activation rate of every feature in every clip, ``(clips, features)``.
    labels
        Class of each clip; permuted by clip for the null.
    """
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]

    def count(order: NDArray[np.int64]) -> int:
        one_hot = np.eye(codes.max() + 1)[order]
        by_class = one_hot.T @ rates / one_hot.sum(0)[:, None]
        return int((by_class.max(0) > bar * np.maximum(rates.mean(0), 1e-12)).sum())

    return count(codes), float(np.mean([count(generator.permutation(codes)) for _ in range(permutations)]))


@contextmanager
def spliced(block: nn.Module, replacement: "nn.Module | Tensor | None") -> Iterator[None]:
    """Pass a block's output through ``replacement`` (a module), or put a constant in its place; None changes nothing.

    Position 0, which has read nothing, is left as it is.
    """

    def splice(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor | tuple[Tensor, ...]) -> object:
        hidden = output[0] if isinstance(output, tuple) else output
        if isinstance(replacement, Tensor):
            new = replacement.to(hidden).expand_as(hidden)
        else:
            new = hidden if replacement is None else replacement(hidden).to(hidden)
        new = torch.cat([hidden[:, :1], new[:, 1:]], dim=1)
        return (new, *output[1:]) if isinstance(output, tuple) else new

    handle = block.register_forward_hook(splice)
    try:
        yield
    finally:
        handle.remove()


class Recovered(NamedTuple):
    """Cross-entropies in nats per token, and the share that the autoencoder recovers."""

    clean: float
    spliced: float
    zero: float
    mean: float

    @property
    def share(self) -> float:
        """1 for a perfect splice, 0 for one that is no better than zeros."""
        return (self.zero - self.spliced) / max(self.zero - self.clean, 1e-9)

    @property
    def share_of_mean(self) -> float:
        """The same against the mean state, the harder ablation."""
        return (self.mean - self.spliced) / max(self.mean - self.clean, 1e-9)
