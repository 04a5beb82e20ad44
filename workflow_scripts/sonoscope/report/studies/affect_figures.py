"""Figures of the affect study: what is predicted against what is true, and what the annotations look like."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Drawing

from sonoscope.report.blocks import Figure
from sonoscope.report.numbers import show
from sonoscope.report.sources import Source
from sonoscope.report.style import WIDTH, ink

DIMENSIONS = ("valence", "arousal")
_LIMITS = (-1.05, 1.05)
Sources = tuple[Source, ...]


def scatter(corpus: str, predictions: pd.DataFrame, model: str, label: str, sources: Sources) -> Figure:
    """Prediction against label, one point per bar, both dimensions."""
    chosen = predictions[predictions.model == model].reset_index(drop=True)
    songs = chosen.song_id.nunique()

    def draw() -> Drawing:
        figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.2), sharey=True)
        for k, (ax, dimension) in enumerate(zip(axes, DIMENSIONS, strict=True)):
            ax.plot(_LIMITS, _LIMITS, color=ink("muted"), linewidth=0.8, linestyle=(0, (4, 4)))
            x, y = chosen[f"true_{dimension}"], chosen[dimension]
            ax.scatter(x, y, s=5, alpha=0.35, color=ink(f"c{k}"), linewidths=0, rasterized=True)
            ax.set(xlim=_LIMITS, xlabel=f"{dimension} as annotated", title=dimension.capitalize())
        axes[0].set(ylim=(-1.3, 1.3), ylabel="predicted")
        return figure

    return Figure(
        name=f"affect-{corpus}-scatter-{model}",
        title=f"{label}: predicted against annotated",
        draw=draw,
        data=chosen[["clip_id", "bar_number", *DIMENSIONS, *(f"true_{d}" for d in DIMENSIONS)]],
        caption=(
            f"One point per bar, {len(chosen):,} bars of {songs} songs that the model did not learn from. On the "
            "dashed line a prediction is right; a cloud flatter than it is drawn to the mean."
        ),
        alt="Two scatter plots of predicted against annotated valence and arousal per bar.",
        sources=sources,
    )


def comparison(corpus: str, metrics: pd.DataFrame, names: Sequence[tuple[str, str]], sources: Sources) -> Figure:
    """CCC per bar of all models with intervals."""
    rows = metrics[(metrics.against == "labels") & (metrics.level == "bar") & (metrics.metric == "ccc")]
    order = [name for name, _ in names if name in set(rows.model)]
    words = dict(names)
    shown = rows[rows.model.isin(order)]

    def draw() -> Drawing:
        figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 0.6 + 0.24 * len(order)), sharey=True)
        for k, (ax, dimension) in enumerate(zip(axes, DIMENSIONS, strict=True)):
            for place, model in enumerate(reversed(order)):
                row = shown[(shown.model == model) & (shown.dimension == dimension)]
                if row.empty:
                    continue
                r = row.iloc[0]
                if np.isfinite(r.low):
                    ax.plot([r.low, r.high], [place, place], color=ink(f"c{k}"), linewidth=1.6)
                ax.plot(r.value, place, "o", color=ink(f"c{k}"), markersize=4.5)
            ax.axvline(0, color=ink("muted"), linewidth=0.8, linestyle=(0, (4, 4)))
            ax.set(xlabel="CCC per bar", title=dimension.capitalize())
            ax.grid(axis="y", visible=False)
        axes[0].set_yticks(range(len(order)), [words[m] for m in reversed(order)])
        return figure

    songs = int(shown.songs.max()) if len(shown) else 0
    return Figure(
        name=f"affect-{corpus}-ccc",
        title="Agreement of all models",
        draw=draw,
        data=shown.drop(columns=["against", "level"]),
        caption=(
            f"Lin's concordance correlation over bars of {songs} unseen songs; lines are 95 % intervals from "
            "resampling whole songs. 0 is what a constant reaches."
        ),
        alt="Dots with intervals: concordance of each model for valence and for arousal.",
        sources=sources,
    )


def reliability(corpus: str, table: pd.DataFrame, model: str, sources: Sources) -> Figure:
    """Mean label against mean prediction, by tenths of the predictions."""
    chosen = table[table.model == model]

    def draw() -> Drawing:
        figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.0), sharey=True)
        for k, (ax, dimension) in enumerate(zip(axes, DIMENSIONS, strict=True)):
            rows = chosen[chosen.dimension == dimension].sort_values("predicted")
            ax.plot(_LIMITS, _LIMITS, color=ink("muted"), linewidth=0.8, linestyle=(0, (4, 4)))
            ax.vlines(rows.predicted, rows.low, rows.high, color=ink(f"c{k}"), linewidth=1.4)
            ax.plot(rows.predicted, rows.true, "o-", color=ink(f"c{k}"), markersize=4, linewidth=1)
            ax.set(xlim=_LIMITS, ylim=_LIMITS, xlabel=f"predicted {dimension}", title=dimension.capitalize())
        axes[0].set_ylabel("annotated, mean")
        return figure

    return Figure(
        name=f"affect-{corpus}-reliability",
        title="Does a prediction mean what it says?",
        draw=draw,
        data=chosen,
        caption="Bars in ten equal parts by their prediction: mean label against mean prediction, with 95 % intervals "
        "over songs. On the dashed line the model is calibrated.",
        alt="Reliability curves of valence and arousal.",
        sources=sources,
    )


def probes(table: pd.DataFrame, models: Sequence[tuple[str, str]], sources: Sources) -> Figure:
    """Mean change by each edit, per model, beside what the causes express."""
    edits = [e for e in ("mode", "tempo", "velocity", "octave") if e in set(table.edit)]
    words = [(m, w) for m, w in models if m in set(table.model)]
    dimension = {"mode": "valence"}

    def draw() -> Drawing:
        figure, ax = plt.subplots(figsize=(WIDTH, 2.9))
        width = 0.8 / (len(words) + 1)
        for k, (model, word) in enumerate([("", "what the causes express"), *words]):
            heights = []
            for edit in edits:
                rows = table[(table.edit == edit) & (table.dimension == dimension.get(edit, "arousal"))]
                rows = rows[rows.model == model] if model else rows[rows.model == words[0][0]]
                heights.append(float((rows.change if model else rows.expressed).mean()))
            ax.bar(np.arange(len(edits)) + (k - len(words) / 2) * width, heights, width * 0.92, label=word,
                   color=ink("muted" if not model else f"c{k - 1}"))  # fmt: skip
        ax.axhline(0, color=ink("muted"), linewidth=0.8)
        names = {"mode": "major → minor\n(valence)", "tempo": "half as fast again\n(arousal)",
                 "velocity": "louder\n(arousal)", "octave": "an octave up\n(arousal)"}  # fmt: skip
        ax.set_xticks(range(len(edits)), [names[e] for e in edits])
        ax.set_ylabel("mean change of the prediction")
        ax.legend(frameon=False, fontsize=8, ncols=2)
        return figure

    n = int(table.piece.nunique())
    return Figure(
        name="affect-probes",
        title="One edit at a time",
        draw=draw,
        data=table,
        caption=f"Mean change over {n} composed pieces that differ in one cause alone. Tempo and loudness leave every "
        "token as it is: a model of latents alone cannot see them, and its change is exactly 0.",
        alt="Bars: change of predictions by edits of mode, tempo, loudness and octave.",
        sources=sources,
    )


def styles(table: pd.DataFrame, sources: Sources) -> Figure:
    """Mean affect of every style in the plane, with intervals."""
    chosen = table[table.songs == "all"]
    names = sorted(set(chosen["style"]))

    def draw() -> Drawing:
        figure, ax = plt.subplots(figsize=(WIDTH, 4.2))
        for k, name in enumerate(names):
            v, a = (chosen[(chosen["style"] == name) & (chosen.dimension == d)].iloc[0] for d in DIMENSIONS)
            colour = ink(f"c{k}")
            ax.plot([v.low, v.high], [a["mean"]] * 2, color=colour, linewidth=1.4)
            ax.plot([v["mean"]] * 2, [a.low, a.high], color=colour, linewidth=1.4)
            ax.annotate(
                f"{name} ({v.n})", (v["mean"], a["mean"]), xytext=(6, 5), textcoords="offset points", color=colour
            )
        ax.axhline(0, color=ink("muted"), linewidth=0.8)
        ax.axvline(0, color=ink("muted"), linewidth=0.8)
        ax.set(xlabel="valence", ylabel="arousal")
        return figure

    return Figure(
        name="affect-styles",
        title="Styles in the plane of valence and arousal",
        draw=draw,
        data=chosen,
        caption="Mean over songs of each style, with 95 % intervals from resampling songs; in brackets how many songs.",
        alt="Crosses of styles in the plane of valence and arousal.",
        sources=sources,
    )


def style_boxes(songs: pd.DataFrame, names: Sequence[str], sources: Sources) -> Figure:
    """Distribution over songs, by style."""
    rows = songs.explode("styles").rename(columns={"styles": "style"})
    rows = rows[rows["style"].isin(set(names))]

    def draw() -> Drawing:
        figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 0.8 + 0.3 * len(names)), sharey=True)
        for k, (ax, dimension) in enumerate(zip(axes, DIMENSIONS, strict=True)):
            data = [rows[rows["style"] == name][dimension].to_numpy() for name in reversed(names)]
            colour = ink(f"c{k}")
            fliers = {"markersize": 2.5, "markeredgecolor": colour}
            ax.boxplot(data, orientation="horizontal", widths=0.6, flierprops=fliers,
                       medianprops={"color": colour, "linewidth": 1.8}, boxprops={"color": ink("muted")},
                       whiskerprops={"color": ink("muted")}, capprops={"color": ink("muted")})  # fmt: skip
            ax.set(xlabel=dimension)
            ax.grid(axis="y", visible=False)
        axes[0].set_yticks(range(1, len(names) + 1), list(reversed(names)))
        return figure

    return Figure(
        name="affect-style-boxes",
        title="Songs of each style",
        draw=draw,
        data=rows[["md5", "style", *DIMENSIONS]],
        caption="Median, quartiles and range of song means; points lie beyond 1.5 quartile ranges.",
        alt="Box plots of valence and arousal by style.",
        sources=sources,
    )


def heatmap(songs: pd.DataFrame, names: Sequence[str], sources: Sources) -> Figure:
    """Where the songs of each style lie in the plane."""
    rows = songs.explode("styles").rename(columns={"styles": "style"})
    groups = [("all songs", songs), *((n, rows[rows["style"] == n]) for n in names[:7])]
    edges = np.linspace(-1, 1, 13)
    columns = min(4, len(groups))

    def draw() -> Drawing:
        lines = -(-len(groups) // columns)
        figure, axes = plt.subplots(lines, columns, figsize=(WIDTH, 1.85 * lines + 0.3), sharex=True, sharey=True,
                                    squeeze=False)  # fmt: skip
        for ax in axes.flat:
            ax.set_axis_off()
        for ax, (name, own) in zip(axes.flat, groups, strict=False):
            ax.set_axis_on()
            counts = np.histogram2d(own.valence.clip(-1, 1), own.arousal.clip(-1, 1), bins=[edges, edges])[0]
            ax.pcolormesh(edges, edges, counts.T / max(counts.sum(), 1), cmap="viridis", rasterized=True)
            ax.set_title(f"{name} ({len(own)})")
            ax.grid(visible=False)
        for ax in axes[-1]:
            ax.set_xlabel("valence")
        for ax in axes[:, 0]:
            ax.set_ylabel("arousal")
        return figure

    counted = pd.concat([own[list(DIMENSIONS)].assign(style=name) for name, own in groups])
    return Figure(
        name="affect-heatmap",
        title="Where songs lie",
        draw=draw,
        data=counted,
        caption="Share of the songs in each cell of the plane; in brackets the number of songs.",
        alt="Heat maps of songs in the plane of valence and arousal, by style.",
        sources=sources,
    )


def course(table: pd.DataFrame, sources: Sources) -> Figure:
    """Deviation from the song's mean along the song."""

    def draw() -> Drawing:
        figure, ax = plt.subplots(figsize=(WIDTH, 2.6))
        for k, dimension in enumerate(DIMENSIONS):
            rows = table[table.dimension == dimension].sort_values("part")
            x = (rows.part + 0.5) * 10
            ax.fill_between(x, rows.low, rows.high, color=ink(f"c{k}"), alpha=0.2, linewidth=0)
            ax.plot(x, rows.deviation, color=ink(f"c{k}"), label=dimension)
        ax.axhline(0, color=ink("muted"), linewidth=0.8)
        ax.set(xlabel="place in the song, %", ylabel="minus the song's mean")
        ax.legend(frameon=False)
        return figure

    n = int(table.n.max()) if len(table) else 0
    return Figure(
        name="affect-course",
        title="The course of songs",
        draw=draw,
        data=table,
        caption=f"Mean over {n} songs of the deviation from each song's own mean, by tenths; bands are 95 % intervals "
        "over songs.",
        alt="Two lines with bands: deviation of valence and arousal along the song.",
        sources=sources,
    )


def example(row: Mapping[str, Any], number: int, sources: Sources) -> Figure:
    """A song as piano roll, with its curve below."""

    def draw() -> Drawing:
        figure, (roll, curve) = plt.subplots(
            2, 1, figsize=(WIDTH, 3.4), sharex=True, gridspec_kw={"height_ratios": [3, 2]}
        )
        loud = np.asarray(row["velocity"], np.float64) / 127
        for start, length, pitch, v in zip(row["onset"], row["duration"], row["pitch"], loud, strict=True):
            roll.barh(pitch, length, left=start, height=0.9, color=ink("c0"), alpha=0.25 + 0.75 * v, linewidth=0)
        roll.set(ylabel="pitch")
        second = np.asarray(row["bar_second"], np.float64)
        end = second[-1] + (second[-1] - second[-2] if len(second) > 1 else 1.0) if len(second) else 0.0
        for k, dimension in enumerate(DIMENSIONS):
            values, half = np.asarray(row[dimension], np.float64), row[f"{dimension}_half_width"]
            if half == half:
                band = {"step": "post", "color": ink(f"c{k}"), "alpha": 0.12, "linewidth": 0}
                curve.fill_between(second, values - half, values + half, **band)
            whole = np.append(values, values[-1:])
            curve.step(
                np.append(second, [end] * (len(second) > 0)), whole, where="post", color=ink(f"c{k}"), label=dimension
            )
        curve.axhline(0, color=ink("muted"), linewidth=0.8)
        curve.set(xlabel="seconds", ylim=(-1.3, 1.3))
        curve.legend(frameon=False, fontsize=8, ncols=2, loc="upper right")
        return figure

    data = pd.DataFrame({"second": row["bar_second"], "valence": row["valence"], "arousal": row["arousal"]})
    mean = ", ".join(f"{d} {show(float(np.mean(row[d])), 2)}" for d in DIMENSIONS) if len(data) else "no bar"
    return Figure(
        name=f"affect-example-{number}",
        title=f"{row['title']}" + (f" ({row['style']})" if row["style"] else ""),
        draw=draw,
        data=data,
        caption=f"Notes, darker where louder, and the prediction of every bar with its conformal interval ({mean}). "
        f"The song nearest to the mean of those in {row['quadrant']}, or next to it; none was picked by ear.",
        alt="Piano roll of a song above its curves of valence and arousal.",
        sources=sources,
    )
