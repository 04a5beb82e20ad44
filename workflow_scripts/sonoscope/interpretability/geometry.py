"""Shapes of representations: similarity of spaces, of dissimilarities, of clusters, and of the circumplex.

Everything is measured in the original space with a permutation null; pictures in two dimensions measure nothing.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import procrustes
from scipy.spatial.distance import pdist, squareform
from scipy.stats import rankdata

Floats = NDArray[np.float64]


class Tested(NamedTuple):
    """A statistic beside its null."""

    value: float
    null: float
    """Mean under permutation."""
    p_value: float
    """(b + 1) / (m + 1), one-sided: as large or larger."""


def _tested(value: float, null: Floats) -> Tested:
    return Tested(value, float(null.mean()), float(((null >= value - 1e-12).sum() + 1) / (len(null) + 1)))


def linear_cka(first: ArrayLike, second: ArrayLike, debiased: bool = True) -> float:
    """Centred kernel alignment of two representations ``(n, dims)`` of the same items (Kornblith et al. 2019).

    The biased form is close to 1 for independent noise of more dimensions than items; the debiased one (Song et al.
    2012) is 0 there in expectation, and needs at least 4 items.
    """
    a, b = (np.asarray(v, dtype=np.float64) for v in (first, second))
    a, b = a - a.mean(0), b - b.mean(0)
    k, m = a @ a.T, b @ b.T
    hsic = _unbiased if debiased else _biased
    scale = hsic(k, k) * hsic(m, m)
    return float(hsic(k, m) / scale**0.5) if scale > 0 else 0.0


def _biased(k: Floats, m: Floats) -> float:
    return float((k * m).sum())


def _unbiased(k: Floats, m: Floats) -> float:
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    middle = k.sum() * m.sum() / ((n - 1) * (n - 2))
    return float(((k * m).sum() + middle - 2 * (k.sum(0) @ m.sum(0)) / (n - 2)) / (n * (n - 3)))


def class_means(states: ArrayLike, labels: ArrayLike) -> tuple[Floats, list[str]]:
    """Mean state of each class ``(classes, dim)``, and their names, sorted."""
    x, y = np.asarray(states, dtype=np.float64), np.asarray(labels)
    names = sorted(set(y.tolist()))
    return np.stack([x[y == name].mean(0) for name in names]), names


def rsa(states: ArrayLike, model: ArrayLike, generator: np.random.Generator, permutations: int = 1000) -> Tested:
    """Spearman correlation of dissimilarities (1 - Pearson) of conditions ``(k, dim)`` with a model's ``(k, m)``.

    The null permutes conditions (Mantel 1967): entries of a dissimilarity matrix are not independent.
    """
    x = np.asarray(states, dtype=np.float64)
    seen = squareform(rankdata(pdist(x - x.mean(0), "correlation")))
    wanted = rankdata(pdist(np.asarray(model, dtype=np.float64)))
    upper = np.triu_indices(len(seen), 1)

    def agreement(order: NDArray[np.int64]) -> float:
        return float(np.corrcoef(seen[np.ix_(order, order)][upper], wanted)[0, 1])

    null = [agreement(generator.permutation(len(seen))) for _ in range(permutations)]
    return _tested(agreement(np.arange(len(seen))), np.array(null))


def silhouette(distances: Floats, labels: ArrayLike) -> float:
    """Mean silhouette (Rousseeuw 1987) of labels on a matrix of distances ``(n, n)``."""
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    one_hot = np.eye(codes.max() + 1)[codes]
    counts = one_hot.sum(0)
    sums = distances @ one_hot
    own = sums[np.arange(len(codes)), codes] / np.maximum(counts[codes] - 1, 1)
    others = np.where(one_hot > 0, np.inf, sums / counts)
    nearest = others.min(1)
    scores = np.where(counts[codes] > 1, (nearest - own) / np.maximum(np.maximum(nearest, own), 1e-24), 0.0)
    return float(scores.mean())


def silhouette_test(
    states: ArrayLike, labels: ArrayLike, generator: np.random.Generator, permutations: int = 500
) -> Tested:
    """`silhouette` by cosine distance about the common mean in the original space, against permuted labels."""
    x = np.asarray(states, dtype=np.float64)
    distances = squareform(pdist(x - x.mean(0), "cosine"))
    y = np.asarray(labels)
    null = [silhouette(distances, generator.permutation(y)) for _ in range(permutations)]
    return _tested(silhouette(distances, y), np.array(null))


def circumplex(
    states: ArrayLike, labels: ArrayLike, places: dict[str, tuple[float, float]], generator: np.random.Generator,
    permutations: int = 1000,
) -> Tested:  # fmt: skip
    """How well class means, seen in their own plane of most variance, form the plane of valence and arousal.

    1 - Procrustes disparity: 1 if translation, scale and rotation map the means onto ``places``. The null permutes
    which class stands where.
    """
    means, names = class_means(states, labels)
    centred = means - means.mean(0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    plane = left[:, :2] * values[:2]
    wanted = np.array([places[name] for name in names], dtype=np.float64)

    def fit(order: NDArray[np.int64]) -> float:
        return 1.0 - float(procrustes(wanted[order], plane)[2])

    null = [fit(generator.permutation(len(names))) for _ in range(permutations)]
    return _tested(fit(np.arange(len(names))), np.array(null))


def participation_ratio(states: ArrayLike) -> float:
    """Effective number of dimensions: (sum of eigenvalues)² / sum of their squares."""
    x = np.asarray(states, dtype=np.float64)
    values = np.linalg.svd(x - x.mean(0), compute_uv=False) ** 2
    return float(values.sum() ** 2 / np.maximum((values**2).sum(), 1e-24))
