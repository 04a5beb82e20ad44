"""What was published of these experiments, to be set beside ours: Mimi latents of LibriSpeech, one seed, no intervals.

ΔNLL of experiment 1 are the stored values, which are worse than no model; the published text gives them without their
sign. Its head was stuck at its bounds, which is what its log-magnitude R² shows.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sonoscope.report.blocks import Column, Table
from sonoscope.report.sources import Source

Sources = tuple[Source, ...]
Entries = Sequence[Mapping[str, Any]]
Triple = tuple[float, float, float | None]

EXPERIMENT_1: dict[int, Triple] = {
    1: (2.198, 0.7319, -3686.0),
    2: (2.238, 0.4440, -3695.0),
    4: (2.278, 0.1513, -3674.0),
    8: (2.290, 0.0581, -3695.0),
}
"""Direction × magnitude by horizon: ΔNLL (nats per frame, against any direction × LogNormal), cosine, log-length R²."""
MDN = {1: (-184.4, 0.609), 2: (-127.7, 0.390), 4: (56.9, 0.112), 8: (-70.8, 0.039)}
"""The mixture density network of experiment 3 by horizon: ΔNLL against a diagonal Gaussian, cosine."""
EXPERIMENT_2 = {
    "A_teacher": (-154.3, 0.606, 0.63),
    "B_periodic": (-32.1, 0.273, 0.37),
    "C_one_shot": (27.6, 0.107, 0.20),
    "D_rollout": (40.1, 0.068, 0.17),
}
"""The same network by mode: ΔNLL, cosine, length ratio."""


def experiment1(entries: Entries, sources: Sources) -> Table:
    """By horizon and model: what was published, the published head on our latents, and ours; published definitions."""
    by = {(e["horizon_k"], e["model_type"]): e["eval"] for e in entries}
    rows = []
    for k in sorted({k for k, _ in by}):
        for name, model in (("Direction × magnitude", "vmf"), ("Mixture density network", "mdn")):
            published: Triple | None = EXPERIMENT_1.get(k) if model == "vmf" else (*MDN[k], None) if k in MDN else None
            head = by.get((k, "vmf_published")) if model == "vmf" else None
            ours = by.get((k, model))
            if ours is None:
                continue
            dnll, cosine, r2 = published or (None, None, None)
            rows.append(
                {
                    "model": name,
                    "horizon_k": k,
                    "published_dnll": dnll,
                    "published_cos": cosine,
                    "published_r2": r2,
                    "head_dnll": head.get("dnll_published_baseline") if head else None,
                    "head_cos": head["direction_cosine"] if head else None,
                    "head_r2": head["logmag_r2_of_mean"] if head else None,
                    "our_dnll": ours.get("dnll_published_baseline"),
                    "our_cos": ours["direction_cosine"],
                    "our_r2": ours["logmag_r2_of_mean"],
                }
            )
    columns = {"model": Column("Model"), "horizon_k": Column("Horizon", 0, "frames")}
    for prefix, who in (("published", "published"), ("head", "published head, here"), ("our", "ours")):
        columns |= {
            f"{prefix}_dnll": Column(f"ΔNLL, {who}", 2, "nats per frame"),
            f"{prefix}_cos": Column(f"Cosine, {who}", 3),
            f"{prefix}_r2": Column(f"Log-length R², {who}", 2),
        }
    return Table(
        "dynamics-exp1-published", "Beside what was published, by its definitions", pd.DataFrame(rows), columns,
        folded=True, sources=sources,
    )  # fmt: skip


def experiment2(frame: pd.DataFrame, sources: Sources) -> Table:
    """By mode: what was published, and the first predictor of ours, by the published definitions."""
    own = frame[frame.predictor == frame.predictor.iloc[0]]
    means = own.groupby("mode", sort=False)[["dnll", "cos", "mag_ratio"]].mean().reset_index()
    for i, name in enumerate(("dnll", "cos", "mag_ratio")):
        means[f"published_{name}"] = [EXPERIMENT_2.get(str(m), (None,) * 3)[i] for m in means["mode"]]
    columns = {"mode": Column("Mode")}
    for prefix, who in (("published_", "published"), ("", "ours")):
        columns |= {
            f"{prefix}dnll": Column(f"ΔNLL, {who}", 2, "nats per frame"),
            f"{prefix}cos": Column(f"Cosine, {who}", 3),
            f"{prefix}mag_ratio": Column(f"Length ratio, {who}", 2),
        }
    return Table("dynamics-exp2-published", "Beside what was published", means, columns, folded=True, sources=sources)
