"""What annotations say about styles, about other properties of songs, and about the course of songs.

The song is the unit: bars of one song are no independent observations, and with a hundred million of them every
difference is significant. A title that one artist has several times counts once.
"""

from typing import Any, Final

import numpy as np
import pandas as pd

from sonoscope.affect import metrics as m
from sonoscope.affect.comparing import against, correlation_of, mean_of
from sonoscope.affect.labels import DIMENSIONS
from sonoscope.affect.tally import PARTS, Tally
from sonoscope.contracts.affect import CORRELATIONS, COURSE, STYLES
from sonoscope.settings.affect import AnalyseAffect
from sonoscope.statistics import benjamini_hochberg, holm

WITH: Final = ("tempo", "notes_per_beat", "velocity", "pitch", "mode", "n_bars", "ood_score")
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
        long = chosen.styles.reset_index(drop=True).explode().dropna()
        for k, (style, members) in enumerate(long.groupby(long, sort=True)):
            inside = np.zeros(len(chosen), np.bool_)
            inside[members.index.to_numpy()] = True
            if inside.sum() < s.least_songs or (~inside).sum() < s.least_songs:
                continue
            for d, dimension in enumerate(DIMENSIONS):
                rng = np.random.default_rng((seed, 6, k, d))
                own.append({"songs": name, "style": style, "dimension": dimension,
                            **against(chosen[dimension].to_numpy(np.float64), inside, s, rng)})  # fmt: skip
        if own:
            for row, adjusted in zip(own, holm([r["p"] for r in own]), strict=True):
                row["p_holm"] = float(adjusted)
        rows += own
    return pd.DataFrame(rows, columns=list(STYLES.columns))


def correlations(songs: pd.DataFrame, s: AnalyseAffect, seed: int) -> pd.DataFrame:
    """Spearman's correlations over songs, with intervals and adjusted tests; fits `CORRELATIONS`."""
    rows: list[dict[str, Any]] = []
    for name, chosen in selections(songs).items():
        own: list[dict[str, Any]] = []
        for dimension in DIMENSIONS:
            for k, what in enumerate(WITH):
                x, y = (m.ranks(chosen[c].to_numpy(np.float64)) for c in (dimension, what))
                if len(x) < s.least_songs or np.ptp(x) == 0 or np.ptp(y) == 0:
                    continue
                found = correlation_of(x, y, s, np.random.default_rng((seed, 7, k)))
                own.append({"songs": name, "dimension": dimension, "with_what": what, "n": len(x), "r": found.value,
                            "low": found.low, "high": found.high, "p": found.p})  # fmt: skip
        if own:
            for row, adjusted in zip(own, benjamini_hochberg([r["p"] for r in own]), strict=True):
                row["p_fdr"] = float(adjusted)
        rows += own
    return pd.DataFrame(rows, columns=list(CORRELATIONS.columns))


def course(bars: Tally, s: AnalyseAffect, seed: int) -> pd.DataFrame:
    """Mean deviation from the song's own mean in each tenth of a song; fits `COURSE`.

    Songs of fewer bars than parts are left out.
    """
    rows: list[dict[str, Any]] = []
    table = bars.course
    for d, dimension in enumerate(DIMENSIONS if len(table) >= 2 else ()):
        rng = np.random.default_rng((seed, 8))
        for part in range(PARTS):
            found = mean_of(table[:, d, part], s, rng)
            rows.append({"dimension": dimension, "part": part, "n": len(table), "deviation": found.value,
                         "low": found.low, "high": found.high})  # fmt: skip
    return pd.DataFrame(rows, columns=list(COURSE.columns))


def summary(songs: pd.DataFrame, bars: Tally, skipped: int) -> dict[str, Any]:
    """Counts and shares that a reader asks for first, JSON-ready."""
    spread = {}
    for k, d in enumerate(DIMENSIONS):
        lag = songs[f"{d}_lag1"].dropna()
        slope = songs[f"{d}_slope"].to_numpy(np.float64)
        spread[d] = {
            "mean": float(songs[d].mean()),
            "sd_songs": float(songs[d].std(ddof=0)),
            "share_within_songs": bars.share_inside(k),
            "lag1": float(lag.mean()) if len(lag) else None,
            "mean_slope": float(slope.mean()),
            "rising": float((slope > 0).mean()),
        }
    chosen = selections(songs)["trusted"]
    return {
        "songs": len(songs),
        "bars": bars.bars,
        "skipped": skipped,
        "trusted": len(chosen),
        "off_grid": float((~songs.keeps_a_grid).mean()),
        "beyond_training": float((songs.ood_score > LIKE_TRAINING).mean()),
        "thinned_bars": bars.thinned / max(bars.bars, 1),
        "with_style": float((songs.styles.map(len) > 0).mean()),
        "quadrants": {
            f"Q{q}": float(((songs.valence >= 0) == v).mul((songs.arousal >= 0) == a).mean())
            for q, v, a in ((1, True, True), (2, False, True), (3, False, False), (4, True, False))
        },
        **spread,
    }
