"""Scorecard rows of the interpretability study."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from sonoscope.scorecard import Row, measure
from sonoscope.statistics import wilson_interval

CUES: tuple[str, ...] = ("mode", "tempo", "loudness")
"""Cues that a probe is expected to read from rendered music under null text."""
PROBE_BAR = 0.9
"""Area under the curve, or share of explained variance."""
NOMINAL = 0.05
"""False-positive rate that the test promises; it is kept if the observed rate is not significantly above it."""
FVU_BAR, DEAD_BAR, CE_BAR = 0.10, 0.05, 0.95
SMALLEST_LOSS = 1e-3
"""Nats per token that taking the layer away must cost."""


def analysis_rows(
    probes: pd.DataFrame, swaps: pd.DataFrame, effects: pd.DataFrame, hits: tuple[int, int], sources: Sequence[str]
) -> list[Row]:
    """Rows of probes (of free pieces without a bar), of hearing or echoing, of mediation, and of false positives."""
    rows: list[Row] = []
    for one in _records(probes[probes["source"] == "states"]):
        judged = one["pieces"] == "controlled"
        others = ["tokens", *(["energy"] if one["target"] != "loudness" else [])]  # loudness is the energy
        same = (probes["target"] == one["target"]) & (probes["pieces"] == one["pieces"])
        other = probes[same & probes["source"].isin(others)]["value"]
        rows.append(
            measure(
                f"interpretability.{'probe' if judged else 'probe_varied'}.{one['target']}", float(one["value"]),
                low=float(one["low"]), high=float(one["high"]),
                n=int(one["n"]), null=float(one["null"]), baseline=float(other.max()) if len(other) else None,
                target=PROBE_BAR if judged and one["target"] in CUES else None, sources=sources,
            )
        )  # fmt: skip
    rows += [
        measure(f"interpretability.hears_or_echoes.{one['cue']}", float(one["share"]), n=int(one["n"]), sources=sources)
        for one in _records(swaps)
    ]
    for name, outcome, effect in (
        ("nde", "arousal", "direct"), ("nie", "arousal", "indirect"), ("truth", "known_model", "direct")
    ):  # fmt: skip
        one = _records(effects[(effects["outcome"] == outcome) & (effects["effect"] == effect)])[0]
        rows.append(
            Row(
                name=f"interpretability.mediation.{name}", value=float(one["estimate"]), low=float(one["low"]),
                high=float(one["high"]), n=int(one["n"]), baseline=float(one["regression"]), target=float(one["truth"]),
                met=bool(one["low"] <= one["truth"] <= one["high"]), sources=tuple(sources),
            )
        )  # fmt: skip
    rate = wilson_interval(*hits)
    rows.append(
        Row(
            name="interpretability.null_false_positive_rate", value=rate.estimate, low=rate.low, high=rate.high,
            n=hits[1], target=NOMINAL, met=rate.low <= NOMINAL, sources=tuple(sources),
        )
    )  # fmt: skip
    return rows


def dictionary_rows(table: pd.DataFrame, sources: Sequence[str]) -> list[Row]:
    """Rows of every kind of sparse autoencoder."""
    rows: list[Row] = []
    for one in _records(table):
        name = f"interpretability.sae.{one['kind']}"
        lost, lost_to_mean = one["ce_zero"] - one["ce_clean"], one["ce_mean"] - one["ce_clean"]
        rows += [
            measure(f"{name}.fvu", float(one["fvu"]), low=float(one["fvu_low"]), high=float(one["fvu_high"]),
                    n=int(one["clips"]), baseline=float(one["pca_fvu"]), target=FVU_BAR, better="lower",
                    sources=sources),
            measure(f"{name}.dead", float(one["dead"]), n=int(one["features"]), target=DEAD_BAR, better="lower",
                    sources=sources),
            measure(f"{name}.mmcs", float(one["mmcs"]), null=float(one["random_mmcs"]), sources=sources),
            measure(f"{name}.absorption", float(one["absorption"]), sources=sources),
        ]  # fmt: skip
        if lost > SMALLEST_LOSS:  # else the model does not need the layer, and there is nothing to recover
            of_mean = (one["ce_mean"] - one["ce_spliced"]) / lost_to_mean if lost_to_mean > SMALLEST_LOSS else None
            rows.append(
                measure(
                    f"{name}.ce_recovered", float(one["recovered"]), low=float(one["recovered_low"]),
                    high=float(one["recovered_high"]), n=int(one["spliced"]), baseline=of_mean, target=CE_BAR,
                    sources=sources,
                )
            )  # fmt: skip
    return rows


def steering_rows(effects: pd.DataFrame, listener: pd.DataFrame, sources: Sequence[str]) -> list[Row]:
    """Rows of emotion steering: the listener's reading along the target's own axis, and how good a listener it is.

    The bar of a target is the largest effect of a random direction, which the whole interval must exceed. The baseline
    is what asking by prompt does.
    """
    rows: list[Row] = []
    for one in _records(effects[effects["arm"] == "steered"]):
        if one["outcome"] != f"along_{one['target']}":
            continue
        asked = effects[
            (effects["arm"] == "prompt") & (effects["target"] == one["target"]) & (effects["outcome"] == one["outcome"])
        ]["effect"]
        rows.append(
            measure(
                f"interpretability.emotion_steering.{one['target']}", float(one["effect"]), low=float(one["low"]),
                high=float(one["high"]), n=int(one["n"]), null=float(one["null"]),
                baseline=float(asked.iloc[0]) if len(asked) else None, target=float(one["null"]),
                provided=bool(one["low"] > one["null"]), sources=sources,
            )
        )  # fmt: skip
    rows += [
        measure(
            f"interpretability.listener.{one['target']}", float(one["r2"]), low=float(one["low"]),
            high=float(one["high"]), n=int(one["n"]), sources=sources,
        )
        for one in _records(listener)
    ]  # fmt: skip
    return rows


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = frame.to_dict("records")  # type: ignore[assignment]
    return records
