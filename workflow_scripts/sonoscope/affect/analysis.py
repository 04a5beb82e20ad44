"""What annotations say about styles, about other properties of songs, and about the course of songs.

The song is the unit: bars of one song are no independent observations, and with a hundred million of them every
difference is significant. A title that one artist has several times counts once.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.affect.labels import DIMENSIONS
from sonoscope.contracts.affect import CORRELATIONS, COURSE, STYLES
from sonoscope.settings.affect import AnalyseAffect
from sonoscope.statistics import benjamini_hochberg, bootstrap_interval, hedges_g, holm, permutation_test
from sonoscope.statistics.correlation import weighted_pearson

Floats = NDArray[np.float64]

WITH: Final = ("tempo", "notes_per_beat", "velocity", "pitch", "mode", "n_bars", "ood_score")
PARTS: Final = 10
LIKE_TRAINING: Final = 1.0
"""Largest median ``ood_score`` of a song whose annotation is trusted."""


def one_of_each(songs: pd.DataFrame) -> pd.DataFrame:
    """The first of all files that have one artist and one title; files without either count as they are."""
    known = (songs.artist.str.strip() != "") & (songs.title.str.strip() != "")
    names = songs[known].assign(a=songs.artist.str.casefold().str.strip(), t=songs.title.str.casefold().str.strip())
    repeated = names.index[names.duplicated(["a", "t"])]
    return songs.drop(index=repeated).reset_index(drop=True)


def selections(songs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """All songs, and those whose bars mean something and that are like the songs the model learned from."""
    trusted = songs.keeps_a_grid & (songs.ood_score <= LIKE_TRAINING)
    return {"all": songs, "trusted": songs[trusted].reset_index(drop=True)}


def styles(songs: pd.DataFrame, s: AnalyseAffect, seed: int) -> pd.DataFrame:
    """Means of styles with intervals, effect sizes against all other songs, and adjusted tests; fits `STYLES`."""
    rows: list[dict[str, Any]] = []
    for name, chosen in selections(songs).items():
        own: list[dict[str, Any]] = []
        for k, style in enumerate(sorted({x for each in chosen.styles for x in each})):
            inside = np.array([style in set(each) for each in chosen.styles])
            if inside.sum() < s.least_songs or (~inside).sum() < s.least_songs:
                continue
            for d, dimension in enumerate(DIMENSIONS):
                rng = np.random.default_rng((seed, 6, k, d))
                own.append({"songs": name, "style": style, "dimension": dimension,
                            **_against(chosen[dimension].to_numpy(np.float64), inside, s, rng)})  # fmt: skip
        if own:
            for row, adjusted in zip(own, holm([r["p"] for r in own]), strict=True):
                row["p_holm"] = float(adjusted)
        rows += own
    return pd.DataFrame(rows, columns=list(STYLES.columns))


def _against(values: Floats, inside: NDArray[np.bool_], s: AnalyseAffect, rng: np.random.Generator) -> dict[str, Any]:
    own, rest = values[inside], values[~inside]
    mean = bootstrap_interval(weighted_mean(own), len(own), rng, resamples=s.resamples)
    g = hedges_g(own, rest)
    p = float(permutation_test(own, rest, rng, s.permutations).p_value[0])
    return {"n": len(own), "mean": mean.estimate, "low": mean.low, "high": mean.high, "sd": float(own.std(ddof=1)),
            "g": g.estimate, "g_low": g.low, "g_high": g.high, "p": p}  # fmt: skip


def weighted_mean(values: Floats) -> Callable[[Floats], Floats]:
    """The mean as a statistic of weights."""
    return lambda weights: (weights @ values) / weights.sum(1)


def correlations(songs: pd.DataFrame, s: AnalyseAffect, seed: int) -> pd.DataFrame:
    """Spearman's correlations over songs, with intervals and adjusted tests; fits `CORRELATIONS`."""
    rows: list[dict[str, Any]] = []
    for name, chosen in selections(songs).items():
        own: list[dict[str, Any]] = []
        for dimension in DIMENSIONS:
            for k, what in enumerate(WITH):
                x, y = (chosen[c].rank().to_numpy(np.float64) for c in (dimension, what))
                if len(x) < s.least_songs or np.ptp(x) == 0 or np.ptp(y) == 0:
                    continue
                rng = np.random.default_rng((seed, 7, k))
                found = bootstrap_interval(weighted_pearson(x, y), len(x), rng, resamples=s.resamples)
                null = np.array([np.corrcoef(x, rng.permutation(y))[0, 1] for _ in range(s.permutations)])
                p = (1 + int((np.abs(null) >= abs(found.estimate) - 1e-12).sum())) / (1 + s.permutations)
                own.append({"songs": name, "dimension": dimension, "with_what": what, "n": len(x), "r": found.estimate,
                            "low": found.low, "high": found.high, "p": p})  # fmt: skip
        if own:
            for row, adjusted in zip(own, benjamini_hochberg([r["p"] for r in own]), strict=True):
                row["p_fdr"] = float(adjusted)
        rows += own
    return pd.DataFrame(rows, columns=list(CORRELATIONS.columns))


def course(bars: pd.DataFrame, s: AnalyseAffect, seed: int) -> pd.DataFrame:
    """Mean deviation from the song's own mean in each tenth of a song; fits `COURSE`.

    Songs of fewer bars than parts are left out.
    """
    size = bars.groupby("md5", sort=True).md5.transform("size")
    long = bars[size >= PARTS].copy()
    if long.empty:
        return pd.DataFrame(columns=list(COURSE.columns))
    place = long.groupby("md5").cumcount()
    long["part"] = (place * PARTS // long.groupby("md5").md5.transform("size")).astype(np.int64)
    rows: list[dict[str, Any]] = []
    for dimension in DIMENSIONS:
        long["deviation"] = long[dimension] - long.groupby("md5")[dimension].transform("mean")
        table = long.pivot_table(index="md5", columns="part", values="deviation", aggfunc="mean").to_numpy(np.float64)
        rng = np.random.default_rng((seed, 8))
        for part in range(PARTS):
            values = table[:, part]
            if len(values) < 2:
                continue
            found = bootstrap_interval(weighted_mean(values), len(values), rng, resamples=s.resamples)
            rows.append({"dimension": dimension, "part": part, "n": len(values), "deviation": found.estimate,
                         "low": found.low, "high": found.high})  # fmt: skip
    return pd.DataFrame(rows, columns=list(COURSE.columns))


def summary(songs: pd.DataFrame, bars: pd.DataFrame, skipped: int) -> dict[str, Any]:
    """Counts and shares that a reader asks for first, JSON-ready."""
    spread = {}
    for d in DIMENSIONS:
        total = float(bars[d].var(ddof=0))
        inside = float((bars[d] - bars.groupby("md5")[d].transform("mean")).var(ddof=0))
        lag = songs[f"{d}_lag1"].dropna()
        slope = songs[f"{d}_slope"].to_numpy(np.float64)
        spread[d] = {
            "mean": float(songs[d].mean()),
            "sd_songs": float(songs[d].std(ddof=0)),
            "share_within_songs": inside / total if total > 0 else 0.0,
            "lag1": float(lag.mean()) if len(lag) else None,
            "mean_slope": float(slope.mean()),
            "rising": float((slope > 0).mean()),
        }
    chosen = selections(songs)["trusted"]
    return {
        "songs": len(songs),
        "bars": len(bars),
        "skipped": skipped,
        "trusted": len(chosen),
        "off_grid": float((~songs.keeps_a_grid).mean()),
        "beyond_training": float((songs.ood_score > LIKE_TRAINING).mean()),
        "thinned_bars": float(bars.thinned.mean()),
        "with_style": float((songs.styles.map(len) > 0).mean()),
        "quadrants": {
            f"Q{q}": float(((songs.valence >= 0) == v).mul((songs.arousal >= 0) == a).mean())
            for q, v, a in ((1, True, True), (2, False, True), (3, False, False), (4, True, False))
        },
        **spread,
    }
