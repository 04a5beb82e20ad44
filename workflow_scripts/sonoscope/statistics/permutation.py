"""Permutation tests of two samples, one feature or many. p = (b + 1) / (m + 1), so that p is never 0."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sonoscope.statistics.arrays import Floats, binary, group_codes
from sonoscope.statistics.errors import StatisticsError


@dataclass(frozen=True)
class PermutationResult:
    """Observed statistic and p-value per feature; ``adjusted`` is family-wise (max-T) over the features."""

    statistic: Floats
    p_value: Floats
    adjusted: Floats
    permutations: int


def permuted_labels(labels: ArrayLike, groups: ArrayLike | None, generator: np.random.Generator) -> NDArray[np.generic]:
    """Labels shuffled so that what is exchangeable under the null is what moves.

    If the label is constant in every group (a song has one emotion), whole groups exchange labels; otherwise (clips of
    one render hold several notes) labels are shuffled within each group. Without groups, rows exchange labels.
    """
    values = np.asarray(labels)
    codes = group_codes(groups, values.size)
    first = np.unique(codes, return_index=True)[1]
    if bool((values == values[first][codes]).all()):
        shuffled: NDArray[np.generic] = generator.permutation(values[first])[codes]
        return shuffled
    keys = generator.random(values.size)
    result = np.empty_like(values)
    result[np.lexsort((np.arange(values.size), codes))] = values[np.lexsort((keys, codes))]
    return result


def _differences(features: Floats, labels: Floats) -> Floats:
    """Absolute Welch t of each feature, shape (permutations, features), for label rows of 0 and 1."""
    ones = labels.sum(1, keepdims=True)
    zeros = labels.shape[1] - ones
    squares = features**2
    mean1, mean0 = labels @ features / ones, (1 - labels) @ features / zeros
    var1 = (labels @ squares / ones - mean1**2) * ones / np.maximum(ones - 1, 1)
    var0 = ((1 - labels) @ squares / zeros - mean0**2) * zeros / np.maximum(zeros - 1, 1)
    error = np.sqrt(np.maximum(var1 / ones + var0 / zeros, 1e-24))
    return np.asarray(np.abs(mean1 - mean0) / error, dtype=np.float64)


def max_t_test(
    features: ArrayLike,
    labels: ArrayLike,
    generator: np.random.Generator,
    groups: ArrayLike | None = None,
    permutations: int = 2000,
) -> PermutationResult:
    """Two-sided test of a mean difference per feature, adjusted over features by the maximum (Westfall and Young 1993).

    Parameters
    ----------
    features
        Shape (n, features), such as one score per layer.
    labels
        0 or 1 per row.
    groups
        What is exchangeable: see `permuted_labels`.

    Raises
    ------
    StatisticsError
        Shapes disagree, a class is missing or has one row only.
    """
    positive = binary(labels)
    x = np.asarray(features, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] != positive.size:
        raise StatisticsError(f"max-T: expected features of shape ({positive.size}, features), found {x.shape}")
    if min(positive.sum(), (~positive).sum()) < 2:
        raise StatisticsError("max-T: expected at least 2 rows in each class")
    spread = x.std(0)
    x = (x - x.mean(0)) / np.where(spread > 0, spread, 1.0)
    observed = _differences(x, positive[None, :].astype(np.float64))[0]
    shuffled = np.stack([permuted_labels(positive.astype(np.float64), groups, generator) for _ in range(permutations)])
    usable = (shuffled.sum(1) >= 2) & ((1 - shuffled).sum(1) >= 2)
    null = _differences(x, shuffled[usable])
    count = null.shape[0]
    slack = 1e-9 * (1 + observed)  # equal statistics differ by rounding
    p_value = ((null >= observed - slack).sum(0) + 1) / (count + 1)
    adjusted = ((null.max(1)[:, None] >= observed - slack).sum(0) + 1) / (count + 1)
    return PermutationResult(observed, p_value, adjusted, count)


def permutation_test(
    first: ArrayLike, second: ArrayLike, generator: np.random.Generator, permutations: int = 9999
) -> PermutationResult:
    """Two-sided test that two independent samples have one mean."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    labels = np.concatenate([np.ones(a.size), np.zeros(b.size)])
    return max_t_test(np.concatenate([a, b])[:, None], labels, generator, permutations=permutations)
