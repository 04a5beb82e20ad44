"""Scores of all songs for all queries, by every method, from stored embeddings alone."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.attribution import methods
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.methods import Floats, Pair, SongScores
from sonoscope.attribution.store import Store
from sonoscope.settings.attribution import Embedding, Scoring

log = logging.getLogger(__name__)

Fold = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass
class Comparison:
    """Embeddings of songs and of queries under the same model.

    Attributes
    ----------
    trained
        Ids of songs that the model was fine-tuned on.
    base
        The same under the model before its fine-tune, a control: what it scores is likeness, not training.
    """

    songs: Store
    queries: Store
    trained: set[str]
    base: "Comparison | None" = None
    fold: Fold | None = None
    """Applied to rows, such as a fold to fewer numbers."""

    def __post_init__(self) -> None:
        self.songs.refuse_other(self.queries.meta)
        self.rows, self.asked = self.songs.rows, self.queries.rows
        self._pairs: dict[str, list[Pair]] = {}

    @property
    def members(self) -> NDArray[np.bool_]:
        """Rows that the model was trained on."""
        return np.asarray(self.rows.song_id.isin(self.trained).to_numpy(), dtype=bool)

    def pairs(self, feature: str) -> list[Pair]:
        """Rows and queries of a feature, one pair per checkpoint."""
        if feature not in self._pairs:
            change = self.fold or (lambda x: x)
            self._pairs[feature] = [
                Pair(change(self.songs.field(feature, c)), change(self.queries.field(feature, c)), self.members)
                for c in range(self.songs.checkpoints)
            ]
        return self._pairs[feature]

    @property
    def doubt(self) -> list[Floats]:
        """1 - p of the rows, one array per checkpoint."""
        table = np.stack([np.asarray(v, dtype=np.float64) for v in self.rows.doubt])  # (rows, checkpoints)
        return list(table.T)

    def gather(self, scores: Floats) -> tuple[list[str], SongScores]:
        """Scores of rows, by query and song."""
        rows = self.rows
        return methods.by_song(scores, list(rows.song_id), list(rows.segment), [str(q) for q in self.asked.song_id])


def gradient_scores(method: str, c: Comparison, settings: Scoring) -> Floats:
    """Scores ``(query rows, rows)`` of a method that needs embeddings and nothing else.

    Raises
    ------
    AttributionError
        There is no such method, or the stores lack what it needs.
    """
    embedding = Embedding.model_validate(c.songs.meta["embedding"])
    if method == "base_gradient_cosine":
        if c.base is None:
            raise AttributionError("base_gradient_cosine: needs embeddings under the model before its fine-tune")
        return methods.cosine(c.base.pairs("loss"))
    if method == "gradient_dot":
        return np.asarray(np.mean([methods.dot(p) for p in c.pairs("loss")], axis=0))
    if method == "tracin":
        return methods.tracin(c.pairs("loss"), c.songs.meta["rates"])
    if method == "trak":
        return methods.trak(c.pairs("margin"), settings.damping, c.doubt)
    if method == "trak_loss":
        return methods.trak(c.pairs("loss"), settings.damping)
    if method == "logra":
        return methods.blockwise(c.pairs("logra"), settings.damping, embedding.logra_rank**2)
    if method == "adam_tracin":
        return methods.tracin(c.pairs("adam"), c.songs.meta["rates"])
    features = {
        "adam_cosine": "adam",
        "gradient_cosine": "loss",
        "margin_cosine": "margin",
        "ekfac": "ekfac",
        "lora_cosine": "lora",
    }
    if method not in features:
        raise AttributionError(f"method {method}: expected one of {', '.join(features)}, tracin, trak, logra …")
    if method == "ekfac":
        return np.asarray(np.mean([methods.dot(p) for p in c.pairs("ekfac")], axis=0))
    return methods.cosine(c.pairs(features[method]))


def needs(method: str) -> str | None:
    """The feature that a method needs; None for those that need no embedding."""
    return {
        "gradient_dot": "loss", "gradient_cosine": "loss", "tracin": "loss", "trak_loss": "loss",
        "base_gradient_cosine": "loss", "margin_cosine": "margin", "trak": "margin", "logra": "logra", "ekfac": "ekfac",
        "lora_cosine": "lora", "adam_cosine": "adam", "adam_tracin": "adam",
    }.get(method)  # fmt: skip


def table_of(scores: Mapping[str, tuple[Sequence[str], SongScores]], trained: set[str]) -> pd.DataFrame:
    """Rows of `sonoscope.contracts.attribution.SCORES`."""
    parts = []
    for method, (asked, found) in scores.items():
        queries, songs = np.meshgrid(np.arange(len(asked)), np.arange(len(found.songs)), indexing="ij")
        names = [found.songs[s] for s in songs.ravel()]
        parts.append(
            pd.DataFrame(
                {
                    "method": method, "query_id": [asked[int(q)] for q in queries.ravel()], "song_id": names,
                    "trained": [name in trained for name in names], "score": found.total.ravel(),
                    "best": found.best.ravel(), "segment": found.segment.ravel(),
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def folded(dim: int) -> Fold:
    """Sketch of ``dim`` numbers from one of a multiple of it: buckets are hashes modulo the length, so they add up."""

    def fold(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        if rows.shape[1] % dim:
            raise AttributionError(f"fold: {rows.shape[1]} numbers are no multiple of {dim}")
        return np.ascontiguousarray(rows.reshape(len(rows), -1, dim).sum(1))

    return fold
