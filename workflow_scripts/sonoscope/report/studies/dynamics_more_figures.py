"""Figures of experiments 5 to 11."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Drawing

from sonoscope.report import style
from sonoscope.report.blocks import Figure
from sonoscope.report.sources import Source

Sources = tuple[Source, ...]
_DASHED = (0, (4, 4))


def quality(frame: pd.DataFrame, sources: Sources) -> Figure:
    """Reconstruction against predictability, one mark per variant."""
    best = frame.sort_values("state_r2").iloc[-1]
    return Figure(
        "dynamics-exp5-quality", "Quality against predictability", partial(_draw_quality, frame), frame,
        "Up is more predictable, left is better sound. Filled: the model of experiment 1; open: a linear prediction. "
        "Bars: 95 % intervals over speakers.",
        f"Scatter plot. The most predictable is {best.variant}, R² {best.state_r2:.2f} at "
        f"{best.log_mel_distance:.2f} nats.", sources=sources,
    )  # fmt: skip


def _draw_quality(frame: pd.DataFrame) -> Drawing:
    figure, ax = style.axes()
    for i, (_, r) in enumerate(frame.iterrows()):
        colour = style.ink(f"c{i}")
        ax.hlines(r.state_r2, r.log_mel_low, r.log_mel_high, color=colour, linewidth=0.9)
        ax.vlines(r.log_mel_distance, r.state_r2_low, r.state_r2_high, color=colour, linewidth=0.9)
        ax.plot(r.log_mel_distance, r.state_r2, "o", color=colour, markersize=6, label=str(r.variant))
        ax.plot(r.log_mel_distance, r.linear_state_r2, "o", color=colour, markersize=6, fillstyle="none")
    ax.set_xlabel("log-mel distance of a round trip (nats)")
    ax.set_ylabel("R² of the next state")
    ax.legend(frameon=False, fontsize=8)
    return figure


def gaps(frame: pd.DataFrame, sources: Sources) -> Figure:
    """Excess error over the best denoiser, by noise and law."""
    own = frame[frame.correction == "tweedie"]
    return Figure(
        "dynamics-exp6-gaps", "How close denoising comes to the best possible", partial(_draw_gaps, own), frame,
        "Excess of the squared error over that of the best denoiser, on the same frames. Dashed: the 5 % that is asked "
        "for. Open: the Gaussian that training begins at, which knows nothing of the mixture.",
        f"Dot plot on a logarithmic axis. The worst gap is {100 * own.gap.max():.1f} percent.", sources=sources,
    )  # fmt: skip


def _draw_gaps(frame: pd.DataFrame) -> Drawing:
    figure, ax = style.axes(2.6)
    ends = []
    for i, (law, own) in enumerate(frame.groupby("law", sort=False)):
        colour = style.ink(f"c{i}")
        ax.plot(own.sigma, (100 * own.gap).clip(lower=1e-2), "o-", color=colour, markersize=4)
        ax.plot(own.sigma, (100 * own.gaussian_gap).clip(lower=1e-2), "o", color=colour, fillstyle="none", markersize=4)
        ends.append((float(own.sigma.iloc[-1]), float((100 * own.gap).clip(lower=1e-2).iloc[-1]), str(law), colour))
    ax.axhline(5, color=style.ink("muted"), linestyle=_DASHED, linewidth=0.9)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ticks = sorted(set(frame.sigma))
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.set_xlabel("noise (deviations of a coordinate)")
    ax.set_ylabel("gap to the best (%)")
    style.label_lines(ax, ends)
    return figure


def lengths(frame: pd.DataFrame, sources: Sources) -> Figure:
    """Log-mel distance around the rolled frames against their number."""
    last = frame[frame.rollout_length == frame.rollout_length.max()].set_index("kind").log_mel_distance
    told = "; ".join(f"{kind} {value:.2f}" for kind, value in last.items())
    return Figure(
        "dynamics-exp7-lengths", "What rolled frames cost", partial(_draw_lines, frame, "rollout_length", "kind",
        "log_mel_distance", "length (frames)", "log-mel distance (nats)", True), frame,
        "Log-mel distance of the rolled frames and a few around them to the decoded true path; bars: 95 % intervals "
        "over speakers. Interpolation knows the next true frame, which no rollout does.",
        f"Line chart of distance against length. At the longest: {told}.", sources=sources,
    )  # fmt: skip


def _draw_lines(
    frame: pd.DataFrame, x: str, series: str, y: str, x_title: str, y_title: str, doubling: bool = False
) -> Drawing:
    figure, ax = style.axes()
    ends = []
    for i, (name, own) in enumerate(frame.groupby(series, sort=False)):
        seen = own.dropna(subset=[y]).sort_values(x)
        if seen.empty:
            continue
        colour = style.ink(f"c{i % 8}")
        across = seen[x] * (1 + 0.02 * i) if doubling else seen[x]
        ax.plot(across, seen[y], color=colour, marker="o", markersize=3.5)
        if f"{y}_low" in seen and seen[f"{y}_low"].notna().all():
            ax.vlines(across, seen[f"{y}_low"], seen[f"{y}_high"], color=colour, linewidth=0.8)
        ends.append((float(across.iloc[-1]), float(seen[y].iloc[-1]), str(name).replace("_", " "), colour))
    if doubling:
        ax.set_xscale("log", base=2)
        ticks = sorted(set(frame[x]))
        ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.set_xlabel(x_title)
    ax.set_ylabel(y_title)
    style.label_lines(ax, ends)
    return figure


def angles(frame: pd.DataFrame, sources: Sources) -> Figure:
    """Angle to the nearest code against the size of the codebook, with nulls."""
    own = frame[frame.kind == "normalized"]
    names = {
        "angle_mean": "speech", "null_isotropic": "isotropic", "null_linear_gaussian": "linear Gaussian",
        "null_mean_reverting": "frames at random",
    }  # fmt: skip
    long = pd.concat(
        [own[["k", c]].rename(columns={c: "angle"}).assign(series=n) for c, n in names.items()], ignore_index=True
    )
    ends = own.set_index("k")[["angle_low", "angle_high"]]
    real = long.series == "speech"
    long["angle_low"] = np.where(real, long.k.map(ends.angle_low), np.nan)
    long["angle_high"] = np.where(real, long.k.map(ends.angle_high), np.nan)
    top = own.sort_values("k").iloc[-1]
    return Figure(
        "dynamics-exp8-angles", "Do directions cluster?",
        partial(_draw_lines, long, "k", "series", "angle", "codes", "angle to the nearest code (°)", True), long,
        f"Held-out speakers, {int(top.k)} codes at most. Below ‘frames at random’, directions have more structure than "
        "going back to the mean gives.",
        f"Line chart of angle against codes. At {int(top.k)}: {top.angle_mean:.1f} degrees, isotropic "
        f"{top.null_isotropic:.1f}, frames at random {top.null_mean_reverting:.1f}.", sources=sources,
    )  # fmt: skip


def history(frame: pd.DataFrame, sources: Sources) -> Figure:
    """Losses of the VAE-GAN as they went."""
    names = ("reconstruction", "divergence", "distillation", "adversarial", "features", "discriminator")
    long = frame.melt("step", [c for c in names if c in frame], "loss", "value").dropna()
    last = frame.iloc[-1]
    return Figure(
        "dynamics-exp9-history", "Training of the VAE-GAN",
        partial(_draw_lines, long, "step", "loss", "value", "update", "weighed loss"), long,
        "Losses averaged between looks. The discriminators join after the codec has learned to reconstruct.",
        f"Line chart of losses. At the end the reconstruction is {last.reconstruction:.2f}.", sources=sources,
    )  # fmt: skip


def strategies(frame: pd.DataFrame, sources: Sources) -> Figure:
    """Cosine of chosen to true steps against the step."""
    first, last = frame[frame.step == 1], frame[frame.step == frame.step.max()]
    told = "; ".join(
        f"{a.strategy} {a.direction_cosine:.2f} to {b.direction_cosine:.2f}"
        for a, b in zip(first.itertuples(), last.itertuples(), strict=True)
    )
    return Figure(
        "dynamics-exp10-steps", "Direction of rolled steps",
        partial(_draw_lines, frame, "step", "strategy", "direction_cosine", "step", "cosine to the true step"), frame,
        "Mean cosine of the step that was taken to the true one, from the same starting points. Drawn steps lie lower "
        "by their nature: another future is as good.",
        f"Line chart of cosine against step, first to last: {told}.", sources=sources,
    )  # fmt: skip


def denoised(entries: Sequence[Mapping[str, Any]], sources: Sources) -> Figure:
    """Error against the step, by condition."""
    longest = max(e["k_max"] for e in entries)
    rows = [
        {"condition": e["condition"], **step}
        for e in entries
        if e["k_max"] == longest and not e["condition"].endswith(("_shrink", "_flow"))
        for step in e["per_step"]
    ]
    frame = pd.DataFrame(rows)
    last = frame[frame.step == longest].set_index("condition").state_err_normalised
    told = "; ".join(f"{name} {value:.2f}" for name, value in last.items() if value is not None)
    return Figure(
        "dynamics-exp11-steps", "Error of rollouts, denoised or not",
        partial(_draw_lines, frame, "step", "condition", "state_err_normalised", "step", "error (σ√D)"), frame,
        "Distance to the true frame after each step. A perfect sampler ends at √2, always giving the mean at 1: that "
        "denoising lowers it is no merit by itself, so see the energy score and the control in the table.",
        f"Line chart of error against step. At step {longest}: {told}.", sources=sources,
    )  # fmt: skip
