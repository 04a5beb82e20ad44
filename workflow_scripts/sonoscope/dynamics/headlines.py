"""Scorecard rows of the dynamics study, each with interval, n, null and baseline."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sonoscope.dynamics.evaluation import interval, number, paired_difference
from sonoscope.scorecard import Row, measure

SPEEDUP_TARGET = 3.0
_CHECKED = ("vmf",)

Block = Mapping[str, Any]


def _ends(found: Sequence[float] | None) -> dict[str, Any]:
    return {} if found is None else {"low": found[0], "high": found[1]}


def experiment1_rows(entries: Sequence[Block], resamples: int, seed: int) -> list[Row]:
    """``dynamics.exp1.k{k}.{model}.{nll,cos,logmag_r2}``; the target of vmf's NLL is the full-covariance Gaussian."""
    source = ["fit_dynamics", f"dynamics/fit_dynamics/{entries[0]['part']}/metrics.json"] if entries else []
    rows = []
    by = {(e["horizon_k"], e["model_type"]): e["eval"] for e in entries}
    for e in entries:
        k, model, judged = e["horizon_k"], e["model_type"], e["eval"]
        if not e["seeds"] and model not in ("ridge_var", "gaussian_full", "vmf_published"):
            continue
        name, n, ends = f"dynamics.exp1.k{k}.{model}", judged["n_speakers"], judged["intervals"]
        full, linear, still = (by[k, b] for b in ("gaussian_full", "ridge_var", "persistence"))
        if judged["nll"] is not None:
            target = full["nll"] if model in _CHECKED else None
            rows.append(
                measure(
                    f"{name}.nll", judged["nll"], n=n, null=still["nll"], baseline=linear["nll"], target=target,
                    better="lower", sources=source, **_ends(ends["nll"]),
                )
            )  # fmt: skip
        if judged["direction_cosine"] is not None and model != "gaussian_full":
            # the null is mean reversion, which reaches a high cosine on frames that know nothing of each other
            rows.append(
                measure(
                    f"{name}.cos", judged["direction_cosine"], n=n, null=by[k, "mean_reversion"]["direction_cosine"],
                    baseline=linear["direction_cosine"], sources=source, **_ends(ends["direction_cosine"]),
                )
            )  # fmt: skip
        if judged["logmag_r2"] is not None:
            target = 0.0 if model in _CHECKED else None
            rows.append(
                measure(f"{name}.logmag_r2", judged["logmag_r2"], n=n, null=0.0, target=target, sources=source,
                        **_ends(ends["logmag_r2"]))
            )  # fmt: skip
        if model == "vmf" and (k, "mdn") in by and (found := paired_difference(judged, by[k, "mdn"], resamples, seed)):
            rows.append(
                measure(f"{name}.nll_minus_mdn", found[0], n=n, target=0.0, better="lower", sources=source,
                        **_ends(found[1]))
            )  # fmt: skip
    return rows


def experiment2_rows(diagnostics: Sequence[Block]) -> list[Row]:
    """``dynamics.exp2.{mode}.energy_score`` of sampled rollouts, beside persistence (null) and VAR (baseline)."""
    rows = []
    for d in diagnostics[:1]:
        source = ["diagnose_injection", f"dynamics/diagnose_injection/{d['part']}/metrics.json"]
        for mode, block in d["modes"].items():
            other = {name: d["predictors"].get(name, {}).get(mode, {}) for name in ("persistence", "ridge_var")}
            if block["energy_score"] is not None:
                rows.append(
                    measure(
                        f"dynamics.exp2.{mode}.energy_score", block["energy_score"], n=d["n_speakers"],
                        null=other["persistence"].get("energy_score"), baseline=other["ridge_var"].get("energy_score"),
                        better="lower", sources=source, **_ends(block["energy_score_interval"]),
                    )
                )  # fmt: skip
    return rows


def experiment1b_rows(summary: Block) -> list[Row]:
    """``dynamics.exp1b.{arm}.energy_score`` of free running; null: the model before; baseline: plain training."""
    arms = summary["arms"]
    source = ["finetune_rollout", f"dynamics/finetune_rollout/{summary['part']}/summary.json"]
    return [
        measure(
            f"dynamics.exp1b.{arm}.energy_score", block["energy_score"], n=summary["n_speakers"],
            null=arms["exp1"]["energy_score"], baseline=arms["teacher"]["energy_score"], better="lower",
            sources=source, **_ends(block["energy_score_interval"]),
        )
        for arm, block in arms.items()
        if arm != "exp1" and block["energy_score"] is not None
    ]  # fmt: skip


def experiment3_rows(lags: pd.DataFrame) -> list[Row]:
    """``dynamics.exp3.{codec}``: R² of the state at the shortest lag, persistence as baseline."""
    first = lags[(lags.form == "native") & (lags.lag_ms == lags.lag_ms.min())]
    source = ["compare_representations", "dynamics/compare_representations/lags.csv"]
    return [
        measure(
            f"dynamics.exp3.{r.representation}", float(r.state_r2), n=int(r.n_speakers), null=0.0,
            baseline=float(r.persistence_r2), sources=source, **_known(r.state_r2_low, r.state_r2_high),
        )
        for r in _records(first)
    ]  # fmt: skip


def experiment3b_rows(scores: pd.DataFrame, resamples: int, seed: int) -> list[Row]:
    """``dynamics.exp3b.direction_minus_magnitude``: log-mel distance at equal error; above 0, direction matters."""
    matched = scores[scores.family == "matched"]
    error = matched["mode"].str.extract(r"_e([\d.]+)$")[0].astype(float)
    own = matched[error == error.max()]
    kind = own["mode"].str.replace(r"_e[\d.]+$", "", regex=True)
    wide = own.assign(kind=kind).pivot_table(
        index=["speaker_id", "utterance_id"], columns="kind", values="log_mel_distance"
    )
    difference = wide["direction"] - (wide["shorter"] + wide["longer"]) / 2
    by = difference.groupby("speaker_id").agg(["sum", "count"])
    total, count = by["sum"].to_numpy(float), by["count"].to_numpy(float)
    ends = interval(lambda w: (w @ total) / (w @ count), len(count), resamples, seed)
    value = number(float(total.sum() / count.sum()))
    if value is None:
        return []
    source = ["synthesise_trajectories", "scores.csv"]
    name = "dynamics.exp3b.direction_minus_magnitude"
    return [measure(name, value, n=len(count), null=0.0, sources=source, **_ends(ends))]


def experiment4_rows(summary: pd.DataFrame, model: str, horizon: int) -> list[Row]:
    """``dynamics.exp4.{dim}``: R² of the projected difference; baseline: the full model seen through the same axes."""
    own = summary[(summary.model_type == model) & (summary.horizon_k == horizon)]
    source = ["read_out_components", "summary.csv"]
    return [
        measure(
            f"dynamics.exp4.{r.representation}", float(r.eval_delta_r2), n=int(r.n_speakers), null=0.0,
            baseline=number(r.full_model_delta_r2), sources=source, **_known(r.eval_delta_r2_low, r.eval_delta_r2_high),
        )
        for r in _records(own)
        if np.isfinite(r.eval_delta_r2)
    ]  # fmt: skip


def speed_row(speed: Block) -> Row:
    """``dynamics.steps_speedup``."""
    return measure(
        "dynamics.steps_speedup", speed["speedup"], target=SPEEDUP_TARGET, baseline=1.0,
        sources=["analyse_dynamics", "dynamics/analyse_dynamics/speed.json"],
    )  # fmt: skip


def _known(low: Any, high: Any) -> dict[str, Any]:
    return {"low": float(low), "high": float(high)} if np.isfinite(low) and np.isfinite(high) else {}


def _records(frame: pd.DataFrame) -> list[Any]:
    """Rows as named tuples, whose fields are what the columns hold."""
    return list(frame.itertuples(index=False))
