"""From heard clips to the dose-response curve, the scores of the layers, and the scorecard."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.directions.files import Directions
from sonoscope.scorecard import Row, measure
from sonoscope.settings.steering import Steering
from sonoscope.statistics.bootstrap import Interval, bootstrap_interval
from sonoscope.statistics.proportions import wilson_interval
from sonoscope.steering.plan import UNSTEERED


def share_interval(hits: pd.Series, groups: pd.Series, seed: int, resamples: int) -> Interval:
    """Share of hits with the wider of Wilson's interval over clips and a bootstrap over prompts.

    The bootstrap knows that clips of one prompt resemble each other, and fails where all clips agree; Wilson's interval
    does the reverse.
    """
    values = hits.to_numpy(dtype=np.float64)
    wilson = wilson_interval(int(values.sum()), len(values))
    drawn = _mean_interval(values, groups, seed, resamples)
    low, high = min(wilson.low, drawn.low), max(wilson.high, drawn.high)
    return Interval(wilson.estimate, low, high, len(values), drawn.groups)


def _mean_interval(values: NDArray[np.float64], groups: pd.Series, seed: int, resamples: int) -> Interval:
    generator = np.random.default_rng([seed, 17])
    codes = pd.factorize(groups)[0]

    def mean(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((weights @ values) / weights.sum(axis=1), dtype=np.float64)

    return bootstrap_interval(mean, len(values), generator, codes, resamples=resamples)


def dose_response(scores: pd.DataFrame, s: Steering, measure_name: str, chance: float, seed: int) -> pd.DataFrame:
    """Share of clips that show the target, and their likelihood, at every dose; unsteered clips stand at 0."""
    rows = []
    keys = ["concept", "target", "estimator", "coefficient"]
    for (concept, target, estimator, coefficient), part in scores.groupby(keys, sort=True):
        share = share_interval(part["score"], part["prompt_id"], seed, s.resamples)
        nll = _mean_interval(part["nll"].to_numpy(dtype=np.float64), part["prompt_id"], seed, s.resamples)
        rows.append(
            {
                "concept": concept, "target": target, "estimator": estimator, "coefficient": coefficient,
                "coefficient_unit": s.coefficient_unit, "is_headline": coefficient in (0.0, s.headline),
                "measure": measure_name, "n": share.n,
                "accuracy": share.estimate, "low": share.low, "high": share.high, "chance": chance,
                "nll": nll.estimate, "nll_low": nll.low, "nll_high": nll.high,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def layer_scores(directions: Mapping[str, Directions]) -> pd.DataFrame:
    """Out-of-fold score of each estimator at each layer."""
    return pd.DataFrame(list(_layer_rows(directions)))


def _layer_rows(directions: Mapping[str, Directions]) -> Iterator[dict[str, object]]:
    for name, one in directions.items():
        for record in one.records:
            found = record.interval
            if found is None:
                continue
            yield {
                "concept": one.origin.concept, "target": one.origin.target, "estimator": name, "layer": record.layer,
                "measure": record.score_name, "n": found.n, "score": found.estimate, "low": found.low,
                "high": found.high, "chance": record.chance,
            }  # fmt: skip


def note_rows(curve: pd.DataFrame, s: Steering, sources: Sequence[str]) -> list[Row]:
    """Scorecard of steering to a note: unsteered, steered by the first estimator at the headline coefficient, random.

    The headline coefficient is named in the settings before anything is generated, so nothing is chosen by its result.
    """
    chance = float(curve["chance"].iloc[0])
    unsteered = _at(curve, UNSTEERED, 0.0)
    steered, random = _at(curve, s.steer_with[0], s.headline), _at(curve, "random", s.headline)
    if unsteered is None:
        return []
    null = None if random is None else float(random["accuracy"])
    rows = [_row("steering.note_accuracy.unsteered", unsteered, None, chance, 0.20, "lower", sources)]
    if steered is not None:
        baseline = float(unsteered["accuracy"])
        rows.append(_row("steering.note_accuracy.steered", steered, null, baseline, 0.95, "higher", sources))
    if random is not None:
        # within chance: the interval of a direction that means nothing must hold the unsteered share
        rows.append(
            _row("steering.note_accuracy.random", random, chance, float(unsteered["accuracy"]), 0.20, "lower", sources)
        )
    return rows


def _at(curve: pd.DataFrame, estimator: str, coefficient: float) -> pd.Series | None:
    found = curve[(curve["estimator"] == estimator) & (curve["coefficient"] == coefficient)]
    return None if found.empty else found.iloc[0]


def _row(
    name: str, at: pd.Series, null: float | None, baseline: float, target: float, better: str, sources: Sequence[str]
) -> Row:
    return measure(
        name, float(at["accuracy"]), low=float(at["low"]), high=float(at["high"]), n=int(at["n"]), null=null,
        baseline=baseline, target=target, better="lower" if better == "lower" else "higher", sources=sources,
    )  # fmt: skip
