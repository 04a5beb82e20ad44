"""Experiment 4: the battery on principal components, and what its comparison with the full model needs to be fair.

A sum over fewer coordinates is smaller, so nats per frame say nothing across dimensions. Here the full model is also
looked at through the same components (same targets), a random rotation stands beside the components, and gains are
given per dimension.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.decomposition import IncrementalPCA
from torch import Tensor

from sonoscope.dynamics.ensembles import Ensemble
from sonoscope.dynamics.evaluation import interval, number
from sonoscope.dynamics.experiment1 import fit_part, judge_part
from sonoscope.dynamics.experiment2 import diagnose
from sonoscope.dynamics.store import FrameStore, Part
from sonoscope.settings.dynamics import Dynamics

_BLOCK = 65_536


def training_chunks(part: Part, chunk: int) -> Iterator[Tensor]:
    """Training frames, at least ``chunk`` at a time: what is left at the end joins the last one."""
    rows = part.rows("train")
    bounds = [*range(0, max(1, len(rows) - chunk + 1), chunk), len(rows)]
    for first, last in pairwise(bounds):
        yield part.store.take(rows[first:last])


def fit_components(part: Part, count: int, chunk: int) -> dict[str, Any]:
    """Principal components of the training frames by partial fits; arrays of `COMPONENTS`.

    Raises
    ------
    ValueError
        More components than dimensions.
    """
    if count > part.dim:
        raise ValueError(f"read_out.pca_dims: expected at most {part.dim} of {part.name}, found {count}")
    pca = IncrementalPCA(n_components=count)
    for block in training_chunks(part, max(chunk, 2 * count)):
        pca.partial_fit(block.double().numpy())
    return {
        "components": pca.components_.astype(np.float32),
        "mean": pca.mean_.astype(np.float32),
        "explained_variance_ratio": pca.explained_variance_ratio_.astype(np.float32),
        "singular_values": pca.singular_values_.astype(np.float32),
    }


def rotation(dim: int, count: int, seed: int) -> Tensor:
    """Random orthonormal rows [count, D]: the control that keeps no more variance than chance does."""
    normal = torch.randn(dim, count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    rows: Tensor = torch.linalg.qr(normal).Q.T.float()
    return rows


def projected(part: Part, rows: Tensor, mean: Tensor, name: str) -> Part:
    """The same frames seen through orthonormal ``rows`` [d, D]; nothing else of the part changes."""
    shards = []
    for shard in part.store.shards:
        blocks = [(block - mean) @ rows.T for block in torch.split(shard, _BLOCK)]
        shards.append(torch.cat(blocks) if blocks else torch.zeros(0, len(rows)))
    store = FrameStore(shards)
    training = store.take(part.rows("train")).double()
    if not bool((training.std(0) > 0).all()):
        raise ValueError(f"{name}: some component never changes; use fewer components")
    return replace(part, name=name, store=store, mean=training.mean(0).float(), deviation=training.std(0).float())


def seen_through(model: Ensemble, part: Part, rows: Tensor, horizon: int, resamples: int, seed: int) -> dict[str, Any]:
    """How well the full model predicts what the components keep: R² of the projected difference, and its cosine."""
    frames = part.of_split("test")
    targets = torch.tensor(frames.row.to_numpy())
    speakers = np.unique(frames.speaker_id.to_numpy(dtype=str), return_inverse=True)[1]
    parts = []
    for block in torch.split(targets, 4096):
        density = model.step(part.contexts(block, horizon)[None].expand(len(model.members), -1, -1, -1))
        expected, deltas = density.mean() @ rows.T, part.deltas(block) @ rows.T
        lengths = expected.norm(dim=-1) * deltas.norm(dim=-1)
        cosine = (expected * deltas).sum(-1) / lengths.clamp(min=1e-12)
        left = (deltas - expected).square().sum(-1)
        parts.append(torch.stack([left.mean(0), deltas.square().sum(-1), cosine.mean(0)]).double())
    left, change, cosine = torch.cat(parts, 1).numpy()
    size = int(speakers.max()) + 1
    sums = [np.bincount(speakers, weights=v, minlength=size) for v in (left, change)]
    return {
        "delta_r2": number(1 - left.sum() / change.sum()),
        "delta_r2_interval": interval(lambda w: 1 - (w @ sums[0]) / (w @ sums[1]), size, resamples, seed),
        "direction_cosine": number(float(cosine.mean())),
    }


def summary_table(
    entries: Sequence[Mapping[str, Any]], seen: Mapping[tuple[str, int], Mapping[str, Any]], kept: Mapping[str, float],
    dims: Mapping[str, int], model: str,
) -> pd.DataFrame:  # fmt: skip
    """Rows of ``summary.csv``: published columns first."""
    rows = []
    for e in entries:
        if e["model_type"] not in (model, "ridge_var"):
            continue
        name, k, judged = e["part"], e["horizon_k"], e["eval"]
        through = seen.get((name, k), {}) if e["model_type"] == model else {}
        low, high = judged["intervals"]["dnll"] or (None, None)
        r2_low, r2_high = judged["intervals"]["delta_r2"] or (None, None)
        rows.append(
            {
                "representation": name,
                "pca_dim": dims[name],
                "horizon_k": k,
                "eval_dnll": judged["dnll"],
                "eval_nll": judged["nll"],
                "eval_nll_baseline": judged["nll_baseline"],
                "rollout_gap_nll": (e["rollout"] or {}).get("gap_nll"),
                "model_type": e["model_type"],
                "kept_variance": kept[name],
                "eval_dnll_low": low,
                "eval_dnll_high": high,
                "eval_dnll_per_dim": judged["dnll_per_dim"],
                "eval_direction_cos": judged["direction_cosine"],
                "eval_delta_r2": judged["delta_r2"],
                "eval_delta_r2_low": r2_low,
                "eval_delta_r2_high": r2_high,
                "eval_state_r2": judged["state_r2"],
                "full_model_delta_r2": through.get("delta_r2"),
                "full_model_direction_cos": through.get("direction_cosine"),
                "n_speakers": judged["n_speakers"],
            }
        )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class ReadOut:
    """Everything that experiment 4 found."""

    summary: pd.DataFrame
    entries: list[dict[str, Any]]
    """``metrics.json`` of every projection."""
    diagnostics: list[dict[str, Any]]
    """``injection_diag.json`` of every projection."""
    kept: dict[str, float]
    """Share of the training variance that each projection keeps."""


def read_out(
    part: Part, rows: Tensor, mean: Tensor, checkpoints: Path, unfinished: Path, settings: Dynamics, seed: int
) -> ReadOut:
    """Train and judge on each projection, with a random rotation of the smallest size as control.

    Parameters
    ----------
    part : Part
    rows : Tensor [d, D]
        Principal components.
    mean : Tensor [D]
    checkpoints : Path
        Of experiment 1 on the full latents.
    unfinished : Path
        Folder for what a killed job leaves.
    """
    dims = settings.read_out.pca_dims
    maps = {f"pca{d}": rows[:d] for d in dims} | {f"random{min(dims)}": rotation(part.dim, min(dims), seed)}
    one_model = settings.fit.model_copy(update={"models": (settings.rollout.model,)})
    settings = settings.model_copy(update={"fit": one_model})
    entries: list[dict[str, Any]] = []
    diagnostics, kept = [], {}
    seen: dict[tuple[str, int], dict[str, Any]] = {}
    total = float(part.deviation.double().square().sum())
    for name, own in maps.items():
        small = projected(part, own, mean, name)
        kept[name] = float(small.deviation.double().square().sum()) / total
        fitted = fit_part(small, settings, unfinished / "unfinished", seed)
        entries += judge_part(small, fitted, settings, {}, seed)
        for k in fitted.closed:
            full = Ensemble.load(checkpoints / f"{settings.rollout.model}_k{k}_final.safetensors")
            seen[name, k] = seen_through(full, part, own, k, settings.resamples, seed)
        if settings.rollout.k in fitted.closed:
            model = fitted.models[settings.rollout.model][settings.rollout.k]
            diagnostics.append(
                diagnose(small, {settings.rollout.model: (model, len(model.members))}, settings, seed)[0]
            )
    sizes = {name: len(own) for name, own in maps.items()}
    return ReadOut(summary_table(entries, seen, kept, sizes, settings.rollout.model), entries, diagnostics, kept)
