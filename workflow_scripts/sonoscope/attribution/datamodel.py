"""The linear datamodelling score with resamples that all methods share, so that methods are compared in pairs."""

import numpy as np
from numpy.typing import NDArray

from sonoscope.attribution.evaluation import spearman_rows
from sonoscope.statistics import Interval

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]


class Retrained:
    """What models retrained on random subsets of songs think of each query.

    Parameters
    ----------
    members : ndarray
        Whether a subset holds a song, ``(subsets, songs)``.
    values : ndarray
        Mean over trainings of the log-likelihood of each query, ``(queries, subsets)``.
    kinds : ndarray
        Kind of each query; resamples keep the number of each kind.
    generator : numpy.random.Generator
    resamples : int
        Bootstrap resamples, of subsets and of queries at once.
    """

    def __init__(
        self, members: NDArray[np.bool_], values: Floats, kinds: NDArray[np.object_], generator: np.random.Generator,
        resamples: int,
    ) -> None:  # fmt: skip
        self.members, self.values = members.astype(np.float64), values
        queries, subsets = values.shape
        self._subsets = generator.integers(subsets, size=(resamples, subsets))
        self._queries = np.empty((resamples, queries), np.int64)
        for kind in sorted(set(kinds)):
            mine = np.flatnonzero(kinds == kind)
            self._queries[:, mine] = generator.choice(mine, size=(resamples, len(mine)))

    def correlations(self, scores: Floats, queries: NDArray[np.int64]) -> Floats:
        """LDS of each of ``queries`` by ``scores`` ``(queries, songs)``; 0 for scores that are all alike."""
        return np.nan_to_num(spearman_rows(self._predicted(scores), self.values[queries]))

    def _predicted(self, scores: Floats) -> Floats:
        """Sums over the songs of each subset, ``(queries, subsets)``; those that differ by rounding alone are equal."""
        sums = scores @ self.members.T
        alike = np.ptp(sums, axis=1, keepdims=True) <= 1e-9 * np.abs(sums).max(1, keepdims=True)
        return np.where(alike, 0.0, sums)

    def resampled(self, scores: Floats, queries: NDArray[np.int64]) -> Floats:
        """The same in every resample of the subsets, ``(resamples, queries)``."""
        predicted, values = self._predicted(scores), self.values[queries]
        return np.stack([np.nan_to_num(spearman_rows(predicted[:, c], values[:, c])) for c in self._subsets])

    def interval(self, found: Floats, drawn: Floats, queries: NDArray[np.int64], some: Rows) -> Interval:
        """Mean over the queries that ``some`` marks among all, with an interval over queries and subsets.

        ``found`` and ``drawn`` are of ``queries``: correlations, or differences of those of two methods.
        """
        place = np.full(len(self.values), -1)
        place[queries] = np.arange(len(queries))
        columns = place[self._queries[:, some & (place >= 0)]]  # resamples stay within kinds, so none is -1
        means = np.take_along_axis(drawn, columns, axis=1).mean(1)
        low, high = np.quantile(means, [0.025, 0.975])
        mine = some[queries]
        return Interval(float(found[mine].mean()), float(low), float(high), int(mine.sum()), self.values.shape[1])
