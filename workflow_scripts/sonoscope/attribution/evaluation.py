"""How scores agree with the truth: with retraining, and with the song that a clip was prompted by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from sonoscope.attribution.errors import AttributionError
from sonoscope.statistics import Interval, auc

Floats = NDArray[np.float64]


def spearman_rows(x: Floats, y: Floats) -> Floats:
    """Spearman's rank correlation of each row of ``x`` with that of ``y``; NaN where one is constant."""
    a, b = rankdata(x, axis=-1), rankdata(y, axis=-1)
    a, b = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
    scale = np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        out: Floats = np.where(scale > 0, (a * b).sum(-1) / scale, np.nan)
    return out


def lds(scores: Floats, members: NDArray[np.bool_], values: Floats) -> Floats:
    """Linear datamodelling score of each query (Park et al. 2023, §2): rank correlation over subsets.

    Parameters
    ----------
    scores : ndarray
        Of songs, ``(queries, songs)``.
    members : ndarray
        Whether a subset holds a song, ``(subsets, songs)``.
    values : ndarray
        Mean over trainings of the log-likelihood of each query, ``(queries, subsets)``.
    """
    return spearman_rows(scores @ members.T.astype(np.float64), values)


def lds_interval(
    scores: Floats, members: NDArray[np.bool_], values: Floats, generator: np.random.Generator, resamples: int
) -> Interval:
    """Mean over queries, with an interval from resamples of queries and of subsets, both at once."""
    estimate = _mean(lds(scores, members, values), "lds")
    predicted = scores @ members.T.astype(np.float64)
    queries, subsets = values.shape
    drawn = np.empty(resamples)
    for k in range(resamples):
        rows = generator.integers(queries, size=queries)
        columns = generator.integers(subsets, size=subsets)
        found = spearman_rows(predicted[np.ix_(rows, columns)], values[np.ix_(rows, columns)])
        drawn[k] = np.nanmean(found) if np.isfinite(found).any() else np.nan
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Interval(estimate, float(low), float(high), queries, subsets)


def noise_ceiling(values: Floats) -> float:
    """Rank correlation of two halves of the trainings of each subset, ``(queries, subsets, seeds)``, mean over queries.

    What a perfect predictor of one half would reach; corrected to the mean of all trainings (Spearman–Brown).
    """
    seeds = values.shape[2]
    if seeds < 2:
        raise AttributionError("noise ceiling: expected at least 2 trainings of each subset, found 1")
    first, second = values[..., : seeds // 2].mean(-1), values[..., seeds // 2 :].mean(-1)
    half = max(0.0, _mean(spearman_rows(first, second), "noise ceiling"))
    return float(np.sqrt(2 * half / (1 + half)))


def _mean(values: Floats, what: str) -> float:
    if not np.isfinite(values).any():
        raise AttributionError(f"{what}: not defined for any query; scores or values are constant")
    return float(np.nanmean(values))


@dataclass(frozen=True)
class Retrieval:
    """How the song whose caption a clip was generated with ranks among all trained songs, one value per query."""

    rank: NDArray[np.float64]
    """1 is best; ties count half."""
    auroc: NDArray[np.float64]
    """Share of the other songs that score lower."""

    def recall(self, k: int) -> Floats:
        """Whether the song is among the first ``k``."""
        return (self.rank <= k).astype(np.float64)


def retrieval(scores: Floats, own: Sequence[int]) -> Retrieval:
    """Ranks of the source songs ``own`` (columns) in ``scores`` ``(queries, songs)``."""
    mine = scores[np.arange(len(scores)), list(own)][:, None]
    above, equal = (scores > mine).sum(1), (scores == mine).sum(1) - 1
    rank = 1 + above + equal / 2
    return Retrieval(rank.astype(np.float64), 1 - (rank - 1) / max(1, scores.shape[1] - 1))


def decoy_auroc(scores: Floats, trained: NDArray[np.bool_]) -> Floats:
    """AUROC of trained songs against decoys for each query."""
    return np.array([auc(row, trained) for row in scores])


@dataclass(frozen=True)
class Invariance:
    """Whether scores depend on the query at all (both near 1 where they do not)."""

    correlation: float
    """Mean absolute correlation between the score vectors of different queries."""
    rank_one: float
    """Share of the energy of the matrix that one outer product explains."""


def invariance(scores: Floats) -> Invariance:
    """Diagnostics of ``scores`` ``(queries, songs)``, of which none is centred over queries."""
    if len(scores) < 2:
        raise AttributionError("query invariance: expected at least 2 queries, found 1")
    centred = scores - scores.mean(1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1)
    live = norms > 1e-12 * (1 + np.abs(scores).max())
    vectors = centred[live] / norms[live, None]
    between = np.abs(vectors @ vectors.T)[np.triu_indices(int(live.sum()), 1)]
    singular = np.linalg.svd(scores, compute_uv=False)
    energy = float(singular[0] ** 2 / max(float(np.square(singular).sum()), 1e-300))
    return Invariance(float(between.mean()) if between.size else 1.0, energy)


def within_caption(scores: Floats, captions: Sequence[str]) -> float:
    """Share of the variance of ``scores`` ``(queries, songs)`` over queries that lies between clips of one caption.

    0 means that a score depends on the caption alone and not on the clip, as that of the published formula does.
    """
    names = np.asarray(list(captions))
    total = np.square(scores - scores.mean(0)).sum()
    inside = sum(np.square(scores[names == c] - scores[names == c].mean(0)).sum() for c in set(captions))
    return float(inside / total) if total > 1e-20 * np.square(scores).sum() else 0.0


@dataclass(frozen=True)
class PairTruth:
    """Values of the sets of two songs, ``(queries,)`` each, mean over trainings."""

    none: Floats
    a: Floats
    b: Floats
    both: Floats

    @property
    def leave_one_out(self) -> Floats:
        """What each song adds to the other, ``(queries, 2)``."""
        return np.stack([self.both - self.b, self.both - self.a], axis=1)

    @property
    def shapley(self) -> Floats:
        """Shapley value of each song, ``(queries, 2)``; the two add up to v(A, B) - v(∅)."""
        first = (self.a - self.none + self.both - self.b) / 2
        return np.stack([first, self.both - self.none - first], axis=1)


def agreement(scores: Floats, truth: Floats) -> Floats:
    """Whether scores ``(queries, 2)`` have the order of the truth, and the sign of its larger entry, per query."""
    order = (scores[:, 0] > scores[:, 1]) == (truth[:, 0] > truth[:, 1])
    larger = np.abs(truth).argmax(1)
    rows = np.arange(len(truth))
    sign = np.sign(scores[rows, larger]) == np.sign(truth[rows, larger])
    return np.asarray(order & sign, dtype=np.float64)
