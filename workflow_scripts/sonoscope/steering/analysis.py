"""From heard clips to dose-response curves, with intervals over prompts and seeds, paired where clips are paired."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.directions.files import Directions
from sonoscope.settings.concepts import TEMPO
from sonoscope.settings.injection import Experiment
from sonoscope.statistics.bootstrap import Interval, bootstrap_interval
from sonoscope.statistics.proportions import wilson_interval
from sonoscope.steering.embedding import frechet
from sonoscope.steering.measures import measure_of
from sonoscope.steering.plan import UNSTEERED

ARM = ["experiment", "variant", "estimator", "coefficient"]
"""Columns that name one arm of an experiment."""


def share_interval(hits: pd.Series, groups: pd.Series, seed: int, resamples: int) -> Interval:
    """Share of hits with the wider of Wilson's interval over clips and a bootstrap over prompts.

    The bootstrap knows that clips of one prompt resemble each other, and fails where all clips agree; Wilson's interval
    does the reverse.
    """
    values = hits.to_numpy(dtype=np.float64)
    wilson = wilson_interval(int(values.sum()), len(values))
    drawn = mean_interval(values, groups, seed, resamples)
    low, high = min(wilson.low, drawn.low), max(wilson.high, drawn.high)
    return Interval(wilson.estimate, low, high, len(values), drawn.groups)


def mean_interval(values: NDArray[np.float64], groups: pd.Series, seed: int, resamples: int) -> Interval:
    """Mean with a bootstrap interval over groups."""
    generator = np.random.default_rng([seed, 17])
    codes = pd.factorize(groups)[0]

    def mean(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((weights @ values) / weights.sum(axis=1), dtype=np.float64)

    return bootstrap_interval(mean, len(values), generator, codes, resamples=resamples)


def changes(scores: pd.DataFrame, column: str) -> pd.Series:
    """Change of a column against the unsteered clip of the same prompt, seed and target, row by row."""
    keys = ["prompt_id", "seed", "concept", "target"]
    before = scores[scores["estimator"] == UNSTEERED].set_index(keys)[column]
    own = pd.MultiIndex.from_frame(scores[keys])
    found: pd.Series = scores[column] - before.reindex(own).to_numpy()
    return found


def dose_response(
    scores: pd.DataFrame,
    experiment: Experiment,
    embeddings: pd.DataFrame,
    embedding: str,
    seed: int,
    resamples: int,
) -> pd.DataFrame:
    """Share of clips that show each target, and what it costs, for every arm; unsteered clips stand at 0.

    Intervals resample prompts by their text: two clips of one text resemble each other.

    Parameters
    ----------
    embeddings : DataFrame
        Indexed by clip.
    embedding : str
        Its name.
    """
    scores = scores.assign(nll_change=changes(scores, "nll"))
    plain = scores[scores["estimator"] == UNSTEERED]["clip_id"].drop_duplicates()
    reference = embeddings.loc[plain].to_numpy()
    rows = []
    for keys, part in scores.groupby([*ARM, "concept", "target"], sort=True):
        _, variant, estimator, coefficient, concept, target = keys
        measure = measure_of(str(concept))
        values = part["score"].to_numpy(dtype=np.float64)
        is_number = target == TEMPO
        found = (
            mean_interval(values, part["prompt"], seed, resamples)
            if is_number
            else share_interval(part["score"], part["prompt"], seed, resamples)
        )
        unit = "none" if variant == UNSTEERED else experiment.handling(str(variant)).coefficient_unit
        unit = experiment.coefficient_unit if unit == "none" else unit
        rows.append(
            {
                **dict(zip([*ARM, "concept", "target"], keys, strict=True)),
                "coefficient_unit": unit, "is_headline": coefficient in (0.0, experiment.headline),
                "measure": measure.name, "unit": measure.unit or "share", "n": found.n, "accuracy": found.estimate,
                "low": found.low, "high": found.high, "chance": None if is_number else measure.chance,
                "listener": _mean(part["listener"]), "probe": _mean(part["probe"]),
                **_interval("nll", part, seed, resamples),
                **({} if estimator != UNSTEERED else dict.fromkeys(_names("nll_change"), 0.0)),
                **(_interval("nll_change", part, seed, resamples) if estimator != UNSTEERED else {}),
                "divergence": _mean(part["divergence"]),
                "frechet": frechet(embeddings.loc[part["clip_id"]].to_numpy(), reference), "embedding": embedding,
                "adherence": _mean(part["adherence"]), "onset_rate": float(part["onset_rate"].mean()),
                "silent": int(part["is_silent"].sum()), "clipped": int(part["is_clipped"].sum()),
            }
        )  # fmt: skip
    columns = dict.fromkeys(("chance", "listener", "probe", "divergence", "frechet", "adherence"), float)
    return pd.DataFrame(rows).astype(columns)


def _names(column: str) -> tuple[str, str, str]:
    return column, f"{column}_low", f"{column}_high"


def _interval(column: str, part: pd.DataFrame, seed: int, resamples: int) -> dict[str, float | None]:
    values = part[column].to_numpy(dtype=np.float64)
    if np.isnan(values).any():
        return dict.fromkeys(_names(column))
    found = mean_interval(values, part["prompt"], seed, resamples)
    return dict(zip(_names(column), (found.estimate, found.low, found.high), strict=True))


def _mean(values: pd.Series) -> float | None:
    there = values.dropna()
    return float(there.mean()) if len(there) else None


def divergence_per_step(clips: pd.DataFrame, divergence: NDArray[np.float32], frame_rate: float) -> pd.DataFrame:
    """Mean divergence of the clips of each arm, step by step; arms without any are left out."""
    there = (divergence >= 0).all(axis=1)
    rows = []
    for keys, part in clips.assign(row=np.arange(len(clips)))[there].groupby(ARM, sort=False):
        course = divergence[part["row"].to_numpy()].astype(np.float64).mean(axis=0)
        for step, value in enumerate(course):
            rows.append((*keys, step / frame_rate, len(part), float(value)))
    return pd.DataFrame(rows, columns=[*ARM, "time", "n", "divergence"])


def layer_scores(directions: Sequence[Mapping[str, Directions]]) -> pd.DataFrame:
    """Out-of-fold score of each estimator at each layer, for all directions of an experiment."""
    return pd.DataFrame([row for found in directions for row in _layer_rows(found)])


def _layer_rows(directions: Mapping[str, Directions]) -> Iterator[dict[str, object]]:
    for name, one in directions.items():
        for record in one.records:
            found = record.interval
            if found is None:
                continue
            yield {
                "concept": one.origin.concept, "target": one.origin.target, "pooling": one.origin.pooling,
                "estimator": name, "layer": record.layer, "measure": record.score_name, "n": found.n,
                "score": found.estimate, "low": found.low, "high": found.high, "chance": record.chance,
            }  # fmt: skip
