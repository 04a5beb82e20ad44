"""Figures of the interpretability study: probes, layers, patches, geometry, mediation."""

from functools import partial

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import MaxNLocator

from sonoscope.report import style
from sonoscope.report.blocks import Figure
from sonoscope.report.numbers import show
from sonoscope.report.sources import Source

Sources = tuple[Source, ...]

_SOURCES = {"states": "states, no text", "tokens": "tokens alone", "energy": "energy alone"}
_STATISTICS = {"norm": "norm", "kurtosis": "excess kurtosis", "hoyer": "Hoyer sparsity", "std": "standard deviation"}
_EMOTION_INKS = ("c1", "c0", "c2", "c4", "c3")


_PROBED = {
    "controlled": (
        "What can be read of music that nobody described",
        "Only mode, tempo and dynamics differ between these pieces, drawn independently. ",
    ),
    "free": (
        "The same where other causes differ too",
        "Where keys differ, no linear function of which notes sound tells major from minor. ",
    ),
}
"""Title and first sentence, by the pieces that are read."""


def probe_figure(model: str, probes: pd.DataFrame, pieces: str, sources: Sources) -> Figure | None:
    """What is read of ``pieces``, by target and source, with intervals, nulls and control tasks."""
    probes = probes[probes["pieces"] == pieces]
    if probes.empty:
        return None
    own = probes[probes["source"] == "states"]
    title, first = _PROBED[pieces]
    told = "; ".join(f"{r['target']} {show(r['value'], 2)}" for r in own.to_dict("records"))
    return Figure(
        name=f"probes-{pieces}-figure-{model}",
        title=title,
        draw=partial(_draw_probes, probes),
        data=probes,
        caption=(
            f"{first}"
            "Area under the curve (mode; 0.5 is chance) or share of variance explained (the rest; 0 is chance), out of "
            "fold. Bars: 95 % intervals over pieces. Ticks: mean over permuted labels. Hollow diamonds: a control task "
            "that only memory can solve. What the tokens or the energy tell as well needs no model to be read."
        ),
        alt=f"Dot plot of probe scores from the states, {pieces} pieces: {told}.",
        sources=sources,
    )


def _draw_probes(probes: pd.DataFrame) -> Drawing:
    figure, ax = style.axes(3.4)
    targets = list(dict.fromkeys(probes["target"]))
    kinds = list(dict.fromkeys(probes["source"]))
    for k, kind in enumerate(kinds):
        own = probes[probes["source"] == kind].set_index("target").loc[targets]
        y = np.arange(len(targets)) + 0.22 * (k - (len(kinds) - 1) / 2)
        colour = style.ink(f"c{k}" if kind != "energy" else "muted")
        ax.hlines(y, own["low"], own["high"], color=colour, linewidth=1.3)
        ax.plot(own["value"], y, "o", color=colour, markersize=5, label=_SOURCES.get(kind, kind.replace("_", " ")))
        ax.plot(own["null"], y, "|", color=style.ink("muted"), markersize=8)
        if kind == "states":
            ax.plot(own["control"], y, "D", markerfacecolor="none", color=style.ink("muted"), markersize=4)
    ax.set_yticks(range(len(targets)), targets)
    ax.invert_yaxis()
    ax.set_xlim(min(-0.1, float(probes["low"].min()) - 0.03), 1.02)
    ax.axvline(0, color=style.ink("muted"), linewidth=0.8, linestyle=(0, (4, 4)))
    if probes["pieces"].iloc[0] == "controlled":
        ax.axvline(0.9, color=style.ink("muted"), linewidth=0.8)
        ax.annotate("bar", (0.9, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
                    ha="center", fontsize=8, color=style.ink("muted"))  # fmt: skip
    ax.set_xlabel("AUC (mode) or R² (the rest)")
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.16), ncols=3, frameon=False, fontsize=8)
    return figure


def layers_figure(model: str, layers: pd.DataFrame, words: tuple[str, str], sources: Sources) -> Figure:
    """Statistics of the residual stream by layer and emotion."""
    best = layers.sort_values("adjusted", kind="stable").iloc[0]
    return Figure(
        name=f"layers-figure-{model}",
        title="Two emotions, layer by layer",
        draw=partial(_draw_layers, layers, words),
        data=layers,
        caption=(
            f"Mean over {int(best['n'])} prompts each of what the residual stream looks like while the model writes "
            f"{words[0]} (solid) and {words[1]} (dashed) clips. The band is what two seeds of one prompt differ by: "
            "a gap "
            f"inside it is sampling noise. With {int(best['n'])} prompts per emotion an effect must reach g = "
            f"{show(best['detectable'], 1)} to be found in 80 of 100 experiments, before any correction."
        ),
        alt=(
            f"Line charts of four statistics by layer. Smallest adjusted p-value {show(best['adjusted'], 3)}, "
            f"of {best['statistic']} at layer {best['layer']}."
        ),
        sources=sources,
    )


def _draw_layers(layers: pd.DataFrame, words: tuple[str, str]) -> Drawing:
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(2, 2, figsize=(style.WIDTH, 4.2), sharex=True)
    for ax, (name, title) in zip(grid.flat, _STATISTICS.items(), strict=True):
        own = layers[layers["statistic"] == name].sort_values("layer")
        middle = (own["first"] + own["second"]) / 2
        ax.fill_between(own["layer"], middle - own["same_prompt"] / 2, middle + own["same_prompt"] / 2,
                        color=style.ink("muted"), alpha=0.2, linewidth=0)  # fmt: skip
        for column, word, ink, line in (("first", words[0], "c1", "-"), ("second", words[1], "c0", "--")):
            ax.plot(own["layer"], own[column], line, color=style.ink(ink), label=word)
        ax.set_title(title, loc="left")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    for ax in grid[1]:
        ax.set_xlabel("layer")
    grid[0, 0].legend(frameon=False, fontsize=8)
    return figure


def picture_figure(model: str, picture: pd.DataFrame, layer: int, sources: Sources) -> Figure:
    """The illustration of the states."""
    return Figure(
        name=f"picture-figure-{model}",
        title="A picture of the states",
        draw=partial(_draw_picture, picture),
        data=picture,
        caption=(
            f"Mean states of {len(picture)} generated clips at layer {layer} under their own prompts, brought to two "
            "dimensions. It illustrates; distances and clusters in such pictures mean little, and nothing is measured "
            "here. What is measured stands above, in the original space."
        ),
        alt=f"Scatter plot of {len(picture)} clips, coloured by the emotion of their prompt.",
        sources=sources,
    )


def _draw_picture(picture: pd.DataFrame) -> Drawing:
    figure, ax = style.axes(3.2)
    for k, (emotion, own) in enumerate(picture.groupby("emotion", sort=False)):
        ink = style.ink(_EMOTION_INKS[k % len(_EMOTION_INKS)])
        ax.plot(own["x"], own["y"], "osD^v"[k % 5], color=ink, markersize=5, label=str(emotion), linewidth=0)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def patch_figure(model: str, patches: pd.DataFrame, sources: Sources) -> Figure | None:
    """Effects of patching layers, one panel per pair of texts."""
    own = patches[patches["site"] == "layer"]
    if own.empty:
        return None
    n = sorted(set(own["n"]))
    wide = own.pivot_table(index=["texts", "layer"], columns="measure", values="value").dropna()
    agreement = ""
    if {"denoising", "attribution"} <= set(wide.columns) and len(wide) > 2:
        told = show(float(wide["denoising"].corr(wide["attribution"], method="spearman")), 2)
        agreement = f" Over layers and texts their rank correlation is {told}."
    return Figure(
        name=f"patch-layers-figure-{model}",
        title="From which layer on the text is decided",
        draw=partial(_draw_patches, own),
        data=own,
        caption=(
            "Share of the text's whole effect on the logits that one patched layer carries, on the tokens of "
            f"{n[0] if len(n) == 1 else f'{n[0]} to {n[-1]}'} rendered pieces. Denoising: the clean state is put "
            "into the "
            "corrupted run (sufficient if 1). Noising: the corrupted state into the clean run (necessary if 1). "
            f"Attribution is the first-order estimate of denoising from one backward pass.{agreement} "
            "Bands: 95 % intervals."
        ),
        alt="Line charts of patching effects against layer, one panel per pair of texts.",
        sources=sources,
    )


def _draw_patches(own: pd.DataFrame) -> Drawing:
    import matplotlib.pyplot as plt

    pairs = list(dict.fromkeys(own["texts"]))
    figure, grid = plt.subplots(1, len(pairs), figsize=(style.WIDTH, 2.9), sharey=True, squeeze=False)
    for ax, pair in zip(grid[0], pairs, strict=True):
        for k, measure in enumerate(("denoising", "noising", "attribution")):
            line = own[(own["texts"] == pair) & (own["measure"] == measure)].sort_values("layer")
            colour = style.ink(f"c{k}")
            ax.plot(line["layer"], line["value"], "-" if k < 2 else ":", color=colour, marker="o", markersize=3.5,
                    label=measure)  # fmt: skip
            ax.fill_between(line["layer"], line["low"], line["high"], color=colour, alpha=0.13, linewidth=0)
        ax.set_title(pair, loc="left")
        ax.set_xlabel("layer")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.axhline(0, color=style.ink("muted"), linewidth=0.8, linestyle=(0, (4, 4)))
        ax.set_ylim(-0.35, 1.35)
    grid[0, 0].set_ylabel("share of the text's effect")
    grid[0, 0].legend(frameon=False, fontsize=8)
    return figure


def heads_figure(model: str, patches: pd.DataFrame, sources: Sources) -> Figure | None:
    """Effects of patching single heads, a map per pair of texts and kind of attention."""
    own = patches[patches["site"].str.endswith("_head")]
    if own.empty:
        return None
    best = own.iloc[int(own["value"].abs().to_numpy().argmax())]
    return Figure(
        name=f"patch-heads-figure-{model}",
        title="Which heads carry the text",
        draw=partial(_draw_heads, own),
        data=own,
        caption=(
            "Share of the text's effect that the clean output of one head alone restores in the corrupted run. Effects "
            "of heads need not add up: later layers read what several wrote."
        ),
        alt=(
            f"Heat maps of layer by head. Largest: {best['site'].replace('_', ' ')} {best['head']} of layer "
            f"{best['layer']} with {show(best['value'], 2)}."
        ),
        sources=sources,
    )


def _draw_heads(own: pd.DataFrame) -> Drawing:
    import matplotlib.pyplot as plt

    panels = list(dict.fromkeys(zip(own["texts"], own["site"], strict=True)))
    rows = -(-len(panels) // 2)
    figure, grid = plt.subplots(rows, 2, figsize=(style.WIDTH, 2.5 * rows), squeeze=False)
    limit = max(float(own["value"].abs().max()), 1e-6)
    for ax, (texts, site) in zip(grid.flat, panels, strict=False):
        part = own[(own["texts"] == texts) & (own["site"] == site)]
        values = part.pivot_table(index="layer", columns="head", values="value").sort_index(ascending=False)
        sns.heatmap(values, cmap="RdBu_r", vmin=-limit, vmax=limit, cbar=False, ax=ax)
        ax.set_title(f"{site.replace('_', ' ')}s: {texts}", loc="left", fontsize=7.5)
        ax.tick_params(length=0, labelrotation=0)
    for ax in list(grid.flat)[len(panels) :]:
        ax.axis("off")
    if panels:
        figure.colorbar(grid[0, 0].collections[0], ax=grid, shrink=0.85, pad=0.02)
    return figure


def geometry_figure(model: str, geometry: pd.DataFrame, sources: Sources) -> Figure:
    """Measures with a null, by layer and row."""
    own = geometry[geometry["null"].notna()]
    return Figure(
        name=f"geometry-figure-{model}",
        title="Shape of the emotions' states",
        draw=partial(_draw_geometry, own),
        data=own,
        caption=(
            "In the original space. Solid: under the prompt; dashed: the null row, which has seen the audio so far and "
            "no text; dotted: mean under permutation. Four emotions leave 24 orders, so the fit of the circumplex "
            "and of "
            "dissimilarities can hardly be significant; silhouettes permute clips."
        ),
        alt="Line charts of silhouette, circumplex fit and dissimilarity correlation against layer.",
        sources=sources,
    )


def _draw_geometry(own: pd.DataFrame) -> Drawing:
    import matplotlib.pyplot as plt

    measures = list(dict.fromkeys(own["measure"]))
    figure, grid = plt.subplots(1, len(measures), figsize=(style.WIDTH, 2.6), squeeze=False)
    for ax, measure in zip(grid[0], measures, strict=True):
        for row, ink, line in (("cond", "c0", "-"), ("null", "c1", "--")):
            part = own[(own["measure"] == measure) & (own["row"] == row)].sort_values("layer")
            ax.plot(part["layer"], part["value"], line, color=style.ink(ink), label=f"{row} row")
            ax.plot(part["layer"], part["null"], ":", color=style.ink(ink), linewidth=1)
        ax.set_title("dissimilarities" if measure == "rsa" else measure, loc="left")
        ax.set_xlabel("layer")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    grid[0, 0].legend(frameon=False, fontsize=7.5)
    return figure


def cross_figure(model: str, cross: pd.DataFrame, sources: Sources) -> Figure | None:
    """Readouts trained on one kind of clip and read on another."""
    own = cross[cross["row"] == "cond"]
    if own.empty:
        return None
    return Figure(
        name=f"cross-figure-{model}",
        title="Does one readout serve words, cues and sound?",
        draw=partial(_draw_cross, own),
        data=cross,
        caption=(
            "Correlation of the reading with what was asked for, or with what the piece expresses. Rows: what the "
            "readout "
            "learned from; columns: what it read. On the diagonal whole templates (or pieces) are held out; off it, "
            "the "
            "readout has never met the words, or the sound, of the other kind."
        ),
        alt="Heat maps of correlations between kinds of clips, one for valence and one for arousal.",
        sources=sources,
    )


def _draw_cross(own: pd.DataFrame) -> Drawing:
    import matplotlib.pyplot as plt

    targets = list(dict.fromkeys(own["target"]))
    figure, grid = plt.subplots(1, len(targets), figsize=(style.WIDTH, 2.6), squeeze=False, sharey=True)
    kinds = [k for k in ("emotion words", "cue words", "rendered music") if k in set(own["trained_on"])]
    for ax, target in zip(grid[0], targets, strict=True):
        part = own[own["target"] == target].pivot_table(index="trained_on", columns="tested_on", values="correlation")
        part = part.reindex(index=kinds, columns=kinds)
        told = part.map(lambda value: show(float(value), 2) if np.isfinite(value) else "")
        sns.heatmap(
            part, cmap="RdBu_r", vmin=-1, vmax=1, cbar=False, annot=told, fmt="", annot_kws={"fontsize": 8}, ax=ax
        )
        ax.set_title(target, loc="left")
        ax.set_xticklabels([k.replace(" ", "\n") for k in kinds], rotation=0)
        ax.set_yticklabels(kinds, rotation=0)
        ax.tick_params(length=0)
        ax.set(xlabel="read on", ylabel="")
    grid[0, 0].set_ylabel("learned from")
    return figure


def mediation_figure(model: str, effects: pd.DataFrame, sources: Sources) -> Figure:
    """Effects by intervention and by regression beside the truth."""
    return Figure(
        name=f"mediation-figure-{model}",
        title="Tempo, energy, arousal",
        draw=partial(_draw_mediation, effects),
        data=effects,
        caption=(
            "Dots: by intervention, with 95 % intervals over units. Crosses: by regression on what was only observed. "
            "Bars: the truth, by the composer's law or by construction. A cross on the other side of 0 than its bar is "
            "what confounding does to a regression."
        ),
        alt="Dot plots of direct, indirect and total effects for arousal and for a known causal model.",
        sources=sources,
    )


def _draw_mediation(effects: pd.DataFrame) -> Drawing:
    import matplotlib.pyplot as plt

    outcomes = list(dict.fromkeys(effects["outcome"]))
    figure, grid = plt.subplots(1, len(outcomes), figsize=(style.WIDTH, 2.3), squeeze=False, sharey=True)
    for ax, outcome in zip(grid[0], outcomes, strict=True):
        own = effects[effects["outcome"] == outcome].reset_index(drop=True)
        y = np.arange(len(own))
        ax.hlines(y, own["low"], own["high"], color=style.ink("c0"), linewidth=1.5)
        ax.plot(own["estimate"], y, "o", color=style.ink("c0"), markersize=5, label="intervention")
        ax.plot(own["regression"], y, "x", color=style.ink("c1"), markersize=6, label="regression")
        ax.plot(own["truth"], y, "|", color=style.ink("ink"), markersize=15, markeredgewidth=2, label="truth")
        ax.axvline(0, color=style.ink("muted"), linewidth=0.8, linestyle=(0, (4, 4)))
        ax.set_yticks(y, own["effect"])
        ax.set_title(
            "known causal model" if outcome == "known_model" else f"{outcome} read from the states", loc="left"
        )
        ax.set_xlabel("effect")
        ax.set_ylim(len(own) - 0.5, -0.5)
    grid[0, -1].legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
