"""Tables of the page on latent dynamics."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sonoscope.report.blocks import Column, Table
from sonoscope.report.sources import Source

Sources = tuple[Source, ...]
Entries = Sequence[Mapping[str, Any]]

LABELS = {
    "vmf": "Direction × magnitude",
    "vmf_mixture": "Mixture of direction × magnitude",
    "mdn": "Mixture density network",
    "vmf_published": "Published head (clamped)",
    "persistence": "Persistence",
    "mean_reversion": "Mean reversion",
    "ar1": "AR(1) per coordinate",
    "ridge_var": "Linear, whole window",
    "gaussian_diagonal": "Gaussian, diagonal (no context)",
    "gaussian_full": "Gaussian, full covariance (no context)",
    "speaker_mean": "Reversion to the speaker's mean",
    "scale_only": "Gaussian, size by the context",
    "student_t": "Student t (no context)",
    "mixture": "Gaussian mixture (no context)",
    "uniform_lognormal": "Any direction × LogNormal (no context)",
}


ARMS = {
    "exp1": "Before: experiment 1",
    "rollout": "Own context",
    "teacher": "True context",
    "noise": "True context, noisy",
    "shifted": "Own context, published indexing",
}
MEASURES = {
    "log_mel_distance": Column("Log-mel distance", 3, "nats"),
    "modulation_distance": Column("Modulation distance", 3, "nats"),
    "si_sdr": Column("SI-SDR", 1, "dB"),
    "stoi": Column("STOI", 3),
    "pesq": Column("PESQ, wide-band", 2, "MOS-LQO"),
}
"""Objective measures as columns; see `sonoscope.audio.objective`."""


def label(model: str) -> str:
    """A model in words."""
    return LABELS.get(model, model)


def known(frame: pd.DataFrame, sources: Sources) -> Table:
    """One row per process and horizon: the chosen model, beside vMF and the published head."""
    chosen = frame[frame.chosen]
    keys = ["process", "horizon_k"]
    for name in ("vmf", "vmf_published"):
        own = frame[frame.model_type == name][[*keys, "gap"]].rename(columns={"gap": f"gap_{name}"})
        chosen = chosen.merge(own, on=keys, how="left")
    iid = frame[frame.model_type == "mean_reversion"][[*keys, "direction_cosine"]]
    chosen = chosen.merge(iid.rename(columns={"direction_cosine": "trivial_cosine"}), on=keys, how="left")
    chosen = chosen.assign(
        model=chosen.model_type.map(label), within=["yes" if g <= 0.02 else "no" for g in chosen.gap]
    )
    columns = {
        "process": Column("Process"),
        "horizon_k": Column("Horizon", 0, "frames"),
        "model": Column("Chosen on validation"),
        "gap": Column("Gap", 2, "%", 100),
        "within": Column("Within 2 %"),
        "nll": Column("NLL", 3, "nats per frame"),
        "nll_of_true_law": Column("NLL of the true law", 3, "nats per frame"),
        "gap_vmf": Column("Gap of direction × magnitude", 2, "%", 100),
        "gap_vmf_published": Column("Gap of the published head", 0, "%", 100),
        "direction_cosine": Column("Cosine", 3),
        "optimal_cosine": Column("Best possible", 3),
        "trivial_cosine": Column("By mean reversion", 3),
        "state_r2": Column("State R²", 3),
        "optimal_state_r2": Column("Best possible R²", 3),
        "n": Column("Frames", 0),
    }
    return Table("dynamics-known", "Known answers", chosen, columns, sources=sources)


def experiment1(entries: Entries, sources: Sources) -> Table:
    """Every model at every horizon."""
    rows = []
    for e in entries:
        judged = e["eval"]
        low, high = judged["intervals"]["dnll"] or (None, None)
        rows.append(
            {
                "model": label(e["model_type"]),
                "horizon_k": e["horizon_k"],
                **{n: judged[n] for n in ("n", "n_speakers", "nll", "nll_median", "dnll", "direction_cosine")},
                **{
                    n: judged.get(n) for n in ("state_r2", "delta_r2", "logmag_r2", "logmag_skill", "logmag_r2_of_mean")
                },
                "kept": kept(e),
                "low": low,
                "high": high,
                "spread": judged["seeds"]["nll_between_seeds"],
                "published_dnll": judged.get("dnll_published_baseline"),
                "gap": (e["rollout"] or {}).get("gap_nll"),
            }
        )
    columns = {
        "model": Column("Model"),
        "horizon_k": Column("Horizon", 0, "frames"),
        "nll": Column("NLL", 2, "nats per frame"),
        "dnll": Column("ΔNLL", 2, "nats per frame"),
        "low": Column("95 % from", 2),
        "high": Column("to", 2),
        "spread": Column("SD of seeds", 2),
        "kept": Column("Updates kept"),
        "nll_median": Column("Median NLL", 2),
        "direction_cosine": Column("Cosine", 3),
        "state_r2": Column("State R²", 3),
        "delta_r2": Column("R² against persistence", 3),
        "logmag_r2": Column("Log-magnitude R²", 3),
        "logmag_skill": Column("against the training mean", 3),
        "logmag_r2_of_mean": Column("as published", 3),
        "published_dnll": Column("ΔNLL, published baseline", 2),
        "gap": Column("Published context gap", 1, "nats"),
        "n_speakers": Column("Speakers", 0),
    }
    return Table("dynamics-exp1", "Every model", pd.DataFrame(rows), columns, folded=True, sources=sources)


def kept(entry: Mapping[str, Any]) -> str | None:
    """Updates after which validation speakers were predicted best, of each seed; 0 is the closed form it began at."""
    steps = (entry.get("training") or {}).get("best_step")
    return None if steps is None else ", ".join(map(str, steps))


def arms(summary: Mapping[str, Any], sources: Sources) -> Table:
    """Arms of experiment 1B."""
    rows = []
    for arm, block in summary["arms"].items():
        low, high = block["energy_score_interval"] or (None, None)
        named = {"arm": ARMS.get(arm, arm), "low": low, "high": high}
        rows.append(named | {k: v for k, v in block.items() if k != "losses"})
    columns = {
        "arm": Column("Arm"),
        "teacher_nll": Column("NLL, true context", 2, "nats per frame"),
        "teacher_cos": Column("Cosine, true context", 3),
        "energy_score": Column("Energy score, free", 3),
        "low": Column("95 % from", 3),
        "high": Column("to", 3),
        "rollout_cos": Column("Cosine, free", 3),
        "rollout_state_err_normalised": Column("Error, free", 3, "σ√D"),
        "off_manifold": Column("Off the manifold", 1, "%", 100),
        "auc": Column("Told apart (AUC)", 3),
    }
    n = summary["n_speakers"]
    return Table("dynamics-arms", f"Arms, {n} speakers", pd.DataFrame(rows), columns, sources=sources)


def modes(frame: pd.DataFrame, sources: Sources) -> Table:
    """The published table of experiment 2, with what it lacked: averages over steps."""
    names = ["dnll", "cos", "mag_ratio", "state_err", "state_err_normalised"]
    names += ["energy_score", "spread_skill", "off_manifold", "auc"]
    means = frame.groupby(["predictor", "mode"], sort=False)[names].mean().reset_index()
    means["predictor"] = means.predictor.map(label)
    columns = {
        "predictor": Column("Rolled out"),
        "mode": Column("Mode"),
        "dnll": Column("ΔNLL", 2, "nats per frame"),
        "cos": Column("Cosine", 3),
        "mag_ratio": Column("Length ratio", 2),
        "state_err": Column("Error before the step", 2),
        "state_err_normalised": Column("Error after it", 3, "σ√D"),
        "energy_score": Column("Energy score", 3),
        "spread_skill": Column("Spread over error", 2),
        "off_manifold": Column("Off the manifold", 1, "%", 100),
        "auc": Column("Told apart (AUC)", 3),
    }
    return Table("dynamics-modes", "Averages over the steps", means, columns, sources=sources)


def representations(frame: pd.DataFrame, sources: Sources) -> Table:
    """One row per codec."""
    columns = {
        "representation": Column("Codec"),
        "tier": Column("Evidence on"),
        "frame_rate": Column("Frames", 1, "per second"),
        "dim": Column("Dimensions", 0),
        "gain_per_dim": Column("Gain", 3, "nats per dimension"),
        "gain_per_second": Column("Gain", 1, "nats per second"),
        "direction_cos": Column("Cosine", 3),
        "rollout_energy_score": Column("Energy score, free", 3),
        "rollout_state_err_normalised": Column("Error, free", 3, "σ√D"),
        "best_eval_dnll": Column("Best ΔNLL (published)", 2, "nats per frame"),
    }
    return Table("dynamics-codecs", "Codecs", frame, columns, sources=sources)


def trajectories(frame: pd.DataFrame, sources: Sources) -> Table:
    """Mean scores of every mode."""
    measured = [name for name in MEASURES if name in frame and frame[name].notna().any()]
    names = ["latent_error", *measured]
    means = frame.groupby(["family", "mode"], sort=False)[names].mean().reset_index()
    means["n"] = frame.groupby(["family", "mode"], sort=False).size().to_numpy()
    columns = {
        "mode": Column("Mode"),
        "family": Column("Family"),
        "latent_error": Column("Latent error", 2, "RMS steps"),
        **{name: MEASURES[name] for name in measured},
        "n": Column("Utterances", 0),
    }
    return Table("dynamics-trajectory-scores", "Scores against the decoded true path", means, columns, sources=sources)


def components(frame: pd.DataFrame, sources: Sources) -> Table:
    """Projections beside the full model."""
    shown = frame.assign(model=frame.model_type.map(label))
    columns = {
        "representation": Column("Axes"),
        "model": Column("Model"),
        "horizon_k": Column("Horizon", 0, "frames"),
        "kept_variance": Column("Variance kept", 1, "%", 100),
        "eval_delta_r2": Column("R² of the difference", 3),
        "eval_delta_r2_low": Column("95 % from", 3),
        "eval_delta_r2_high": Column("to", 3),
        "full_model_delta_r2": Column("Full model, same axes", 3),
        "eval_dnll_per_dim": Column("ΔNLL", 3, "nats per dimension"),
        "eval_direction_cos": Column("Cosine", 3),
        "n_speakers": Column("Speakers", 0),
    }
    return Table("dynamics-components", "Principal components", shown, columns, sources=sources)
