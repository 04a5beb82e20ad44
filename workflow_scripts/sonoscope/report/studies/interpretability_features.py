"""Dictionaries and single features on the page of the interpretability study."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Drawing

from sonoscope.contracts import read_json
from sonoscope.contracts.dictionary_features import FEATURES, MOMENTS
from sonoscope.contracts.interpretability import DICTIONARIES
from sonoscope.report import style
from sonoscope.report.blocks import (
    AudioGrid,
    AudioRow,
    Block,
    Clip,
    Column,
    Figure,
    Missing,
    Prose,
    Section,
    Table,
    present,
)
from sonoscope.report.numbers import percent, show
from sonoscope.report.results import Results
from sonoscope.report.sources import Source


def dictionary_sections(root: Path, model: str, results: Results, target: str, suffix: str) -> list[Section]:
    """The parts of the page on sparse autoencoders and on their features."""
    trained = root / "train_dictionaries" / model / "dictionaries.parquet"
    blocks: tuple[Block, ...] = (Missing("Sparse autoencoders", target),)
    if trained.is_file():
        sources = present(results.source(trained))
        blocks = _dictionaries(model, DICTIONARIES.read(trained), sources)
    sections = [Section(f"dictionaries-{model}", f"Sparse autoencoders{suffix}", blocks)]
    folder = root / "describe_features" / model
    inside: tuple[Block, ...] = (Missing("Features of a sparse autoencoder", target),)
    if (folder / "features.parquet").is_file():
        sources = present(results.source(folder / "features.parquet"))
        inside = _features(model, folder, sources)
    return [*sections, Section(f"features-{model}", f"Single features{suffix}", inside, 3)]


def _dictionaries(model: str, table: pd.DataFrame, sources: tuple[Source, ...]) -> tuple[Block, ...]:
    frame = table.copy()
    frame["interval"] = [
        f"{show(a, 3)} to {show(b, 3)}" for a, b in zip(frame["fvu_low"], frame["fvu_high"], strict=True)
    ]
    frame["recovered_of_mean"] = (frame["ce_mean"] - frame["ce_spliced"]) / (frame["ce_mean"] - frame["ce_clean"]).clip(
        lower=1e-9
    )
    columns = {
        "kind": Column("kind"), "features": Column("features", 0), "l0": Column("active", 1), "fvu": Column("FVU", 3),
        "interval": Column("95 %"),
        "pca_fvu": Column("PCA’s FVU", 3), "dead": Column("dead", 1, "%", 100.0),
        "recovered": Column("CE kept", 1, "%", 100.0),
        "recovered_of_mean": Column("of mean", 1, "%", 100.0), "mmcs": Column("MMCS", 2),
        "random_mmcs": Column("random", 2), "matched": Column("matched", 1, "%", 100.0),
        "absorption": Column("absorption", 2),
    }  # fmt: skip
    told = (
        f"Trained on {int(frame['frames'].iloc[0]):,} frames of layer {int(frame['layer'].iloc[0])}; FVU (fraction of "
        "variance unexplained), active and dead features on pieces that training never saw. CE kept: share of the "
        "loss by zeroing the layer that the reconstruction avoids in the running model (recovered cross-entropy); "
        "of mean: the same against the mean state, the "
        "harder comparison. MMCS: mean largest cosine with the dictionary of another seed; matched: features "
        "with a partner above 0.7. Absorption is measured on planted families of features, where a child's feature can "
        "swallow its parent's."
    )
    return Prose(told), Table(f"dictionaries-{model}", "Dictionaries", frame, columns, sources=sources)


def _features(model: str, folder: Path, sources: tuple[Source, ...]) -> tuple[Block, ...]:
    table, shown, counts = (
        FEATURES.read(folder / "features.parquet"), MOMENTS.read(folder / "shown.parquet"),
        read_json(folder / "summary.json"),
    )  # fmt: skip
    told = (
        f"Of {counts['features']} features that are ever active, {counts['selective']} pass the customary bar of "
        f"selectivity (rate in one emotion at least twice the mean rate), but {counts['selective_by_chance']:.0f} do "
        "when "
        f"emotions are permuted over the {counts['clips']} pieces: the bar finds noise. By area under the curve "
        "against "
        f"the same permutations, {counts['significant']} are selective at a false discovery rate of 0.05 "
        f"({counts['significant_by_chance']} with permuted emotions)."
    )
    columns = {
        "feature": Column("feature", 0), "rate": Column("active", 1, "%", 100.0), "cue": Column("goes with"),
        "correlation": Column("correlation", 2), "emotion": Column("emotion"), "auc": Column("AUC", 2),
        "selectivity": Column("selectivity", 2), "p_value": Column("p", 3), "adjusted": Column("p, adjusted", 3),
    }  # fmt: skip
    ordered = table.assign(first=table["shown"].where(table["shown"] >= 0, 10**6)).sort_values(["first", "p_value"])
    blocks: list[Block] = [Prose(told)]
    if len(shown):
        blocks += [_activations(model, table, shown, sources), _grid(model, table, shown, folder, sources)]
    name, title = f"features-{model}", "What features go with"
    caption = "Correlation (Spearman) and areas are over pieces; the feature's mean activation in a piece is the value."
    blocks.append(Table(name, title, ordered.drop(columns="first"), columns, caption, True, sources))
    return tuple(blocks)


def describe(one: Mapping[Any, Any]) -> str:
    """What a feature goes with, in words."""
    sign = "more" if one["correlation"] > 0 else "less"
    return (
        f"active in {percent(one['rate'])} of frames · {sign} with {one['cue']} (r {show(one['correlation'], 2)}) · "
        f"{one['emotion']} (AUC {show(one['auc'], 2)}, adjusted p {show(one['adjusted'], 3)})"
    )


def _activations(model: str, table: pd.DataFrame, shown: pd.DataFrame, sources: tuple[Source, ...]) -> Figure:
    long = pd.DataFrame(
        [
            {"feature": r["feature"], "place": r["place"], "clip_id": r["clip_id"], "seconds": k / r["frame_rate"],
             "activation": a}
            for r in shown.to_dict("records") for k, a in enumerate(r["activation"])
        ]
    )  # fmt: skip
    return Figure(
        name=f"activations-{model}",
        title="When they are active",
        draw=partial(_draw_activations, shown),
        data=long,
        caption=(
            "Activation in every frame of the clips in which each feature peaks highest; one row per feature, one "
            "panel "
            "per clip, in the order of the players below."
        ),
        alt=f"Small line charts of activation over time for {shown['feature'].nunique()} features.",
        sources=sources,
    )


def _draw_activations(shown: pd.DataFrame) -> Drawing:
    import matplotlib.pyplot as plt

    rows, columns = int(shown["shown"].max()) + 1, int(shown["place"].max()) + 1
    figure, grid = plt.subplots(rows, columns, figsize=(style.WIDTH, 0.75 * rows + 0.5), squeeze=False, sharex=True)
    for record in shown.to_dict("records"):
        ax = grid[record["shown"], record["place"]]
        values = np.asarray(record["activation"], dtype=float)
        time = np.arange(len(values)) / record["frame_rate"]
        ax.fill_between(time, 0, values, color=style.ink("c0"), linewidth=0, alpha=0.85)
        top = shown.loc[shown["shown"] == record["shown"], "peak"].max()
        ax.set_ylim(0, 1.08 * max(float(top), 1e-6))
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
    for row in range(rows):
        feature = shown.loc[shown["shown"] == row, "feature"]
        if len(feature):
            grid[row, 0].set_ylabel(f"{feature.iloc[0]}", rotation=0, ha="right", va="center")
    for ax in grid[-1]:
        ax.set_xlabel("seconds")
    return figure


def _grid(model: str, table: pd.DataFrame, shown: pd.DataFrame, folder: Path, sources: tuple[Source, ...]) -> AudioGrid:
    by_feature = {r["feature"]: r for r in table.to_dict("records")}
    rows = []
    for feature, own in shown.sort_values(["shown", "place"]).groupby("feature", sort=False):
        clips = tuple(
            Clip(
                folder / r["file"], f"feature {feature}, clip {r['place'] + 1}",
                (f"{r['mode']}, {show(r['tempo'], 0)} BPM", f"peak at {show(r['peak_seconds'], 1)} s"),
            )
            for r in own.to_dict("records")
        )  # fmt: skip
        rows.append(AudioRow(f"Feature {feature}", describe(by_feature[feature]), clips))
    heads = tuple(f"{k + 1}. strongest" for k in range(int(shown["place"].max()) + 1))
    caption = "Rendered pieces, as the model heard them; what a feature stands for is for the ear to say."
    return AudioGrid(f"feature-clips-{model}", "Listen to what they respond to", heads, tuple(rows), caption, sources)
