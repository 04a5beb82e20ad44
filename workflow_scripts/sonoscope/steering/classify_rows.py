"""Scorecard rows of the classification table."""

from collections.abc import Sequence

import pandas as pd

from sonoscope.scorecard import Row, measure


def multiclass_rows(table: pd.DataFrame, concept: str, sources: Sequence[str]) -> list[Row]:
    """``steering.multiclass.{concept}.{rfm,linear,mlp}`` under grouped splits, and ``.random_split`` as published."""
    rows = []
    linear = table[table["probe"] == "linear"].set_index("split")["score"]
    for split, suffix in (("group", ""), ("random", ".random_split")):
        for probe in ("rfm", "rfm_projections", "linear", "mlp"):
            part = table[(table["split"] == split) & (table["probe"] == probe) & table["is_best"]]
            if part.empty:
                continue
            one = part.iloc[0]
            baseline = float(linear[split]) if probe != "linear" and split in linear else None
            rows.append(
                measure(
                    f"steering.multiclass.{concept}.{probe}{suffix}", float(one["score"]), low=float(one["low"]),
                    high=float(one["high"]), n=int(one["n"]), null=float(one["chance"]), baseline=baseline,
                    sources=sources,
                )
            )  # fmt: skip
    return rows
