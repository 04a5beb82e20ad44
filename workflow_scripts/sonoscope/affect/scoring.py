"""Scorecard rows of the predictions of one corpus."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from sonoscope.affect.labels import DIMENSIONS
from sonoscope.scorecard import Row, measure

SCORED: Final = ("latents", "side", "both", "hand")
CCC_TARGETS: Final = {"valence": 0.7, "arousal": 0.8}
"""Per bar, with both inputs, on composed songs that were not learned from."""
MAE_TARGET: Final = 0.3
"""The plan's own criterion; a constant may pass it, so its error stands beside."""


def corpus_rows(corpus: str, metrics: pd.DataFrame, composed: bool, sources: Sequence[str]) -> list[Row]:
    """Rows ``affect.{corpus}.{dimension}.{metric}.{model}``.

    Baseline is the constant (its absolute error, or 0), null the same model trained on shuffled labels.
    CCC has a target where both human labels per bar and a known truth are there: in the composed VGMIDI.
    """
    bars = metrics[(metrics.against == "labels") & (metrics.level == "bar")]
    records: list[dict[str, Any]] = bars.to_dict("records")  # type: ignore[assignment]
    found = {(r["model"], r["dimension"], r["metric"]): r for r in records}
    rows = []
    for dimension in DIMENSIONS:
        constant = found[("constant_median", dimension, "mae")]
        for model in SCORED:
            if (model, dimension, "mae") not in found:
                continue
            for metric in ("ccc", "r2", "mae"):
                r = found.get((model, dimension, metric))
                if r is None:
                    continue
                target = None
                if model == "both" and metric == "mae":
                    target = MAE_TARGET
                elif model == "both" and metric == "ccc" and corpus == "vgmidi" and composed:
                    target = CCC_TARGETS[dimension]
                null = found.get(("shuffled", dimension, metric))
                rows.append(
                    measure(
                        f"affect.{corpus}.{dimension}.{metric}.{model}",
                        float(r["value"]),
                        low=None if pd.isna(r["low"]) else float(r["low"]),
                        high=None if pd.isna(r["high"]) else float(r["high"]),
                        n=int(r["songs"]),
                        null=None if null is None else float(null["value"]),
                        baseline=float(constant["value"]) if metric == "mae" else 0.0,
                        target=target,
                        better="lower" if metric == "mae" else "higher",
                        sources=sources,
                    )
                )
            value, n = float(constant["value"]), int(constant["songs"])
            rows.append(measure(f"affect.{corpus}.{dimension}.constant_mae.{model}", value, n=n, sources=sources))
    return rows


def ceiling_rows(corpus: str, raters: Mapping[str, Any], sources: Sequence[str]) -> list[Row]:
    """Rows ``affect.{corpus}.{dimension}.ceiling``: the correlation with the mean rating that no model can exceed."""
    if not raters:
        return []
    return [
        measure(f"affect.{corpus}.{d}.ceiling", float(raters[d]["ceiling"]), n=int(raters["pieces"]),
                null=0.0, sources=sources)
        for d in DIMENSIONS
    ]  # fmt: skip
