"""From embeddings to scores of training rows for query rows. NumPy only; every method gives ``(queries, rows)``.

Gradients of the loss point to a higher loss, so that inner products of two of them are positive where training on the
one lowers the loss of the other: all scores here are positive where a row helps. Checkpoints are averaged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from sonoscope.attribution.errors import AttributionError

Floats = NDArray[np.float64]
Single = NDArray[np.float32]


@dataclass(frozen=True)
class Pair:
    """One feature under one checkpoint: rows of the training side, and of the queries."""

    train: Single
    """``(rows, dim)``."""
    query: Single
    """``(queries, dim)``."""
    trained: NDArray[np.bool_]
    """Rows that the model was trained on; only they enter the curvature."""

    def __post_init__(self) -> None:
        if self.train.shape[1] != self.query.shape[1]:
            raise AttributionError(
                f"scores: rows have {self.train.shape[1]} numbers, queries {self.query.shape[1]}; embed them alike"
            )
        if not self.trained.any():
            raise AttributionError("scores: expected at least one row that the model was trained on, found none")


def dot(pair: Pair) -> Floats:
    """Inner products."""
    return pair.query.astype(np.float64) @ pair.train.astype(np.float64).T


def unit(rows: NDArray[np.floating]) -> Floats:
    """Rows divided by their norm; zero stays zero."""
    wide = rows.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    out: Floats = np.divide(wide, norms, out=np.zeros_like(wide), where=norms > 0)
    return out


def cosine(pairs: Sequence[Pair]) -> Floats:
    """Cosine of gradients, mean over checkpoints."""
    return np.asarray(np.mean([unit(p.query) @ unit(p.train).T for p in pairs], axis=0))


def tracin(pairs: Sequence[Pair], rates: Sequence[float]) -> Floats:
    """TracIn (Pruthi et al. 2020): inner products summed over checkpoints, weighted by their learning rates."""
    if len(rates) != len(pairs):
        raise AttributionError(f"tracin: expected {len(pairs)} learning rates, one per checkpoint, found {len(rates)}")
    return np.asarray(sum(rate * dot(p) for p, rate in zip(pairs, rates, strict=True)))


def preconditioned(train: Floats, query: Floats, damping: float) -> Floats:
    """Queries times (ΦᵀΦ + λI)⁻¹, ``(queries, dim)``, with λ = ``damping`` times the mean non-zero eigenvalue of ΦᵀΦ.

    Solved on the smaller side: with fewer rows than numbers, (ΦᵀΦ + λI)⁻¹ = (I - Φᵀ(ΦΦᵀ + λI)⁻¹Φ)/λ.
    """
    rows, dim = train.shape
    penalty = relative_penalty(train, damping)
    if dim <= rows:
        gram = train.T @ train
        return np.asarray(cho_solve(cho_factor(gram + penalty * np.eye(dim)), query.T).T)
    small = train @ train.T + penalty * np.eye(rows)
    inner = cho_solve(cho_factor(small), train @ query.T)  # (rows, queries)
    return np.asarray((query - inner.T @ train) / penalty)


def relative_penalty(train: Floats, damping: float) -> float:
    """λ from its relative value: times the trace of the Gram matrix over its largest possible rank."""
    return float(max(damping * np.square(train).sum() / min(train.shape), 1e-300))


def trak(pairs: Sequence[Pair], damping: float, doubt: Sequence[Floats] | None = None) -> Floats:
    """TRAK (Park et al. 2023, eq. 10-17): φ(q)ᵀ(ΦᵀΦ + λI)⁻¹φ(z), averaged over checkpoints, times averaged Q.

    Parameters
    ----------
    doubt : sequence of ndarray, optional
        1 - p of each row ``(rows,)`` per checkpoint: the term Q of margin features. None for gradients of a loss.
    """
    kernels = []
    for p in pairs:
        train, query = p.train.astype(np.float64), p.query.astype(np.float64)
        kernels.append(preconditioned(train[p.trained], query, damping) @ train.T)
    mean: Floats = np.mean(kernels, axis=0)
    return mean if doubt is None else mean * np.mean(doubt, axis=0)[None, :]


def blockwise(pairs: Sequence[Pair], damping: float, block: int) -> Floats:
    """LoGra's influence: one damped Gram matrix per linear part of ``block`` numbers, summed over parts."""
    total: list[Floats] = []
    for p in pairs:
        if p.train.shape[1] % block:
            raise AttributionError(f"logra: rows of {p.train.shape[1]} numbers are no multiple of {block}")
        score = np.zeros((len(p.query), len(p.train)))
        for first in range(0, p.train.shape[1], block):
            part = slice(first, first + block)
            train, query = p.train[:, part].astype(np.float64), p.query[:, part].astype(np.float64)
            if np.square(train[p.trained]).sum() > 0:
                score += preconditioned(train[p.trained], query, damping) @ train.T
        total.append(score)
    return np.asarray(np.mean(total, axis=0))


@dataclass(frozen=True)
class SongScores:
    """Scores of songs: sums over their windows, and the best window."""

    songs: list[str]
    total: Floats
    """``(queries, songs)``."""
    best: Floats
    segment: NDArray[np.int64]


def by_song(
    scores: Floats, songs: Sequence[str], segments: Sequence[int], queries: Sequence[str]
) -> tuple[list[str], SongScores]:
    """Scores of query rows and training rows, summed over the windows of queries and of songs."""
    names, place = np.unique(np.asarray(songs, dtype=object).astype(str), return_inverse=True)
    asked = list(dict.fromkeys(queries))
    where = np.array([asked.index(q) for q in queries])
    merged = np.zeros((len(asked), scores.shape[1]))
    np.add.at(merged, where, scores)
    total, best = np.zeros((len(asked), len(names))), np.zeros((len(asked), len(names)))
    segment = np.zeros((len(asked), len(names)), np.int64)
    numbers = np.asarray(segments, np.int64)
    for k in range(len(names)):
        mine = np.flatnonzero(place == k)
        total[:, k] = merged[:, mine].sum(1)
        top = mine[merged[:, mine].argmax(1)]
        best[:, k], segment[:, k] = merged[np.arange(len(asked)), top], numbers[top]
    return asked, SongScores([str(n) for n in names], total, best, segment)
