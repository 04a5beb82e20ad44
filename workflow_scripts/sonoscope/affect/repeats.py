"""Repeated cross-validation by song: one official split of a few dozen songs says little, so songs are divided anew."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from sonoscope.affect import metrics as m
from sonoscope.affect.baselines import constant_median, hand
from sonoscope.affect.dataset import mean_label
from sonoscope.affect.evaluation import TAILS, Judged, draw_songs, judged
from sonoscope.affect.fitting import Fitting, fit_fold, prediction_rows, predictions
from sonoscope.affect.folds import divided
from sonoscope.affect.labels import DIMENSIONS
from sonoscope.contracts.affect import PREDICTIONS, REPEATS
from sonoscope.scorecard import Row, measure
from sonoscope.settings.affect import RepeatAffect

log = logging.getLogger(__name__)

MEAN: Final = -1
"""Number that stands for the mean over divisions."""
MEASURED: Final = ("ccc", "mae", "r2", "pearson")
_BASELINES = {"hand": hand, "constant_median": constant_median}


def repeated_predictions(job: Fitting, s: RepeatAffect, kept: Path) -> list[pd.DataFrame]:
    """Predictions of every division, as `PREDICTIONS` declares; finished ones are found below ``kept``."""
    found = []
    for repeat in range(s.times):
        path = kept / f"{repeat}.parquet"
        if not path.is_file():
            PREDICTIONS.write(path, _one_division(job, s, repeat))
            log.info("division %d of %d", repeat + 1, s.times)
        found.append(PREDICTIONS.read(path))
    return found


def _one_division(job: Fitting, s: RepeatAffect, repeat: int) -> pd.DataFrame:
    frames = []
    for number, fold in enumerate(divided(job.clips, s.folds, job.settings, job.seed + 1000 * (repeat + 1))):
        fitted = {name: fit_fold(job, name, fold, number, []) for name in s.variants}
        frames += [predictions(job, name, fold, number, bundle)[0] for name, bundle in fitted.items()]
        train = [job.clips[k] for k in (*fold.train, *fold.validation) if job.clips[k].known.any()]
        mean = mean_label(train)
        for name, fit in _BASELINES.items():
            predict = fit(train)
            frames += [prediction_rows(name, number, job.clips[k], predict(job.clips[k]), mean, {}) for k in fold.test]
    return pd.concat(frames, ignore_index=True)


def repeat_table(divisions: Sequence[pd.DataFrame], resamples: int, seed: int) -> pd.DataFrame:
    """Measures of every division and their means, as `REPEATS` declares.

    The interval of a mean comes from resampling songs, all divisions together; what divisions and initial weights make
    of it is the spread of the single values.
    """
    by_model: dict[str, list[Judged]] = {}
    for frame in divisions:
        for bars in judged(frame):
            by_model.setdefault(bars.model, []).append(bars)
    songs = next(iter(by_model.values()))[0].songs
    weights = draw_songs(songs, resamples, np.random.default_rng((seed, 9)))
    rows = [row for model, each in by_model.items() for row in _model_rows(model, each, weights)]
    return pd.DataFrame(rows, columns=list(REPEATS.columns)).astype({"low": float, "high": float})


def _model_rows(model: str, each: Sequence[Judged], weights: m.Floats) -> Iterable[dict[str, Any]]:
    for k, dimension in enumerate(DIMENSIONS):
        sums = [m.moments(b.true[:, k], b.said[:, k], b.learned[:, k], b.song, b.songs) for b in each]
        for name in MEASURED:
            of = m.MEASURES[name]
            drawn = np.mean([np.nan_to_num(of(weights @ s)) for s in sums], axis=0)
            plain = [float(np.nan_to_num(of(s.sum(0)[None])[0])) for s in sums]
            yield from _rows(model, dimension, name, each[0].songs, plain, drawn)
    counts = [np.bincount(b.song, minlength=b.songs) for b in each]
    hits = [np.bincount(b.song, m.quadrant(b.true) == m.quadrant(b.said), minlength=b.songs) for b in each]
    pairs = list(zip(hits, counts, strict=True))
    drawn = np.mean([(weights @ h) / (weights @ c) for h, c in pairs], axis=0)
    plain = [float(h.sum() / c.sum()) for h, c in pairs]
    yield from _rows(model, "both", "quadrant_accuracy", each[0].songs, plain, drawn)


def _rows(
    model: str, dimension: str, metric: str, songs: int, values: Sequence[float], drawn: m.Floats
) -> Iterable[dict[str, Any]]:
    who = {"model": model, "dimension": dimension, "metric": metric, "songs": songs}
    low, high = np.quantile(drawn, TAILS)
    yield {**who, "repeat": MEAN, "value": float(np.mean(values)), "low": low, "high": high}
    for repeat, value in enumerate(values):
        yield {**who, "repeat": repeat, "value": value, "low": np.nan, "high": np.nan}


def repeat_rows(corpus: str, table: pd.DataFrame, sources: Sequence[str]) -> list[Row]:
    """Rows ``affect.{corpus}.{dimension}.repeated_{ccc,mae}.{model}``: means over divisions."""
    means = table[table["repeat"] == MEAN]
    records: list[dict[str, Any]] = means.to_dict("records")  # type: ignore[assignment]
    found = {(r["model"], r["dimension"], r["metric"]): r for r in records}
    rows = []
    for model in dict.fromkeys(table.model):
        for dimension in DIMENSIONS:
            for metric in ("ccc", "mae"):
                r = found[model, dimension, metric]
                baseline = 0.0 if metric == "ccc" else float(found["constant_median", dimension, "mae"]["value"])
                rows.append(
                    measure(
                        f"affect.{corpus}.{dimension}.repeated_{metric}.{model}",
                        float(r["value"]),
                        low=float(r["low"]),
                        high=float(r["high"]),
                        n=int(r["songs"]),
                        baseline=baseline,
                        better="lower" if metric == "mae" else "higher",
                        sources=tuple(sources),
                    )
                )
    return rows
