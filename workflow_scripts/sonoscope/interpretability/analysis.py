"""The tables of the study, from what was captured: first experiment, probes, swapped texts, geometry, mediation."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.interpretability import geometry
from sonoscope.interpretability.describe import STATISTICS
from sonoscope.interpretability.heard import ARMS, TEXTS, targets, true_effects
from sonoscope.interpretability.mediation import KnownModel, Mediation, by_intervention, by_readings, by_regression
from sonoscope.interpretability.probes import (
    control_task,
    is_class,
    nested_probe,
    readout,
    readout_resamples,
    score,
    score_interval,
)
from sonoscope.settings.interpretability import Probing
from sonoscope.statistics import Interval, bootstrap_interval, hedges_g, max_t_test, minimal_detectable_effect

Floats = NDArray[np.float64]

_WATCHED = 10_000
"""Units of the known model that are only watched: so many that the sign of a regression's error is no accident."""


def layer_differences(
    clips: pd.DataFrame, statistics: NDArray[np.float32], words: list[str], permutations: int, rng: np.random.Generator
) -> pd.DataFrame:
    """The first experiment: the first two emotions, by layer and statistic. The prompt is the unit, seeds are averaged.

    Beside each difference stands that between two seeds of one prompt, which is what no difference of emotion can be.
    """
    chosen = clips["emotion"].isin(words[:2]).to_numpy()
    table, values = clips[chosen].reset_index(drop=True), statistics[chosen].astype(np.float64)  # [n, L, S]
    prompts = table.drop_duplicates("prompt_id")
    means = np.stack([values[(table["prompt_id"] == p).to_numpy()].mean(0) for p in prompts["prompt_id"]])
    first = (prompts["emotion"] == words[0]).to_numpy()
    flat = means.reshape(len(means), -1)
    detectable = minimal_detectable_effect(int(first.sum()))
    tested = max_t_test(flat, first, rng, permutations=permutations)
    apart = np.abs(values[:, None] - values[None])  # [n, n, L, S]
    same_prompt = table["prompt_id"].to_numpy()[:, None] == table["prompt_id"].to_numpy()
    same_emotion = table["emotion"].to_numpy()[:, None] == table["emotion"].to_numpy()
    other_clip = ~np.eye(len(table), dtype=bool)
    kinds = {
        "same_prompt": apart[same_prompt & other_clip].mean(0),
        "same_emotion": apart[same_emotion & ~same_prompt].mean(0),
        "other_emotion": apart[~same_emotion].mean(0),
    }
    rows: list[dict[str, Any]] = []
    layers = values.shape[1]
    for s, name in enumerate(STATISTICS):
        for layer in range(layers):
            a, b = means[first, layer, s], means[~first, layer, s]
            effect = hedges_g(a, b)
            k = layer * len(STATISTICS) + s
            rows.append(
                {
                    "statistic": name, "layer": layer, "first": a.mean(), "second": b.mean(),
                    "effect": effect.estimate, "low": effect.low, "high": effect.high,
                    "p_value": float(tested.p_value[k]), "adjusted": float(tested.adjusted[k]), "n": int(first.sum()),
                    "detectable": detectable,
                    **{kind: float(value[layer, s]) for kind, value in kinds.items()},
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def false_positives(states: Floats, groups: NDArray[Any], repeats: int, rng: np.random.Generator) -> tuple[int, int]:
    """How often max-T over layers rejects at 0.05 for labels that were drawn at random by group; and of how many."""
    x = states.reshape(len(states), -1)
    projected = x @ rng.standard_normal((x.shape[1], 16)) / x.shape[1] ** 0.5
    names = np.unique(groups)
    hits = 0
    for _ in range(repeats):
        positive = rng.permutation(np.arange(len(names)) % 2)[np.searchsorted(names, groups)]
        hits += bool(max_t_test(projected, positive, rng, groups=groups, permutations=199).adjusted.min() <= 0.05)
    return hits, repeats


def probe_table(
    pieces: pd.DataFrame, sources: dict[str, NDArray[np.float32]], settings: Probing, rng: np.random.Generator
) -> pd.DataFrame:
    """Probes of every cue that varies from states and from the controls, each with its null and its control task.

    All pieces are of one arm, controlled or free. Twenty permuted labels and the control task are further targets of
    the same folds.
    """
    rows: list[dict[str, Any]] = []
    binned = [pd.cut(pieces[cause], count).astype(str) for cause, count in (("tempo", 4), ("dynamics", 4))]
    kinds = pieces["mode"] + binned[0] + binned[1] + pieces["register"].astype(str)
    groups = pieces["group"].to_numpy()
    for source, states in sources.items():
        x = states.reshape(len(states), -1, states.shape[-1])
        wanted = {name: y for name, y in targets(pieces).items() if np.ptp(y) > 0}
        columns = [
            column
            for y in wanted.values()
            for column in (y, control_task(kinds, is_class(y), rng), *(rng.permutation(y) for _ in range(20)))
        ]
        y_all = np.stack(columns, axis=1)
        found = nested_probe(x, y_all, groups, rng, settings.folds, settings.folds - 1)
        each = len(columns) // len(wanted)
        for k, (name, y) in enumerate(wanted.items()):
            at = range(k * each, (k + 1) * each)
            scores = [score(found.predicted[:, j], y_all[:, j], found.baseline[:, j]) for j in at]
            own = found.predicted[:, at[0]], y, found.baseline[:, at[0]]
            interval = score_interval(*own, groups, rng, settings.resamples)
            rows.append(
                {
                    "target": name, "source": source, "pieces": pieces["arm"].iloc[0],
                    "measure": "auc" if is_class(y) else "r2", "n": len(y),
                    "value": interval.estimate, "low": interval.low, "high": interval.high,
                    "null": float(np.mean(scores[2:])), "control": scores[1],
                    "layer": int(np.bincount(found.layers[:, at[0]]).argmax()),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def swap_table(
    pieces: pd.DataFrame, null: NDArray[np.float32], swapped: NDArray[np.float32], probes: pd.DataFrame,
    settings: Probing, rng: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    """Whether readings follow what sounds or what is said, for every cue that texts name; pieces are controlled ones.

    The readout of a cue learns from null-text replays of the pieces that are not swapped. Each swapped piece, whose
    cue is known, is read under the low and the high text. The effect of the tokens is the difference of readings
    between pieces high and low in the cue (upper against lower half); that of the text is the paired difference.
    """
    rows: list[dict[str, Any]] = []
    count = len(swapped)
    for k, cue in enumerate(TEXTS):
        y = targets(pieces)[cue]
        own = probes[(probes["target"] == cue) & (probes["source"] == "states")]
        layer = int(own["layer"].iloc[0])
        both = swapped[:, 2 * k : 2 * k + 2, layer].astype(np.float64)  # [n, 2, D]
        train = null[count:, layer].astype(np.float64)
        read = readout(train, y[count:], both.reshape(2 * count, -1), rng).reshape(count, 2)
        high = y[:count] > np.median(y[:count]) if not is_class(y) else y[:count] > 0.5
        middle = read.mean(1)
        text = _mean_of(read[:, 1] - read[:, 0], rng, settings.resamples)
        tokens = _difference(middle, high, rng, settings.resamples)
        total = abs(tokens.estimate) + abs(text.estimate)
        rows.append(
            {
                "cue": cue, "n": count, "tokens": tokens.estimate, "tokens_low": tokens.low, "tokens_high": tokens.high,
                "text": text.estimate, "text_low": text.low, "text_high": text.high,
                "share": abs(tokens.estimate) / total if total > 0 else 0.0,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def geometry_table(
    clips: pd.DataFrame, states: dict[str, NDArray[np.float32]], permutations: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Silhouette, circumplex, dissimilarities and effective dimension at each layer, of both rows of guidance."""
    labels = clips["emotion"].to_numpy()
    places = {e: (float(v), float(a)) for e, v, a in clips[["emotion", "valence", "arousal"]].itertuples(index=False)}
    rows: list[dict[str, Any]] = []

    def add(measure: str, row: str, layer: int, found: geometry.Tested | float) -> None:
        tested = found if isinstance(found, geometry.Tested) else geometry.Tested(found, np.nan, np.nan)
        rows.append({"measure": measure, "row": row, "layer": layer, **tested._asdict()})

    for row in ("cond", "null"):
        for layer in range(states[row].shape[1]):
            x = states[row][:, layer].astype(np.float64)
            means, names = geometry.class_means(x, labels)
            add("silhouette", row, layer, geometry.silhouette_test(x, labels, rng, permutations))
            add("circumplex", row, layer, geometry.circumplex(x, labels, places, rng, permutations))
            if len(names) > 3:
                model = np.array([places[name] for name in names])
                add("rsa", row, layer, geometry.rsa(means, model, rng, permutations))
            add("participation_ratio", row, layer, geometry.participation_ratio(x))
    for layer in range(states["cond"].shape[1]):
        add("cka_cond_null", "cond", layer, geometry.linear_cka(states["cond"][:, layer], states["null"][:, layer]))
    return pd.DataFrame(rows)


def mediation_table(
    pieces: pd.DataFrame, null: NDArray[np.float32], probes: pd.DataFrame, settings: Probing, rng: np.random.Generator
) -> pd.DataFrame:
    """Tempo to energy to arousal: as the model's states hold it, against the composer's law; and a known model.

    The reading of arousal is learned from the controlled pieces, of which the counterfactual ones are versions, and
    learned again from resamples of them: intervals hold what pieces and what probe leave open.
    """
    own = probes[(probes["target"] == "arousal") & (probes["source"] == "states")]
    layer = int(own["layer"].iloc[0])
    known_causes = (pieces["arm"] == "controlled").to_numpy()
    x = null[:, layer].astype(np.float64)
    fitted = readout(x[known_causes], targets(pieces)["arousal"][known_causes], x, rng)
    arms = [(pieces["arm"] == arm).to_numpy() for arm, _, _ in ARMS]
    units = np.concatenate([x[arm] for arm in arms])
    again = readout_resamples(x[known_causes], targets(pieces)["arousal"][known_causes], units, rng)
    found = by_readings([fitted[arm] for arm in arms], np.split(again, len(arms), axis=1), rng)
    regressed = by_regression(
        (pieces["tempo"][known_causes] > pieces["tempo"][known_causes].median()).to_numpy(float),
        pieces["energy"][known_causes].to_numpy(), fitted[known_causes], rng, resamples=100,
    )  # fmt: skip
    direct, indirect = true_effects()
    world = KnownModel()
    known = by_intervention(*world.intervene(400, rng), generator=rng, resamples=settings.resamples)
    watched = by_regression(*world.observe(_WATCHED, rng), generator=rng, resamples=100)
    return pd.DataFrame(
        _effects("arousal", found, (direct, indirect), regressed)
        + _effects("known_model", known, world.truth(), watched)
    )


def _effects(outcome: str, found: Mediation, truth: tuple[float, float], other: Mediation) -> list[dict[str, Any]]:
    wanted = {"direct": truth[0], "indirect": truth[1], "total": sum(truth)}
    rows: list[dict[str, Any]] = []
    for effect, true in wanted.items():
        one: Interval = getattr(found, effect)
        rows.append(
            {
                "outcome": outcome, "effect": effect, "n": one.n, "estimate": one.estimate, "low": one.low,
                "high": one.high, "truth": true, "regression": getattr(other, effect).estimate,
            }
        )  # fmt: skip
    return rows


def _mean_of(values: Floats, rng: np.random.Generator, resamples: int) -> Interval:
    return bootstrap_interval(lambda w: np.asarray(w @ values / w.sum(1)), len(values), rng, resamples=resamples)


def _difference(values: Floats, high: NDArray[np.bool_], rng: np.random.Generator, resamples: int) -> Interval:
    def statistic(weights: Floats) -> Floats:
        up, down = weights * high, weights * ~high
        return np.asarray(up @ values / np.maximum(up.sum(1), 1) - down @ values / np.maximum(down.sum(1), 1))

    return bootstrap_interval(statistic, len(values), rng, resamples=resamples)
