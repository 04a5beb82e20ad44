"""Search among stored rows: exact, or 8 bits per number, shard by shard; new shards leave old ones alone.

Gradient rows are nearly orthogonal, so that trees and inverted lists prune little; flat indices are scanned whole. The
mean of all rows is taken off first (a direction that all share tells nothing apart), and the query carries the
preconditioner, so that rows stay as they are when songs are added. faiss is needed for 8 bits alone.
"""

import heapq
import importlib.util
import logging
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.methods import unit
from sonoscope.attribution.store import Store
from sonoscope.files import replacing

log = logging.getLogger(__name__)

Kind = Literal["exact", "sq8"]
Floats = NDArray[np.float32]


def faiss() -> Any:
    """The library of that name.

    Raises
    ------
    AttributionError
        It is not installed.
    """
    if importlib.util.find_spec("faiss") is None:
        raise AttributionError("search: kind sq8 needs faiss-cpu; install it, or use kind exact")
    import faiss as library

    return library


@dataclass(frozen=True)
class Hit:
    """A row that was found."""

    row: int
    score: float


class Search:
    """Rows of one feature and checkpoint of a store, as unit vectors after the mean is taken off.

    Parameters
    ----------
    store : Store
    feature : str
    checkpoint : int
    kind : str
        ``exact`` reads the mapped rows; ``sq8`` keeps an index of 8 bits per number beside each shard.
    """

    def __init__(self, store: Store, feature: str = "loss", checkpoint: int = 0, kind: Kind = "exact") -> None:
        self.store, self.feature, self.checkpoint, self.kind = store, feature, checkpoint, kind
        self.folder = store.folder / "search" / f"{feature}-{checkpoint}"
        self.mean = self._mean()

    def _mean(self) -> Floats:
        """Mean of the rows; frozen at the first search, so that indices of older shards stay valid."""
        file = self.folder / "mean.safetensors"
        if file.is_file():
            return np.asarray(load_file(file)["mean"], np.float32)
        total, count = None, 0
        for _, rows in self.store.stream(self.feature, self.checkpoint):
            normal = unit(rows)
            total = normal.sum(0) if total is None else total + normal.sum(0)
            count += len(rows)
        if total is None:
            raise AttributionError(f"{self.store.folder}: holds no rows to search in")
        mean = np.asarray(total / count, np.float32)
        with replacing(file) as temporary:
            save_file({"mean": mean}, temporary)
        return mean

    def prepared(self, rows: NDArray[np.floating]) -> Floats:
        """Unit vectors with the mean taken off."""
        return np.ascontiguousarray(unit(rows) - self.mean, np.float32)

    def __call__(self, queries: Floats, k: int) -> list[list[Hit]]:
        """The ``k`` rows with the largest inner product for each query, best first."""
        asked = self.prepared(queries)
        best: list[list[tuple[float, int]]] = [[] for _ in asked]
        for shard, places in self.store.rows.groupby("shard", sort=True):
            ordered = places.sort_values("position")
            scores, found = self._in_shard(str(shard), ordered, asked, k)
            numbers = ordered["row"].to_numpy()
            for q in range(len(asked)):
                best[q] += [(float(s), int(numbers[f])) for s, f in zip(scores[q], found[q], strict=True) if f >= 0]
                best[q] = heapq.nlargest(k, best[q])
        return [[Hit(row, score) for score, row in hits] for hits in best]

    def _in_shard(self, shard: str, places: pd.DataFrame, asked: Floats, k: int) -> tuple[Floats, NDArray[np.int64]]:
        if self.kind == "sq8":
            found: tuple[Floats, NDArray[np.int64]] = self._index(shard, places).search(asked, min(k, len(places)))
            return found
        scores = asked @ self.prepared(self._rows(shard, places)).T
        order = np.argsort(-scores, axis=1)[:, :k]
        return np.take_along_axis(scores, order, axis=1), order.astype(np.int64)

    def _rows(self, shard: str, places: pd.DataFrame) -> Floats:
        return self.store.shard_rows(shard, places, self.feature, self.checkpoint)

    def _index(self, shard: str, places: pd.DataFrame) -> Any:
        library, file = faiss(), self.folder / f"{shard}.sq8"
        if not file.is_file():
            rows = self.prepared(self._rows(shard, places))
            index = library.IndexScalarQuantizer(
                rows.shape[1], library.ScalarQuantizer.QT_8bit, library.METRIC_INNER_PRODUCT
            )
            index.train(rows)
            index.add(rows)
            with replacing(file) as temporary:
                library.write_index(index, str(temporary))
        return library.read_index(str(file))
