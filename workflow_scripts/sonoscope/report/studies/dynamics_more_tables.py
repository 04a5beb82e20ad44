"""Tables of experiments 5 to 11."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sonoscope.report.blocks import Column, Table
from sonoscope.report.sources import Source

Sources = tuple[Source, ...]
Blocks = Sequence[Mapping[str, Any]]


def conclusions(frame: pd.DataFrame, sources: Sources) -> Table:
    """Every published conclusion and its verdict."""
    columns = {
        "experiment": Column("Exp."),
        "conclusion": Column("Published conclusion"),
        "verdict": Column("Here"),
        "measured": Column("Because"),
        "tier": Column("Evidence on"),
        "n": Column("n", 0),
        "published": Column("What was published"),
    }
    return Table("dynamics-conclusions", "Published conclusions", frame, columns, sources=sources)


def bottlenecks(frame: pd.DataFrame, name: str, title: str, sources: Sources) -> Table:
    """One row per trained bottleneck."""
    columns = {
        "variant": Column("Bottleneck"),
        "active_units": Column("Active units", 0, "%", 100),
        "effective_rank": Column("Effective rank", 1),
        "effective_rank_of_steps": Column("of its steps", 1),
        "kl_per_frame": Column("Divergence", 1, "nats per frame"),
        "log_mel_distance": Column("Log-mel distance", 2, "nats"),
        "log_mel_low": Column("95 % from", 2),
        "log_mel_high": Column("to", 2),
        "stoi": Column("STOI", 2),
        "pesq": Column("PESQ", 2, "MOS-LQO"),
        "si_sdr": Column("SI-SDR", 1, "dB"),
        "state_r2": Column("State R²", 3),
        "state_r2_low": Column("95 % from", 3),
        "state_r2_high": Column("to", 3),
        "linear_state_r2": Column("the same, linear", 3),
        "dnll_per_dim": Column("ΔNLL", 3, "nats per dimension"),
        "direction_cosine": Column("Cosine", 3),
        "rollout_energy_score": Column("Energy score, free", 3),
        "best_eval_dnll": Column("Best ΔNLL (published)", 2, "nats per frame"),
        "n_speakers": Column("Speakers", 0),
    }
    caption = "State R² is of the model of experiment 1 at the rollout's horizon. PESQ is empty without its package."
    return Table(name, title, frame, columns, caption, sources=sources)


def judged(rows: Blocks, sources: Sources) -> Table:
    """Corrections on test speakers."""
    names = {
        "none": "None", "best": "Chosen by energy score", "best_by_state_err": "Chosen by tracking error",
        "control": "Control: towards the mean",
    }  # fmt: skip
    shown = []
    for r in rows:
        low, high = r["energy_score_change_interval"] or (None, None)
        what = "" if "method" not in r else f"{r['method']}, σ {r['sigma']:g}"
        shown.append({**r, "label": names.get(r["name"], r["name"]), "what": what, "low": low, "high": high})
    columns = {
        "label": Column("Correction"),
        "what": Column("Setting"),
        "energy_score": Column("Energy score", 3),
        "energy_score_change": Column("Change", 4),
        "low": Column("95 % from", 4),
        "high": Column("to", 4),
        "state_err_normalised": Column("Error of mean rollout", 3, "σ√D"),
        "cos": Column("Cosine", 3),
        "spread_skill": Column("Spread over error", 2),
        "off_manifold": Column("Off the manifold", 1, "%", 100),
        "n_speakers": Column("Speakers", 0),
    }
    frame = pd.DataFrame(shown)
    return Table("dynamics-exp6-best", "Corrected rollouts of test speakers", frame, columns, sources=sources)


def known_scores(frame: pd.DataFrame, sources: Sources) -> Table:
    """Denoising on laws whose best denoiser is known."""
    columns = {
        "law": Column("Law"),
        "correction": Column("Correction"),
        "sigma": Column("Noise", 2, "deviations"),
        "error": Column("Squared error", 4),
        "least_error": Column("Least possible", 4),
        "gap": Column("Gap", 2, "%", 100),
        "gaussian_gap": Column("Gap of the Gaussian start", 2, "%", 100),
        "uncorrected": Column("Without correction", 4),
    }
    return Table("dynamics-exp6-known", "Known answers", frame, columns, folded=True, sources=sources)


def sweep(frame: pd.DataFrame, sources: Sources) -> Table:
    """All settings on validation speakers."""
    columns = {
        "mode": Column("Mode"),
        "method": Column("Method"),
        "sigma": Column("σ", 2),
        "n_steps": Column("Steps", 0),
        "step_size": Column("Step size", 2, "σ²"),
        "tweedie_scale": Column("Scale", 2),
        "energy_score": Column("Energy score", 4),
        "state_err_normalised": Column("Error of mean rollout", 4, "σ√D"),
        "cos": Column("Cosine", 3),
        "off_manifold": Column("Off the manifold", 1, "%", 100),
        "displacement": Column("Moved by", 3, "deviations"),
    }
    shown = frame.assign(method=frame.method.fillna("none"))
    title = "The sweep, on validation speakers"
    return Table("dynamics-exp6-sweep", title, shown, columns, folded=True, sources=sources)


def lengths(frame: pd.DataFrame, sources: Sources) -> Table:
    """Scores of rollouts by length."""
    columns = {
        "kind": Column("Filled by"),
        "rollout_length": Column("Length", 0, "frames"),
        "log_mel_distance": Column("Log-mel distance", 2, "nats"),
        "log_mel_distance_low": Column("95 % from", 2),
        "log_mel_distance_high": Column("to", 2),
        "modulation_distance": Column("Modulation distance", 2, "nats"),
        "stoi": Column("STOI", 2),
        "pesq": Column("PESQ", 2, "MOS-LQO"),
        "latent_error": Column("Latent error", 2),
        "n": Column("Clips", 0),
    }
    return Table("dynamics-exp7", "Scores against the decoded true path", frame, columns, folded=True, sources=sources)


def codebooks(frame: pd.DataFrame, sources: Sources) -> Table:
    """Codebooks of every kind and size."""
    columns = {
        "kind": Column("Codes of"),
        "k": Column("Codes", 0),
        "angle_mean": Column("Angle", 1, "°"),
        "angle_low": Column("95 % from", 1),
        "angle_high": Column("to", 1),
        "null_isotropic": Column("Isotropic", 1, "°"),
        "null_linear_gaussian": Column("Linear Gaussian", 1, "°"),
        "null_mean_reverting": Column("Frames at random", 1, "°"),
        "sign_quantiser_angle": Column("Signs, equal bits", 1, "°"),
        "perplexity": Column("Perplexity", 1),
        "entropy_ratio": Column("Entropy", 1, "% of log K", 100),
        "divergence_open": Column("Divergence, open", 2, "σ√D"),
        "divergence_closed": Column("closed", 2, "σ√D"),
        "log_mel_distance_open": Column("Log-mel, open", 2, "nats"),
        "log_mel_distance_closed": Column("closed", 2, "nats"),
    }
    names = {"normalized": "directions", "unnormalized": "differences", "state_vq": "states"}
    shown = frame.assign(kind=frame.kind.map(names))
    return Table("dynamics-exp8", "Codebooks", shown, columns, sources=sources)


def forced(found: Mapping[str, Any], sources: Sources) -> Table:
    """The model on true contexts beside simple guesses."""
    names = {
        "unigram": "The commonest code", "bigram": "What mostly follows", "mean_reversion": "Back to the mean",
        "ridge_var": "Linear prediction, nearest code",
    }  # fmt: skip
    low, high = found["top1_interval"] or (None, None)
    keys = ("top1", "top5", "cross_entropy", "perplexity", "calibration_error")
    rows: list[dict[str, Any]] = [
        {"model": "Autoregression over codes", "low": low, "high": high, **{k: found[k] for k in keys}}
    ]
    rows += [{"model": names[n], **block} for n, block in found["baselines"].items()]
    columns = {
        "model": Column("Guess"),
        "top1": Column("Top 1", 1, "%", 100),
        "low": Column("95 % from", 1, "%", 100),
        "high": Column("to", 1, "%", 100),
        "top5": Column("Top 5", 1, "%", 100),
        "cross_entropy": Column("Cross-entropy", 3, "nats"),
        "perplexity": Column("Perplexity", 1),
        "calibration_error": Column("Calibration error", 1, "%", 100),
    }
    caption = (
        f"{found['codes']} codes, {found['n']} frames of {found['n_speakers']} test speakers. Codes by themselves have "
        f"{found['marginal_entropy']:.2f} nats; {found['uniform_entropy']:.2f} if all were equally common."
    )
    frame = pd.DataFrame(rows)
    return Table("dynamics-exp10-forced", "The next code on true contexts", frame, columns, caption, sources=sources)


def rolled(rows: Blocks, sources: Sources) -> Table:
    """Every strategy and length."""
    columns = {
        "strategy": Column("Rolled out by"),
        "k_max": Column("Length", 0, "frames"),
        "mean_direction_cosine": Column("Cosine", 3),
        "final_direction_cosine": Column("at the last step", 3),
        "mean_dir_top1_acc": Column("Right code", 1, "%", 100),
        "final_state_err_normalised": Column("Error", 3, "σ√D"),
        "energy_score": Column("Energy score", 3),
        "lost": Column("Lost", 1, "%", 100),
        "n_speakers": Column("Speakers", 0),
    }
    frame = pd.DataFrame(list(rows)).reindex(columns=list(columns))
    return Table("dynamics-exp10", "Rollouts", frame, columns, folded=True, sources=sources)


def paired(found: Mapping[str, Any], sources: Sources) -> Table:
    """Denoised conditions against none and against the control."""
    rows = []
    for name, p in found["conditions"].items():
        before, control = [k.removeprefix("minus_") for k in p if k.startswith("minus_") and not k.endswith("interval")]
        low, high = p[f"minus_{before}_interval"] or (None, None)
        control_low, control_high = p[f"minus_{control}_interval"] or (None, None)
        flow = next((k for k in p if k.endswith("_flow")), None)
        rows.append(
            {
                "condition": name, "measure": p["measure"].replace("final_", "").replace("_", " "), "none": p[before],
                "tweedie": p[name], "change": p[f"minus_{before}"], "low": low, "high": high, "control": p[control],
                "against": p[f"minus_{control}"], "control_low": control_low, "control_high": control_high,
                "flow": p[flow] if flow else None, "n": p["n_speakers"],
            }
        )  # fmt: skip
    columns = {
        "condition": Column("Condition"),
        "measure": Column("Judged by"),
        "none": Column("Without", 3),
        "tweedie": Column("Denoised", 3),
        "change": Column("Change", 4),
        "low": Column("95 % from", 4),
        "high": Column("to", 4),
        "control": Column("Shrunk as far", 3),
        "against": Column("Change against it", 4),
        "control_low": Column("95 % from", 4),
        "control_high": Column("to", 4),
        "flow": Column("End of the flow", 3),
        "n": Column("Speakers", 0),
    }
    caption = "Lower is better; differences are paired by starting point, test speakers, the level from validation."
    frame = pd.DataFrame(rows)
    return Table("dynamics-exp11-paired", "What denoising changes", frame, columns, caption, sources=sources)


def conditions(rows: Blocks, sources: Sources) -> Table:
    """Every condition and length."""
    columns = {
        "condition": Column("Condition"),
        "sigma": Column("σ", 2),
        "k_max": Column("Length", 0, "frames"),
        "final_state_err_normalised": Column("Error of the last frame", 3, "σ√D"),
        "mean_direction_cosine": Column("Cosine", 3),
        "final_magnitude_ratio": Column("Length ratio", 2),
        "energy_score": Column("Energy score", 3),
        "nan_total": Column("Lost", 0),
        "n_total": Column("Starts", 0),
    }
    frame = pd.DataFrame(list(rows)).reindex(columns=list(columns))
    return Table("dynamics-exp11", "All conditions", frame, columns, folded=True, sources=sources)
