"""Scorecard rows of steering. A headline counts as met only if it also beats its null, the random direction."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.scorecard import Better, Row, measure
from sonoscope.settings.concepts import TEMPO
from sonoscope.settings.injection import CONTROLS, Experiment
from sonoscope.settings.steering import Listening
from sonoscope.statistics.bootstrap import Interval, bootstrap_interval, resampled
from sonoscope.statistics.correlation import spearman
from sonoscope.statistics.errors import StatisticsError
from sonoscope.steering.matched import cost_difference, highest_accuracy, paired_difference
from sonoscope.steering.plan import UNSTEERED

NOTE_TARGETS = (0.20, 0.95)
"""Largest share of unsteered clips that show the note, least share of steered ones."""
TIMES_CHANCE = 3.0
"""Bar of the other concepts: this many times chance."""


def rows_of(
    curve: pd.DataFrame,
    matched: pd.DataFrame,
    scores: pd.DataFrame,
    experiment: Experiment,
    s: Listening,
    seed: int,
    sources: Sequence[str],
) -> list[Row]:
    """All rows of one experiment: every arm, matched quality, and what is judged."""
    key = safe(experiment.key or "experiment")
    several = len(curve[["concept", "target"]].drop_duplicates()) > 1
    rows = _arm_rows(curve, key, several, sources)
    if experiment.is_away:
        return rows + [
            row for variant in experiment.variants for row in _away_rows(curve, experiment, variant, sources)
        ]
    if several or list(experiment.variants) != ["plain"]:
        return rows + _scheme_rows(matched, key, several, sources)
    if (curve["target"] == TEMPO).all():
        return rows + tempo_rows(scores, experiment, s, seed, sources)
    rows += _matched_rows(matched, scores, key, s, seed, sources)
    if key == "notes":
        rows += _cost_rows(scores, experiment, s, seed, sources)
    return rows + (note_rows if key == "notes" else _concept_rows)(curve, experiment, sources)


def safe(name: str) -> str:
    """A name as a segment of a row's name."""
    return re.sub(r"[^A-Za-z0-9_-]", "s", name)  # C# is called Cs


def number(coefficient: float) -> str:
    """A coefficient as a segment of a row's name: 0_1 for 0.1."""
    return f"{coefficient:g}".replace(".", "_")


def _arm_rows(curve: pd.DataFrame, key: str, several: bool, sources: Sequence[str]) -> list[Row]:
    """``steering.{key}.{estimator}.{accuracy,nll_increase}.{coefficient}``, with variant and target where they vary."""
    rows = []
    for row in curve.to_dict("records"):
        if row["estimator"] == UNSTEERED:
            continue
        parts = [key, *([] if row["variant"] == "plain" else [row["variant"]]), row["estimator"]]
        what = "beats_per_minute" if row["target"] == TEMPO else "accuracy"
        chance = None if pd.isna(row["chance"]) else float(row["chance"])
        target = [safe(str(row["target"]))] if several else []
        at = number(float(row["coefficient"]))
        rows.append(
            measure(
                ".".join(["steering", *parts, *target, what, at]), float(row["accuracy"]), low=float(row["low"]),
                high=float(row["high"]), n=int(row["n"]), null=chance, sources=sources,
            )
        )  # fmt: skip
        first = (row["concept"], row["target"]) == (curve["concept"].iloc[0], curve["target"].iloc[0])
        if first and not pd.isna(row["nll_change"]):
            rows.append(
                measure(
                    ".".join(["steering", *parts, "nll_increase", at]), float(row["nll_change"]),
                    low=float(row["nll_change_low"]), high=float(row["nll_change_high"]), n=int(row["n"]),
                    null=0.0, sources=sources,
                )
            )  # fmt: skip
    return rows


def _matched_rows(
    matched: pd.DataFrame, scores: pd.DataFrame, key: str, s: Listening, seed: int, sources: Sequence[str]
) -> list[Row]:
    """``steering.matched_quality.{key}.{estimator}``: accuracy within the budget; RFM against the best baseline."""
    rows = []
    accuracy = matched.set_index("estimator")["accuracy"]
    linear = [e for e in accuracy.index if e != "rfm" and e not in CONTROLS]
    best = max(linear, key=lambda e: float(accuracy[e])) if linear else None
    null = float(accuracy["random"]) if "random" in accuracy else None
    for row in matched.to_dict("records"):
        baseline = float(accuracy[best]) if best is not None and row["estimator"] != best else None
        rows.append(
            measure(
                f"steering.matched_quality.{key}.{row['estimator']}", float(row["accuracy"]), low=float(row["low"]),
                high=float(row["high"]), n=int(row["n"]), null=None if row["estimator"] == "random" else null,
                baseline=baseline, sources=sources,
            )
        )  # fmt: skip
        if row["cost"] is not None and not pd.isna(row["cost"]):
            rows.append(
                measure(
                    f"steering.matched_accuracy.{key}.{row['estimator']}", float(row["cost"]),
                    low=float(row["cost_low"]), high=float(row["cost_high"]), n=int(row["n"]), better="lower",
                    sources=sources,
                )
            )  # fmt: skip
    if best is not None and "rfm" in accuracy:
        found, low, high = paired_difference(scores, "plain", "rfm", best, s.budget, seed, s.resamples)
        rows.append(
            measure(
                f"steering.matched_quality.{key}.rfm_less_best_linear", found, low=min(low, found),
                high=max(high, found), n=scores["prompt"].nunique(), target=0.0, sources=sources,
            )
        )  # fmt: skip
    return rows


def _cost_rows(
    scores: pd.DataFrame, experiment: Experiment, s: Listening, seed: int, sources: Sequence[str]
) -> list[Row]:
    """``steering.note_accuracy.nll_less_best_baseline``: what the judged estimator costs at an accuracy both reach.

    The accuracy is the bar of notes, or what the weaker of the two reaches at most if that is less. The best baseline
    is the one that needs the least.
    """
    judged = _judged(experiment)
    others = [e for e in experiment.estimators or () if e != judged and e not in CONTROLS]
    found = []
    for other in others:
        level = min(NOTE_TARGETS[1], *(highest_accuracy(scores, "plain", str(e)) for e in (judged, other)))
        one = cost_difference(scores, "plain", str(judged), other, level, seed, s.resamples)
        if one is not None:
            found.append(one)
    if not found:
        return []
    value, low, high = max(found)  # least cost of the other is the largest difference
    return [
        measure(
            "steering.note_accuracy.nll_less_best_baseline", value, low=low, high=high, n=scores["prompt"].nunique(),
            target=0.0, better="lower", sources=sources,
        )
    ]  # fmt: skip


def _scheme_rows(matched: pd.DataFrame, key: str, several: bool, sources: Sequence[str]) -> list[Row]:
    rows = []
    for row in matched.to_dict("records"):
        parts = [key, str(row["variant"]), str(row["estimator"]), *([safe(str(row["target"]))] if several else [])]
        rows.append(
            measure(
                ".".join(["steering.matched_quality", *parts]), float(row["accuracy"]), low=float(row["low"]),
                high=float(row["high"]), n=int(row["n"]), sources=sources,
            )
        )  # fmt: skip
    return rows


def _judged(experiment: Experiment) -> str | None:
    return next((e for e in experiment.estimators or () if e not in CONTROLS), None)


def at(curve: pd.DataFrame, estimator: str | None, coefficient: float | None) -> pd.Series | None:
    """The row of one arm."""
    found = curve[(curve["estimator"] == estimator) & (curve["coefficient"] == coefficient)]
    return None if found.empty else found.iloc[0]


def note_rows(curve: pd.DataFrame, experiment: Experiment, sources: Sequence[str]) -> list[Row]:
    """Steering to a note: unsteered, steered by the first estimator at the headline coefficient, random.

    The headline coefficient is named in the settings before anything is generated, so nothing is chosen by its result.
    """
    chance = float(curve["chance"].iloc[0])
    unsteered = at(curve, UNSTEERED, 0.0)
    steered = at(curve, _judged(experiment), experiment.headline)
    random = at(curve, "random", experiment.headline)
    if unsteered is None:
        return []
    most, least = NOTE_TARGETS
    null = None if random is None else float(random["accuracy"])
    before = float(unsteered["accuracy"])
    rows = [_row("steering.note_accuracy.unsteered", unsteered, None, chance, most, "lower", True, sources)]
    if steered is not None:
        beats = random is None or float(steered["low"]) > float(random["high"])
        rows.append(_row("steering.note_accuracy.steered", steered, null, before, least, "higher", beats, sources))
    if random is not None:
        # within chance: the interval of a direction that means nothing must hold the unsteered share
        within = float(random["low"]) <= max(chance, before)
        rows += [
            _row(name, random, chance, before, most, "lower", within, sources)
            for name in ("steering.note_accuracy.random", "steering.random_direction")
        ]
    return rows


def _concept_rows(curve: pd.DataFrame, experiment: Experiment, sources: Sequence[str]) -> list[Row]:
    """``steering.{key}.headline``: at least three times chance, and above the random direction."""
    key, chance = safe(experiment.key or ""), float(curve["chance"].iloc[0])
    unsteered = at(curve, UNSTEERED, 0.0)
    steered = at(curve, _judged(experiment), experiment.headline)
    random = at(curve, "random", experiment.headline)
    before = None if unsteered is None else float(unsteered["accuracy"])
    rows = []
    if steered is not None:
        beats = random is None or float(steered["low"]) > float(random["high"])
        null = None if random is None else float(random["accuracy"])
        bar = min(TIMES_CHANCE * chance, 1.0)
        rows.append(_row(f"steering.{key}.headline", steered, null, before, bar, "higher", beats, sources))
    if random is not None:
        rows.append(
            measure(
                f"steering.{key}.random_direction", float(random["accuracy"]), low=float(random["low"]),
                high=float(random["high"]), n=int(random["n"]), null=chance, baseline=before, sources=sources,
            )
        )  # fmt: skip
    return rows


def _away_rows(curve: pd.DataFrame, experiment: Experiment, variant: str, sources: Sequence[str]) -> list[Row]:
    """``steering.{key}.headline``: less of the target than in unsteered clips and under the random direction."""
    key = safe(experiment.key or "") + ("" if variant == "plain" else f".{variant}")
    own = curve[curve["variant"] == variant]
    unsteered = at(curve, UNSTEERED, 0.0)
    pushed, random = (at(own, e, experiment.headline) for e in (_judged(experiment), "random"))
    if unsteered is None or pushed is None:
        return []
    before = float(unsteered["accuracy"])
    beats = float(pushed["high"]) < float(unsteered["low"]) and (
        random is None or float(pushed["high"]) < float(random["low"])
    )
    null = None if random is None else float(random["accuracy"])
    return [_row(f"steering.{key}.headline", pushed, null, before, before, "lower", beats, sources)]


def tempo_rows(
    scores: pd.DataFrame, experiment: Experiment, s: Listening, seed: int, sources: Sequence[str]
) -> list[Row]:
    """``steering.tempo.spearman``: rank correlation of coefficient and mean heard tempo over the coefficients.

    Five or seven coefficients rise in order by chance now and then; the bar therefore also asks that the correlation
    over single clips (``.of_clips``) lies above the random direction's. Silent clips are 0.
    """
    key = "tempo" if experiment.key == "tempos" else safe(experiment.key or "tempo")
    found = {}
    for estimator in experiment.estimators or ():
        part = scores[scores["estimator"].isin([estimator, UNSTEERED])]
        found[estimator] = trend(part, seed, s.resamples)
    judged = _judged(experiment)
    if judged is None or judged not in found:
        return []
    null = found.get("random")
    beats = null is None or found[judged].low > null.high
    of_means = {
        estimator: trend_of_means(scores[scores["estimator"].isin([estimator, UNSTEERED])], seed, s.resamples)
        for estimator in found
    }
    return [
        _interval_row(f"steering.{key}.spearman", of_means[judged], of_means.get("random"), beats, sources),
        *(_interval_row(f"steering.{key}.spearman.{e}", one, None, None, sources) for e, one in of_means.items()),
        *(
            _interval_row(f"steering.{key}.spearman.of_clips.{e}", one, null if e == judged else None, None, sources)
            for e, one in found.items()
        ),
    ]


def trend_of_means(scores: pd.DataFrame, seed: int, resamples: int) -> Interval:
    """Rank correlation of coefficient and mean score, over the coefficients, resampled by prompt."""
    table = scores.pivot_table("score", "coefficient", "prompt", aggfunc=["sum", "count"], fill_value=0.0)
    total, count = table["sum"].to_numpy(dtype=np.float64), table["count"].to_numpy(dtype=np.float64)
    coefficients = table.index.to_numpy(dtype=np.float64)
    prompts = len(total.T)
    rng = np.random.default_rng([seed, 43])
    drawn = rng.multinomial(prompts, np.full(prompts, 1 / prompts), min(resamples, 500)).astype(np.float64)
    weights = np.concatenate([np.ones((1, prompts)), drawn])
    means = (weights @ total.T) / np.maximum(weights @ count.T, 1e-12)  # [1 + resamples, coefficients]
    # equal means are ties: the order of rounding errors is no order
    values = np.nan_to_num([round(_spearman(coefficients, np.round(row, 9)), 12) for row in means])
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return Interval(float(values[0]), float(low), float(high), len(coefficients), prompts)


def trend(scores: pd.DataFrame, seed: int, resamples: int) -> Interval:
    """Rank correlation of coefficient and score, over clips, resampled by prompt. 0 where no number varies."""
    x, y = (scores[c].to_numpy(dtype=np.float64) for c in ("coefficient", "score"))
    codes = pd.factorize(scores["prompt"])[0]
    try:
        return bootstrap_interval(
            resampled(_spearman, x, y), len(x), np.random.default_rng([seed, 37]), codes, resamples=min(resamples, 500)
        )
    except StatisticsError:
        return Interval(0.0, -1.0, 1.0, len(x), len(set(codes)))


def _spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    return spearman(x, y) if len(set(x)) > 1 and len(set(y)) > 1 else float("nan")


def _interval_row(name: str, found: Interval, null: Interval | None, beats: bool | None, sources: Sequence[str]) -> Row:
    target = None if beats is None else 0.9
    return measure(
        name, found.estimate, low=min(found.low, found.estimate), high=max(found.high, found.estimate), n=found.n,
        null=None if null is None else null.estimate, target=target, provided=beats is not False, sources=sources,
    )  # fmt: skip


def _row(
    name: str, one: pd.Series, null: float | None, baseline: float | None, target: float, better: Better,
    provided: bool, sources: Sequence[str],
) -> Row:  # fmt: skip
    return measure(
        name, float(one["accuracy"]), low=float(one["low"]), high=float(one["high"]), n=int(one["n"]), null=null,
        baseline=baseline, target=target, better=better, provided=provided, sources=sources,
    )  # fmt: skip
