"""All predictions of one corpus against its labels, with intervals over songs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.affect import metrics as m
from sonoscope.affect.labels import DIMENSIONS, RUSSELL, label_array
from sonoscope.contracts.affect import DIFFERENCES, METRICS, QUADRANTS, RELIABILITY, SEEDS

Floats = NDArray[np.float64]
TAILS: Final = (0.025, 0.975)
BINS: Final = 10
COMPARED: Final = ("hand", "latents", "side", "untrained", "shuffled", "both_expression", "plan", "constant_median")
SMOOTHED: Final = "both_median5"
"""The recommended model after a running median of five bars."""


@dataclass(frozen=True)
class Judged:
    """Bars of one model with what they are judged by."""

    model: str
    true: Floats
    said: Floats
    learned: Floats
    """Mean label of the songs learned from, ``(bars, 2)``."""
    half: Floats
    song: NDArray[np.int64]
    clip: NDArray[np.int64]

    @property
    def songs(self) -> int:
        """Number of songs."""
        return int(self.song.max()) + 1

    def by_song(self) -> "Judged":
        """One row per song: means over its bars."""
        count = np.bincount(self.song)[:, None]

        def mean(values: Floats) -> Floats:
            return np.stack([np.bincount(self.song, v) for v in values.T], axis=1) / count

        each = np.arange(self.songs)
        true, said, learned, half = (mean(v) for v in (self.true, self.said, self.learned, self.half))
        return Judged(self.model, true, said, learned, half, each, each)

    def inside(self) -> "Judged":
        """Deviations from each clip's mean."""

        def centred(values: Floats) -> Floats:
            return np.stack([m.within(v, self.clip) for v in values.T], axis=1)

        zero = np.zeros_like(self.learned)
        return Judged(self.model, centred(self.true), centred(self.said), zero, self.half, self.song, self.clip)


def judged(table: pd.DataFrame, truth: Mapping[str, Any] | None = None) -> list[Judged]:
    """Predictions by model, all with the same bars in the same order; ``truth`` takes the place of the labels."""
    found = []
    ordered = table.sort_values(["song_id", "clip_id", "bar_number"], kind="stable")
    for model in dict.fromkeys(table.model):
        rows = ordered[ordered.model == model]
        columns = [
            rows[[f"{prefix}{d}" for d in DIMENSIONS]].to_numpy(np.float64) for prefix in ("true_", "", "train_")
        ]
        half = rows[[f"{d}_half_width" for d in DIMENSIONS]].to_numpy(np.float64)
        if truth:
            pieces = rows.groupby("clip_id", sort=False).bar_number
            columns[0] = np.concatenate([label_array(truth[str(c)], b.to_numpy(np.int64)) for c, b in pieces])
        song, clip = (np.unique(rows[c].astype(str), return_inverse=True)[1] for c in ("song_id", "clip_id"))
        true, said, learned = columns
        found.append(Judged(str(model), true, said, learned, half, song, clip))
    return found


def smoothed(bars: Judged, width: int = 5) -> Judged:
    """Predictions after a running median within each clip."""
    said = bars.said.copy()
    for clip in np.unique(bars.clip):
        rows = bars.clip == clip
        said[rows] = running_median(bars.said[rows], width)
    return Judged(SMOOTHED, bars.true, said, bars.learned, bars.half, bars.song, bars.clip)


def running_median(values: Floats, width: int) -> Floats:
    """Median over ``width`` rows around each, the ends repeated; ``values`` are ``(bars, columns)``."""
    if width <= 1 or len(values) == 0:
        return values
    padded = np.pad(values, ((width // 2, width - 1 - width // 2), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
    result: Floats = np.median(windows, axis=-1)
    return result


def measured(bars: Judged, against: str, weights: Floats) -> list[dict[str, Any]]:
    """All metrics of one model; ``weights`` ``(resamples, songs)`` say how often each song was drawn."""
    rows: list[dict[str, Any]] = []

    def add(level: str, dimension: str, metric: str, value: float | None, n: int, spread: Floats | None = None) -> None:
        if value is None or not np.isfinite(value):
            return
        good = None if spread is None else spread[np.isfinite(spread)]
        low, high = (None, None) if good is None or len(good) * 2 < len(weights) else np.quantile(good, TAILS)
        rows.append({"model": bars.model, "against": against, "level": level, "dimension": dimension, "metric": metric,
                     "value": value, "low": low, "high": high, "n": n, "songs": bars.songs})  # fmt: skip

    for level, part in (("bar", bars), ("song", bars.by_song()), ("within", bars.inside())):
        n = len(part.true)
        for k, dimension in enumerate(DIMENSIONS):
            t, p, learned = part.true[:, k], part.said[:, k], part.learned[:, k]
            sums = m.moments(t, p, learned, part.song, bars.songs)
            drawn = weights @ sums
            names = ("pearson", "sd_ratio") if level == "within" else tuple(m.MEASURES)
            for name in names:
                add(level, dimension, name, float(m.MEASURES[name](sums.sum(0)[None])[0]), n, m.MEASURES[name](drawn))
            if level == "within":
                continue
            ordered = m.moments(m.ranks(t), m.ranks(p), learned, part.song, bars.songs)
            add(
                level, dimension, "spearman", float(m.pearson(ordered.sum(0)[None])[0]), n, m.pearson(weights @ ordered)
            )
            add(level, dimension, "auc", m.sign_auc(t, p), n)
        if level != "within":
            true, said = m.quadrant(part.true), m.quadrant(part.said)
            hits = np.bincount(part.song, true == said, minlength=bars.songs)
            count = np.bincount(part.song, minlength=bars.songs)
            add(level, "both", "quadrant_accuracy", float(hits.sum() / n), n, (weights @ hits) / (weights @ count))
            add(level, "both", "quadrant_macro_f1", m.macro_f1(true, said), n)
    for k, dimension in enumerate(DIMENSIONS):
        add("bar", dimension, "lag1", m.lag_one(bars.said[:, k], bars.clip), len(bars.true))
        add("bar", dimension, "lag1_labels", m.lag_one(bars.true[:, k], bars.clip), len(bars.true))
        if np.isfinite(bars.half[:, k]).all():
            covered = np.abs(bars.true[:, k] - bars.said[:, k]) <= bars.half[:, k]
            share = np.bincount(bars.song, covered, minlength=bars.songs) / np.bincount(bars.song)
            add("bar", dimension, "coverage", float(share.mean()), len(bars.true), weights @ share / weights.sum(1))
            add("bar", dimension, "half_width", float(bars.half[:, k].mean()), len(bars.true))
    return rows


def on_the_diagonals(labels: Floats) -> Floats:
    """Labels of quadrants at the points of `RUSSELL`, whatever points stand for them."""
    points: Floats = np.array([RUSSELL[q] for q in sorted(RUSSELL)])[m.quadrant(labels) - 1]
    return points


def draw_songs(songs: int, resamples: int, generator: np.random.Generator) -> Floats:
    """How often each song was drawn in each resample."""
    return generator.multinomial(songs, np.full(songs, 1 / songs), size=resamples).astype(np.float64)


def evaluate(table: pd.DataFrame, truth: Mapping[str, Any], resamples: int, seed: int) -> dict[str, pd.DataFrame]:
    """Tables that fit `METRICS`, `DIFFERENCES`, `RELIABILITY` and `QUADRANTS`, by the name of their file."""
    models = judged(table)
    models += [smoothed(b) for b in models if b.model == "both"]
    weights = draw_songs(models[0].songs, resamples, np.random.default_rng((seed, 4)))
    rows = [row for bars in models for row in measured(bars, "labels", weights)]
    if truth:
        rows += [row for bars in judged(table, truth) for row in measured(bars, "truth", weights)]
    if len(np.unique(models[0].true, axis=0)) <= len(RUSSELL):
        own = [replace(b, true=on_the_diagonals(b.true)) for b in models if b.model == "both"]
        rows += [r for b in own for r in measured(b, "russell", weights) if r["metric"] != "r2"]
    tables = {
        "metrics": pd.DataFrame(rows, columns=list(METRICS.columns)),
        "differences": pd.DataFrame(_differences(models, weights), columns=list(DIFFERENCES.columns)),
        "reliability": pd.DataFrame(_reliability(models, weights), columns=list(RELIABILITY.columns)),
        "quadrants": pd.DataFrame(_quadrants(models), columns=list(QUADRANTS.columns)),
    }
    return {name: frame.astype({c: float for c in ("low", "high") if c in frame}) for name, frame in tables.items()}


SEED_MEASURES: Final = ("ccc", "mae", "r2")


def seed_table(said: pd.DataFrame, members: pd.DataFrame) -> pd.DataFrame:
    """Measures of every member of the variants with several seeds, as `SEEDS` declares."""
    labels = said[["model", "clip_id", "bar_number", *(f"{p}{d}" for p in ("true_", "train_") for d in DIMENSIONS)]]
    rows = []
    joined = members.merge(labels, on=["model", "clip_id", "bar_number"], validate="many_to_one")
    for (model, seed), own in joined.groupby(["model", "seed"], sort=False):
        for d in DIMENSIONS:
            t, p, learned = (own[f"{prefix}{d}"].to_numpy(np.float64) for prefix in ("true_", "", "train_"))
            sums = m.moments(t, p, learned, np.zeros(len(t), np.int64), 1)
            rows += [{"model": model, "seed": seed, "dimension": d, "metric": name,
                      "value": float(np.nan_to_num(m.MEASURES[name](sums)[0]))} for name in SEED_MEASURES]  # fmt: skip
    return pd.DataFrame(rows, columns=list(SEEDS.columns))


def _differences(models: list[Judged], weights: Floats) -> list[dict[str, Any]]:
    """The recommended model against the others, resampled together."""
    by_name = {b.model: b for b in models}
    rows = []
    for name in COMPARED if "both" in by_name else ():
        if name not in by_name:
            continue
        for k, dimension in enumerate(DIMENSIONS):
            for metric in ("ccc", "mae"):
                sums = [m.moments(b.true[:, k], b.said[:, k], b.learned[:, k], b.song, b.songs)
                        for b in (by_name["both"], by_name[name])]  # fmt: skip
                of = m.MEASURES[metric]
                plain = [float(np.nan_to_num(of(s.sum(0)[None]))[0]) for s in sums]
                drawn = np.subtract(*(np.nan_to_num(of(weights @ s)) for s in sums))
                low, high = np.quantile(drawn, TAILS)
                rows.append({"model": "both", "other": name, "dimension": dimension, "metric": metric,
                             "difference": plain[0] - plain[1], "low": low, "high": high,
                             "songs": by_name[name].songs})  # fmt: skip
    return rows


def _reliability(models: list[Judged], weights: Floats) -> list[dict[str, Any]]:
    rows = []
    for bars in models:
        for k, dimension in enumerate(DIMENSIONS):
            said, true = bars.said[:, k], bars.true[:, k]
            if np.ptp(said) < 1e-9:
                continue
            place = np.minimum(((m.ranks(said) - 0.5) / len(said) * BINS).astype(np.int64), BINS - 1)
            for b in np.unique(place):
                chosen = place == b
                total = np.bincount(bars.song[chosen], true[chosen], minlength=bars.songs)
                count = np.bincount(bars.song[chosen], minlength=bars.songs)
                drawn = weights @ count
                mean = (weights @ total)[drawn > 0] / drawn[drawn > 0]
                few = int((count > 0).sum()) < 2
                low, high = (np.nan, np.nan) if few else np.quantile(mean, TAILS)
                row = {"model": bars.model, "dimension": dimension, "bin": int(b), "n": int(chosen.sum())}
                means = {"predicted": said[chosen].mean(), "true": true[chosen].mean()}
                rows.append({**row, **means, "low": low, "high": high})
    return rows


def _quadrants(models: list[Judged]) -> list[dict[str, Any]]:
    rows = []
    for bars in models:
        true, said = m.quadrant(bars.true), m.quadrant(bars.said)
        for q in np.unique(true):
            chosen = true == q
            error = np.abs(bars.true - bars.said)[chosen].mean(0)
            rows.append({"model": bars.model, "quadrant": f"Q{q}", "n": int(chosen.sum()), "valence_mae": error[0],
                         "arousal_mae": error[1], "hit": float((said == true)[chosen].mean())})  # fmt: skip
    return rows
