"""Figures of the affect study: what is predicted against what is true, and what the annotations look like."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Drawing

from sonoscope.report.blocks import Figure
from sonoscope.report.numbers import show
from sonoscope.report.sources import Source
from sonoscope.report.style import WIDTH, ink

DIMENSIONS = ("valence", "arousal")
_LIMITS = (-1.05, 1.05)
_TICKS = (-1, -0.5, 0, 0.5, 1)
_CLASSES = 8
Sources = tuple[Source, ...]


def scatter(corpus: str, predictions: pd.DataFrame, models: Mapping[str, str], sources: Sources) -> Figure:
    """Prediction against label, one point per bar: a row for each model, a column for each dimension."""
    chosen = predictions[predictions.model.isin(list(models))].reset_index(drop=True)
    classes = max(chosen[f"true_{d}"].nunique() for d in DIMENSIONS) <= _CLASSES

    def draw() -> Drawing:
        figure, axes = plt.subplots(len(models), 2, figsize=(WIDTH, 2.75 * len(models) + 0.2), sharex=True, sharey=True,
                                    squeeze=False)  # fmt: skip
        for line, (model, word) in zip(axes, models.items(), strict=True):
            own = chosen[chosen.model == model]
            shift = np.random.default_rng(0).uniform(-0.05, 0.05, len(own)) * classes
            for k, (ax, dimension) in enumerate(zip(line, DIMENSIONS, strict=True)):
                ax.plot(_LIMITS, _LIMITS, color=ink("muted"), linewidth=0.8, linestyle=(0, (4, 4)))
                ax.scatter(own[f"true_{dimension}"] + shift, own[dimension], s=5, alpha=0.35, color=ink(f"c{k}"),
                           linewidths=0, rasterized=True)  # fmt: skip
                ax.set(xlim=_LIMITS, ylim=(-1.35, 1.35), xticks=_TICKS, yticks=_TICKS)
                ax.set_title(f"{dimension.capitalize()}, {word}", loc="left")
            line[0].set_ylabel("predicted")
        for ax in axes[-1]:
            ax.set_xlabel("annotated")
        return figure

    first = chosen[chosen.model == next(iter(models))]
    return Figure(
        name=f"affect-{corpus}-scatter",
        title="Predicted against annotated",
        draw=draw,
        data=chosen[["model", "clip_id", "bar_number", *DIMENSIONS, *(f"true_{d}" for d in DIMENSIONS)]],
        caption=(
            f"One point per bar, {len(first):,} bars of {first.song_id.nunique()} songs that the model did not learn "
            "from. On the dashed line a prediction is right; a cloud flatter than it is drawn to the mean."
            + (" The labels take few values, and points are moved sideways a little so as to be seen." * classes)
        ),
        alt="Scatter plots of predicted against annotated valence and arousal per bar.",
        sources=sources,
    )


def comparison(corpus: str, metrics: pd.DataFrame, names: Sequence[tuple[str, str]], sources: Sources) -> Figure:
    """CCC per bar of all models with intervals."""
    rows = metrics[(metrics.against == "labels") & (metrics.level == "bar") & (metrics.metric == "ccc")]
    order = [name for name, _ in names if name in set(rows.model)]
    words = dict(names)
    shown = rows[rows.model.isin(order)]
    lowest = float(shown.low.min()) if shown.low.notna().any() else 0.0

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
            ax.set(xlabel="CCC per bar", xticks=(-0.5, 0, 0.5, 1), xlim=(min(-0.5, lowest) - 0.02, 1.02))
            ax.set_title(dimension.capitalize(), loc="left")
            ax.grid(axis="y", visible=False)
            ax.grid(axis="x", visible=True)
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
            ax.set(xlim=_LIMITS, ylim=_LIMITS, xticks=_TICKS, yticks=_TICKS, xlabel="predicted")
            ax.set_title(dimension.capitalize(), loc="left")
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
    """Mean change by each edit with its interval, per model, beside what the causes express."""
    names = {"mode": ("major → minor", "valence"), "tempo": ("half as fast again", "arousal"),
             "velocity": ("louder", "arousal"), "octave": ("an octave up", "arousal")}  # fmt: skip
    edits = [e for e in names if e in set(table.edit)]
    words = [(m, w) for m, w in models if m in set(table.model)]
    n = int(table.piece.nunique())

    def draw() -> Drawing:
        figure, axes = plt.subplots(1, len(edits), figsize=(WIDTH, 0.9 + 0.3 * (len(words) + 1)), sharey=True,
                                    squeeze=False)  # fmt: skip
        for ax, edit in zip(axes[0], edits, strict=True):
            rows = table[(table.edit == edit) & (table.dimension == names[edit][1])]
            expressed = float(rows.expressed.mean())
            ax.axvline(0, color=ink("muted"), linewidth=0.8)
            ax.axvline(expressed, color=ink("muted"), linewidth=1.2, linestyle=(0, (2, 2)))
            for place, (model, _) in enumerate(reversed(words)):
                own = rows[rows.model == model].change.to_numpy(np.float64)
                half = 1.96 * own.std(ddof=1) / len(own) ** 0.5 if len(own) > 1 else 0.0
                colour = ink(f"c{int(names[edit][1] == 'arousal')}")
                ax.plot([own.mean() - half, own.mean() + half], [place] * 2, color=colour, linewidth=1.6)
                ax.plot(own.mean(), place, "o", color=colour, markersize=4.5)
            ax.set_title(names[edit][0], loc="left")
            ax.set(xlabel=f"change of {names[edit][1]}", ylim=(-0.6, len(words) - 0.4))
            ax.margins(x=0.15)
            ax.grid(axis="y", visible=False)
        axes[0][0].set_yticks(range(len(words)), [w for _, w in reversed(words)])
        return figure

    return Figure(
        name="affect-probes",
        title="One edit at a time",
        draw=draw,
        data=table,
        caption=f"Mean change of the prediction over {n} composed pieces that differ in one cause alone, with 95 % "
        "intervals over pieces; the dashed line is what the causes express. Tempo and loudness leave every token as it "
        "is: a model of latents alone cannot see them, and its change is exactly 0.",
        alt="Dots with intervals: change of predictions by edits of mode, tempo, loudness and octave.",
        sources=sources,
    )


def styles(table: pd.DataFrame, sources: Sources) -> Figure:
    """Mean affect of every style in the plane, with intervals."""
    chosen = table[table.songs == "all"]
    names = sorted(set(chosen["style"]))

    def draw() -> Drawing:
        figure, ax = plt.subplots(figsize=(WIDTH, 4.2))
        for name in names:
            v, a = (chosen[(chosen["style"] == name) & (chosen.dimension == d)].iloc[0] for d in DIMENSIONS)
            ax.plot([v.low, v.high], [a["mean"]] * 2, color=ink("c0"), linewidth=1.2, alpha=0.7)
            ax.plot([v["mean"]] * 2, [a.low, a.high], color=ink("c1"), linewidth=1.2, alpha=0.7)
            ax.plot(v["mean"], a["mean"], "o", color=ink("ink"), markersize=3.5)
            ax.annotate(f"{name} ({v.n})", (v["mean"], a["mean"]), xytext=(5, 4), textcoords="offset points")
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
            colour = ink(f"c{k}")
            sns.boxplot(rows, x=dimension, y="style", order=names, ax=ax, width=0.6, color=ink("muted"), fill=False,
                        linewidth=1, medianprops={"color": colour, "linewidth": 1.8},
                        flierprops={"marker": "o", "markersize": 2.5, "markeredgecolor": colour})  # fmt: skip
            ax.set(ylabel="")
            ax.grid(axis="y", visible=False)
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
        shades = LinearSegmentedColormap.from_list("shades", [ink("paper"), ink("c0")])
        figure, axes = plt.subplots(lines, columns, figsize=(WIDTH, 1.85 * lines + 0.3), sharex=True, sharey=True,
                                    squeeze=False)  # fmt: skip
        for ax in axes.flat:
            ax.set_axis_off()
        for ax, (name, own) in zip(axes.flat, groups, strict=False):
            ax.set_axis_on()
            inside = own[list(DIMENSIONS)].clip(-1, 1)
            sns.histplot(inside, x="valence", y="arousal", bins=[edges, edges], stat="probability", cmap=shades,
                         thresh=None, rasterized=True, ax=ax)  # fmt: skip
            ax.axhline(0, color=ink("muted"), linewidth=0.6)
            ax.axvline(0, color=ink("muted"), linewidth=0.6)
            ax.set(xticks=(-1, 0, 1), yticks=(-1, 0, 1), xlabel="", ylabel="")
            ax.set_title(f"{name} ({len(own)})", loc="left")
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
        caption="Share of the songs in each cell of the plane, the darker the more; in brackets the number of songs.",
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


WITH = {"tempo": "tempo", "notes_per_beat": "notes per beat", "velocity": "loudness", "pitch": "pitch",
        "mode": "major over minor", "n_bars": "length in bars", "ood_score": "far from training songs"}  # fmt: skip
"""What annotations are correlated with, as it is shown."""


def correlations(table: pd.DataFrame, sources: Sources) -> Figure:
    """Spearman's correlations with intervals, for all songs and for the trusted ones."""
    order = [w for w in WITH if w in set(table.with_what)]

    def draw() -> Drawing:
        figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 0.9 + 0.3 * len(order)), sharey=True)
        for k, (ax, dimension) in enumerate(zip(axes, DIMENSIONS, strict=True)):
            ax.axvline(0, color=ink("muted"), linewidth=0.8)
            for songs, shift, face in (("all", 0.14, ink(f"c{k}")), ("trusted", -0.14, ink("paper"))):
                rows = table[(table.dimension == dimension) & (table.songs == songs)].set_index("with_what")
                for place, what in enumerate(reversed(order)):
                    if what not in rows.index:
                        continue
                    r = rows.loc[what]
                    ax.plot([r.low, r.high], [place + shift] * 2, color=ink(f"c{k}"), linewidth=1.3)
                    ax.plot(r.r, place + shift, "o", color=ink(f"c{k}"), markerfacecolor=face, markersize=4.2,
                            label=f"{songs} songs" if place == 0 else None)  # fmt: skip
            ax.set(xlim=(-1, 1), xticks=_TICKS, xlabel="Spearman's correlation over songs")
            ax.set_title(dimension.capitalize(), loc="left")
            ax.grid(axis="y", visible=False)
        axes[0].set_yticks(range(len(order)), [WITH[w] for w in reversed(order)])
        axes[0].legend(frameon=False, fontsize=8, loc="lower left")
        return figure

    return Figure(
        name="affect-correlations",
        title="What goes with valence and arousal",
        draw=draw,
        data=table,
        caption="With 95 % intervals over songs; trusted songs keep to a grid and are like the training songs. The "
        "model reads tempo, loudness, density, register and mode, so this tells what it makes of them, not what moves "
        "listeners.",
        alt="Dots with intervals: correlations of valence and arousal with tempo, loudness and other properties.",
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
        edges = np.append(second, [end] * (len(second) > 0))
        for k, dimension in enumerate(DIMENSIONS):
            values, half = np.asarray(row[dimension], np.float64), row[f"{dimension}_half_width"]
            whole = np.append(values, values[-1:])  # the last bar lasts until the end
            if half == half:
                band = {"step": "post", "color": ink(f"c{k}"), "alpha": 0.12, "linewidth": 0}
                curve.fill_between(edges, whole - half, whole + half, **band)
            curve.step(edges, whole, where="post", color=ink(f"c{k}"), label=dimension)
        curve.axhline(0, color=ink("muted"), linewidth=0.8)
        curve.set(xlabel="seconds", ylim=(-1.3, 1.3), yticks=(-1, 0, 1))
        curve.legend(frameon=False, fontsize=8, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.98), borderaxespad=0)
        return figure

    data = pd.DataFrame({"second": row["bar_second"], "valence": row["valence"], "arousal": row["arousal"]})
    mean = ", ".join(f"{d} {show(float(np.mean(row[d])), 2)}" for d in DIMENSIONS) if len(data) else "no bar"
    return Figure(
        name=f"affect-example-{number}",
        title=f"{row['title']}" + (f" ({row['style']})" if row["style"] else ""),
        draw=draw,
        data=data,
        caption=f"Notes, darker where louder, and the prediction of every bar; mean {mean}.",
        alt="Piano roll of a song above its curves of valence and arousal.",
        sources=sources,
    )
