"""What the features of a dictionary go with: cues, emotions against a null, and the clips where they are strongest."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata

from sonoscope.interpretability.sae import SparseAutoencoder
from sonoscope.interpretability.sae_measures import selectivity_null
from sonoscope.interpretability.shards import ShardStore
from sonoscope.statistics import benjamini_hochberg
from sonoscope.symbolic.emotions import BY_WORD

Floats = NDArray[np.float64]

RAREST, DENSEST = 0.002, 0.5
"""Share of frames between which a feature may get a dashboard: rarer ones are anecdotes."""
BAR = 2.0
"""Published bar of selectivity: rate in one emotion by the mean rate. Rare features pass it by chance."""


class ClipActivity(NamedTuple):
    """Activations of all features, summed up by clip."""

    mean: Floats
    """``(clips, features)``."""
    rate: Floats
    """Share of active frames, ``(clips, features)``."""
    peak: Floats
    """Largest activation, ``(clips, features)``."""


@torch.no_grad()
def clip_activity(sae: SparseAutoencoder, store: ShardStore, clips: int) -> ClipActivity:
    """Run a dictionary over a store whose rows are the frames of ``clips`` clips of one length."""
    frames = store.count // clips
    found: list[list[NDArray[np.float32]]] = [[], [], []]
    for clip in range(clips):
        z = sae.encode(torch.from_numpy(store.rows(np.arange(clip * frames, (clip + 1) * frames))))
        for kept, value in zip(found, (z.mean(0), (z > 0).float().mean(0), z.amax(0)), strict=True):
            kept.append(value.numpy())
    mean, rate, peak = (np.stack(rows).astype(np.float64) for rows in found)
    return ClipActivity(mean, rate, peak)


def emotions_of(valence: Floats, arousal: Floats, words: list[str]) -> list[str]:
    """The nearest of some emotions to each point of the plane."""
    places = np.array([BY_WORD[w][1:3] for w in words], dtype=np.float64)
    points = np.stack([valence, arousal], 1)
    return [words[k] for k in ((points[:, None] - places) ** 2).sum(-1).argmin(1)]


def class_areas(values: Floats, labels: NDArray[np.int64]) -> Floats:
    """Area under the curve of every feature for every class against the others, ``(classes, features)``."""
    ranks = rankdata(values, axis=0)
    return _areas(ranks, labels, int(labels.max()) + 1)


def _areas(ranks: Floats, labels: NDArray[np.int64], classes: int) -> Floats:
    one_hot = np.eye(classes)[labels]
    counts = one_hot.sum(0)[:, None]
    others = len(labels) - counts
    area: Floats = (one_hot.T @ ranks - counts * (counts + 1) / 2) / (counts * others)
    return area


def feature_table(
    activity: ClipActivity, cues: dict[str, Floats], emotions: list[str], permutations: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, dict[str, float]]:
    """One row per feature that is active at all, and counts beside those by chance.

    P-values compare a feature's largest area over the emotions with that after emotions were permuted over the clips.
    Each feature is standardised by its own null, and the nulls of all features are pooled (Tusher et al. 2001): a
    feature's own permutations alone could never reach a p-value that survives the adjustment over features (Benjamini &
    Hochberg). The clip is the unit, never the frame.
    """
    live = np.flatnonzero(activity.rate.mean(0) > 0)
    mean, rate = activity.mean[:, live], activity.rate[:, live]
    words, labels = np.unique(np.asarray(emotions), return_inverse=True)
    ranks = rankdata(mean, axis=0)
    areas = _areas(ranks, labels, len(words))
    best = areas.argmax(0)
    null = np.stack(
        [_areas(ranks, rng.permutation(labels), len(words)).max(0) for _ in range(permutations)]
    )  # [permutations, features]
    p = pooled_p(areas.max(0), null)
    by_chance = pooled_p(null[0], null[1:])  # the first permutation as if it were real
    by_class = np.stack([rate[labels == k].mean(0) for k in range(len(words))])
    correlations = _spearman(ranks, np.stack([rankdata(v) for v in cues.values()], 1))
    strongest = np.abs(correlations).argmax(0)
    columns = np.arange(len(live))
    names = list(cues)
    table = pd.DataFrame(
        {
            "feature": live, "rate": rate.mean(0), "cue": [names[k] for k in strongest],
            "correlation": correlations[strongest, columns], "emotion": words[best].astype(str),
            "auc": areas.max(0), "selectivity": by_class[best, columns] / np.maximum(rate.mean(0), 1e-12),
            "p_value": p, "adjusted": benjamini_hochberg(p), "shown": -1,
        }
    )  # fmt: skip
    passing, expected = selectivity_null(rate, emotions, rng, BAR, permutations)
    return table, {
        "features": len(live), "selective": passing, "selective_by_chance": expected,
        "significant": int((table["adjusted"] <= 0.05).sum()),
        "significant_by_chance": int((benjamini_hochberg(by_chance) <= 0.05).sum()), "clips": len(labels),
    }  # fmt: skip


def pooled_p(observed: Floats, null: Floats) -> Floats:
    """One-sided p-values ``(features,)`` of statistics standardised by their own null ``(permutations, features)``."""
    mean, spread = null.mean(0), np.maximum(null.std(0), 1e-12)
    pooled = np.sort(((null - mean) / spread).ravel())
    above = len(pooled) - np.searchsorted(pooled, (observed - mean) / spread - 1e-9)
    return np.asarray((above + 1) / (len(pooled) + 1), dtype=np.float64)


def choose_shown(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """The table with ``shown`` numbered by area, among features that are neither rare nor dense."""
    out = table.copy()
    usual = out[(out["rate"] >= RAREST) & (out["rate"] <= DENSEST)]
    chosen = usual.sort_values(["p_value", "auc"], ascending=[True, False]).head(count)
    out.loc[chosen.index, "shown"] = np.arange(len(chosen))
    return out


@torch.no_grad()
def moments(
    sae: SparseAutoencoder, store: ShardStore, pieces: pd.DataFrame, activity: ClipActivity, table: pd.DataFrame,
    clips: int,
) -> pd.DataFrame:  # fmt: skip
    """For every shown feature the clips of largest activation, with the activation in each frame."""
    frames = store.count // len(pieces)
    frame_rate = float(store.manifest["about"]["frame_rate"])
    rows: list[dict[str, Any]] = []
    chosen = table[table["shown"] >= 0].sort_values("shown")
    for shown, feature in zip(chosen["shown"].to_numpy(int), chosen["feature"].to_numpy(int), strict=True):
        order = np.argsort(-activity.peak[:, feature], kind="stable")[:clips]
        for place, clip in enumerate(order):
            states = torch.from_numpy(store.rows(np.arange(clip * frames, (clip + 1) * frames)))
            over_time = sae.encode(states)[:, int(feature)].double().numpy()
            piece = pieces.iloc[clip]
            rows.append(
                {
                    "shown": int(shown), "feature": int(feature), "place": place, "clip_id": piece["clip_id"],
                    "file": f"clips/{piece['clip_id']}.flac", "peak": float(over_time.max()),
                    "peak_seconds": float(over_time.argmax() / frame_rate), "mode": piece["mode"],
                    "tempo": piece["tempo"], "valence": piece["valence"], "arousal": piece["arousal"],
                    "frame_rate": frame_rate, "activation": over_time.tolist(),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def _spearman(ranks: Floats, others: Floats) -> Floats:
    """Correlations ``(others, features)`` of ranks; 0 where one is constant."""
    a, b = ranks - ranks.mean(0), others - others.mean(0)
    scale = np.linalg.norm(a, axis=0)[None] * np.linalg.norm(b, axis=0)[:, None]
    return np.asarray((b.T @ a) / np.where(scale > 0, scale, np.inf))
