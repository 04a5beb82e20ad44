"""Experiment 7: how long a rollout can be before it is heard, between true frames and beside simple fillings."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sonoscope.dynamics.ensembles import Ensemble
from sonoscope.dynamics.evaluation import number
from sonoscope.dynamics.experiment2 import by_speaker
from sonoscope.dynamics.rollout import Plan
from sonoscope.dynamics.rollout_audio import Rollout
from sonoscope.scorecard import Row, measure
from sonoscope.settings.bottlenecks import Perceptual

TITLE = "How long a rollout goes unheard"
MEASURED = ("log_mel_distance", "modulation_distance", "stoi", "pesq", "si_sdr")


def rollouts_of(models: Mapping[str, Ensemble], settings: Perceptual) -> list[Rollout]:
    """The median step of each model, and drawn steps of the first."""
    found = [Rollout(name, model, len(model.members), lambda: Plan(advance="median")) for name, model in models.items()]
    if settings.sampled:
        name, model = next(iter(models.items()))
        found.append(Rollout(f"{name}_drawn", model, len(model.members), lambda: Plan(advance="sample")))
    return found


def by_length(frame: pd.DataFrame, resamples: int, seed: int) -> pd.DataFrame:
    """Rows of ``summary.csv``: means over clips by kind and length, with intervals over speakers."""
    rows = []
    for (kind, k), own in frame.groupby(["kind", "rollout_length"], sort=False):
        row: dict[str, Any] = {"kind": kind, "rollout_length": k, "n": len(own)}
        row["latent_error"] = number(own.latent_error.astype(float).mean())
        for name in MEASURED:
            low, high, mean = None, None, None
            values = pd.to_numeric(own[name], errors="coerce").to_numpy(float)
            there = np.isfinite(values)
            if there.any():
                mean = number(values[there].mean())
                groups = np.unique(own.speaker_id.to_numpy(dtype=str)[there], return_inverse=True)[1]
                low, high = by_speaker(values[there], groups, resamples, seed) or (None, None)
            row |= {name: mean, f"{name}_low": low, f"{name}_high": high}
        row["n_speakers"] = own.speaker_id.nunique()
        rows.append(row)
    return pd.DataFrame(rows)


def scorecard_rows(summary: pd.DataFrame, model: str) -> list[Row]:
    """``dynamics.exp7.k{k}.{model}``: log-mel distance of rolled frames; null: hold; baseline: interpolation."""
    source = ["decode_rollouts", "summary.csv"]
    value = {(str(r["kind"]), int(r["rollout_length"])): r for r in summary.to_dict("records")}
    rows = []
    for (kind, k), own in value.items():
        if kind == model and np.isfinite(own["log_mel_distance"]):
            ends = own["log_mel_distance_low"], own["log_mel_distance_high"]
            known = all(e is not None and np.isfinite(e) for e in ends)
            rows.append(
                measure(
                    f"dynamics.exp7.k{k}.{kind}", own["log_mel_distance"], low=ends[0] if known else None,
                    high=ends[1] if known else None, n=int(own["n_speakers"]),
                    null=value["hold", k]["log_mel_distance"], baseline=value["interpolate", k]["log_mel_distance"],
                    better="lower", sources=source,
                )
            )  # fmt: skip
    return rows
