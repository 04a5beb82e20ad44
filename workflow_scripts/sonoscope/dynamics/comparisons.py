"""Bottlenecks side by side: reconstruction, life of the latents, predictability (experiments 5 and 9)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sonoscope.scorecard import Row, measure

Block = Mapping[str, Any]
ALIVE = 0.8
"""Share of active units that latents have to have."""


def summary_row(
    name: str, about: Block, recon: Block, health: Block, entries: Sequence[Block], diagnostic: Block
) -> dict[str, Any]:
    """One row of ``summary.csv``, published columns first.

    Parameters
    ----------
    name : str
    about : mapping
        Weights of the losses, by their published names.
    recon, health : mapping
        ``recon_metrics.json`` and ``health.json``.
    entries, diagnostic : sequence, mapping
        ``metrics.json`` and ``injection_diag.json`` of the battery.
    """
    own = [e for e in entries if e["model_type"] == diagnostic["predictor"]]
    k = diagnostic["horizon_k"]
    judged = next(e["eval"] for e in own if e["horizon_k"] == k)
    linear = next(e["eval"] for e in entries if e["model_type"] == "ridge_var" and e["horizon_k"] == k)
    gains = [e["eval"]["dnll"] for e in own if e["eval"]["dnll"] is not None]
    rolled, posterior = diagnostic["modes"]["D_rollout"], health["posterior"]
    low, high = judged["intervals"]["state_r2"] or (None, None)
    linear_low, linear_high = linear["intervals"]["state_r2"] or (None, None)
    return {
        "variant": name,
        **about,
        "best_eval_dnll": min(gains) if gains else None,
        "recon_l1": recon["l1_mean"],
        "recon_mel": recon["mel_distance_mean"],
        "rollout_state_err": rolled["state_err"],
        "rollout_cos": rolled["cos"],
        "dim": health["dim"],
        "active_units": health["active_units"],
        "effective_rank": health["effective_rank"],
        "effective_rank_of_steps": health["effective_rank_of_steps"],
        "kl_per_frame": posterior.get("kl_per_frame"),
        "feature_r2": posterior.get("feature_r2"),
        "log_mel_distance": recon["log_mel_distance"],
        "log_mel_low": (recon["log_mel_distance_interval"] or [None])[0],
        "log_mel_high": (recon["log_mel_distance_interval"] or [None])[-1],
        "si_sdr": recon["si_sdr"],
        "stoi": recon["stoi"],
        "pesq": recon["pesq"],
        "horizon_k": k,
        "state_r2": judged["state_r2"],
        "state_r2_low": low,
        "state_r2_high": high,
        "linear_state_r2": linear["state_r2"],
        "linear_state_r2_low": linear_low,
        "linear_state_r2_high": linear_high,
        "dnll_per_dim": judged["dnll_per_dim"],
        "direction_cosine": judged["direction_cosine"],
        "rollout_state_err_normalised": rolled["state_err_normalised"],
        "rollout_energy_score": rolled["energy_score"],
        "rollout_energy_score_persistence": diagnostic["predictors"]["persistence"]["D_rollout"]["energy_score"],
        "recon_n": recon["n_utterances"],
        "recon_n_speakers": recon["n_speakers"],
        "n_speakers": judged["n_speakers"],
        "tier": diagnostic["tier"],
    }


def rows_of(prefix: str, row: Block, source: Sequence[str], codec: float | None = None) -> list[Row]:
    """``{prefix}.{active_units,effective_rank,logmel,state_r2,energy_score}``.

    ``codec`` is the log-mel distance of the codec without the bottleneck.
    """
    rows = [
        measure(f"{prefix}.active_units", row["active_units"], n=int(row["dim"]), target=ALIVE, sources=source),
        measure(f"{prefix}.effective_rank", row["effective_rank"], n=int(row["dim"]),
                baseline=row["effective_rank_of_steps"], sources=source),
        measure(f"{prefix}.logmel", row["log_mel_distance"], n=int(row["recon_n_speakers"]), better="lower",
                baseline=codec, sources=source, **_ends(row["log_mel_low"], row["log_mel_high"])),
    ]  # fmt: skip
    if row["state_r2"] is not None:
        rows.append(
            measure(f"{prefix}.state_r2", row["state_r2"], n=int(row["n_speakers"]), null=0.0,
                    baseline=row["linear_state_r2"], sources=source, **_ends(row["state_r2_low"], row["state_r2_high"]))
        )  # fmt: skip
    if row["rollout_energy_score"] is not None:
        rows.append(
            measure(f"{prefix}.energy_score", row["rollout_energy_score"], n=int(row["n_speakers"]), better="lower",
                    null=row["rollout_energy_score_persistence"], sources=source)
        )  # fmt: skip
    return rows


def _ends(low: Any, high: Any) -> dict[str, Any]:
    return {} if low is None or high is None or pd.isna(low) or pd.isna(high) else {"low": low, "high": high}
