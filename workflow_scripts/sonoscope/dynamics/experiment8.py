"""Experiment 8: whether directions of change cluster into a codebook more than those of a mean-reverting process.

Angles are of held-out speakers, beside those of nulls that were clustered in the same way. Sequences are coded as
published, in an open loop, where errors add up, and in a closed loop, where each code answers the error of all before.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from sonoscope.contracts.dynamics import CODEBOOK
from sonoscope.dynamics.baselines import training_rows
from sonoscope.dynamics.codebooks import angles, cluster, nearest, nulls, run_lengths, sign_codes, unit, usage
from sonoscope.dynamics.evaluation import number
from sonoscope.dynamics.experiment2 import by_speaker
from sonoscope.dynamics.store import Part
from sonoscope.dynamics.switching import SwitchingDirections
from sonoscope.scorecard import Row, measure
from sonoscope.settings.bottlenecks import Codebook

log = logging.getLogger(__name__)

KINDS = ("normalized", "unnormalized", "state_vq")
"""Codebooks of unit directions, of raw differences, and of states; names as published."""
_NEAR_ZERO = 0.01
_PERCENTILES = (5, 25, 50, 75, 95)


def codebook_name(kind: str, count: int) -> str:
    """Name of a codebook's file."""
    return f"codebook_{kind}_K{count:04d}.safetensors"


def magnitudes(part: Part, epsilons: Sequence[float]) -> tuple[dict[str, Any], dict[str, Any]]:
    """``magnitude_distribution.json`` and the near-zero analysis of training steps."""
    frames = part.of_split("train")
    m = part.deltas(torch.tensor(frames.row.to_numpy())).norm(dim=1).double().numpy()
    logs, median = np.log(np.maximum(m, 1e-12)), float(np.median(m))
    spread = m.std()
    found = {
        "n": len(m), "mean": float(m.mean()), "median": median, "std": float(spread),
        "skew": number(float(((m - m.mean()) ** 3).mean() / max(spread, 1e-12) ** 3)),
        "log_mean": float(logs.mean()), "log_std": float(logs.std()),
        **{f"p{p}": float(np.percentile(m, p)) for p in _PERCENTILES},
    }  # fmt: skip
    levels = []
    for epsilon in epsilons:
        below = m < epsilon * median
        runs = [n for _, own in frames.groupby("utterance_id").indices.items() for n in run_lengths(below[own])]
        levels.append(
            {"epsilon": epsilon, "threshold": epsilon * median, "fraction": float(below.mean()),
             "runs": len(runs), "longest_run": max(runs, default=0)}
        )  # fmt: skip
    fraction = float((m < _NEAR_ZERO * median).mean())
    advice = "no change token" if fraction > 0.1 else "floor clamp" if fraction < 0.02 else "either"
    return found, {"levels": levels, "fraction_below_0.01_median": fraction, "recommendation": advice}


def directions_of(part: Part, split: str, most: int) -> tuple[Tensor, Tensor, Tensor, list[str]]:
    """Differences, frames, store rows and speakers of a split, evenly thinned; steps near zero are left out.

    The threshold is a hundredth of the training steps' median length.
    """
    median = part.deltas(training_rows(part)).norm(dim=1).median()
    frames = part.of_split(split)
    if len(frames) > most:
        frames = frames.iloc[np.linspace(0, len(frames) - 1, most).astype(int)]
    rows = torch.tensor(frames.row.to_numpy())
    deltas = part.deltas(rows)
    kept = deltas.norm(dim=1) >= _NEAR_ZERO * median
    speakers = frames.speaker_id.to_numpy()[kept.numpy()].tolist()
    return deltas[kept], part.store.take(rows[kept]), rows[kept], speakers


def fit_codebooks(part: Part, settings: Codebook, resamples: int, seed: int) -> dict[str, list[dict[str, Any]]]:
    """All codebooks, by kind; entries have the centres as ``codes`` and their numbers on held-out speakers."""
    deltas, states, _, _ = directions_of(part, "train", settings.max_rows)
    held, held_states, _, speakers = directions_of(part, "test", settings.max_rows)
    groups = np.unique(np.asarray(speakers), return_inverse=True)[1]
    generator = torch.Generator().manual_seed(seed)
    null_of = nulls(deltas, held, (states, held_states))
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for count in settings.k_values:
        if count > len(deltas):
            raise ValueError(f"codebook.k_values: {count} codes need as many steps, found {len(deltas)}; use fewer")
        for kind in KINDS:
            rows = states if kind == "state_vq" else deltas
            codes = cluster(
                rows, count, settings.restarts, settings.iterations, generator, spherical=kind == "normalized"
            )
            entry: dict[str, Any] = {"kind": kind, "k": count, "bits": math.log2(count), "n_train": len(rows)}
            if kind != "state_vq":
                entry |= _angle_block(angles(held, codes), groups, resamples, seed)
                entry["train_angle"] = float(angles(deltas, codes).mean())
            own = (
                nearest(unit(held), codes, True)[0] if kind == "normalized" else _plain(kind, held, held_states, codes)
            )
            entry |= vars(usage(own, count))
            if kind == "normalized":
                entry["nulls"] = {}
                for name, draw in null_of.items():
                    training, other = draw(generator)
                    own_codes = cluster(training, count, 1, settings.iterations, generator)
                    entry["nulls"][name] = float(angles(other, own_codes).mean())
                entry["sign_quantiser_angle"] = float(sign_codes(unit(deltas), unit(held), count).mean())
            found[kind].append(entry | {"codes": codes})
        log.info("%d codes: %s", count, found["normalized"][-1]["angle_mean"])
    return found


def _plain(kind: str, deltas: Tensor, states: Tensor, codes: Tensor) -> Tensor:
    return nearest(states if kind == "state_vq" else deltas, codes, False)[0]


def _angle_block(found: Tensor, groups: Any, resamples: int, seed: int) -> dict[str, Any]:
    values = found.numpy()
    return {
        "angle_mean": float(values.mean()),
        "angle_interval": by_speaker(values, groups, resamples, seed),
        "angle_median": float(np.median(values)),
        "angle_p95": float(np.quantile(values, 0.95)),
        "n": len(values),
        "n_speakers": int(groups.max()) + 1,
    }


def write_codebooks(folder: Path, part: Part, found: Mapping[str, Sequence[Mapping[str, Any]]], vae: str) -> None:
    """Write every codebook as a file."""
    for kind, entries in found.items():
        for entry in entries:
            header = {"kind": kind, "source": vae, "tier": part.tier, "near_zero": str(_NEAR_ZERO)}
            CODEBOOK.write(folder / codebook_name(kind, entry["k"]), {"codes": entry["codes"].numpy()}, header)


def read_codebook(folder: Path, count: int) -> Tensor:
    """Unit codes [K, D] that `write_codebooks` wrote."""
    return torch.from_numpy(CODEBOOK.read(folder / codebook_name("normalized", count))[0]["codes"])


def code_path(x: Tensor, codes: Tensor, kind: str, closed: bool) -> Tensor:
    """A path [T, D] through a codebook, from its true first frame on.

    ``normalized``: the nearest direction at the true length. ``unnormalized``: the nearest difference. ``state_vq``:
    the nearest state, where nothing adds up. A closed loop codes x_t less what was decoded before, as in DPCM.
    """
    if kind == "state_vq":
        return torch.cat([x[:1], codes[nearest(x[1:], codes, False)[0]]])
    out = [x[0]]
    for t in range(1, len(x)):
        step = x[t] - (out[-1] if closed else x[t - 1])
        if kind == "normalized":
            code = codes[nearest(unit(step[None]), codes, True)[0][0]]
            out.append(out[-1] + step.norm() * code)
        else:
            out.append(out[-1] + codes[nearest(step[None], codes, False)[0][0]])
    return torch.stack(out)


def divergence(path: Tensor, x: Tensor, scale: float) -> dict[str, float]:
    """How far a coded path is from the true one, in σ√D: on average, at the end, and its growth per frame."""
    away = (path - x).norm(dim=1).double() / scale
    t = torch.arange(len(away), dtype=torch.float64)
    slope = ((t - t.mean()) * (away - away.mean())).sum() / (t - t.mean()).square().sum().clamp(min=1e-9)
    return {"divergence": float(away[1:].mean()), "divergence_final": float(away[-1]), "growth": float(slope)}


def known_archetypes(process: SwitchingDirections, sequences: int, frames: int, seed: int) -> float:
    """Adjusted Rand index of spherical k-means with the states of a process that switches directions."""
    generator = torch.Generator().manual_seed(seed)
    x, states = process.sample_with_states(sequences, frames, generator)
    steps = x.diff(dim=1).float().flatten(0, 1)
    codes = cluster(steps, len(process.archetypes), 4, 50, generator)
    return float(adjusted_rand_score(states[:, 1:].flatten().numpy(), nearest(unit(steps), codes, True)[0].numpy()))


def summary(found: Mapping[str, Sequence[Mapping[str, Any]]], coded: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``summary.csv``."""
    rows = []
    for kind, entries in found.items():
        for e in entries:
            own = coded[(coded.kind == kind) & (coded.k == e["k"])]
            by = dict(tuple(own.groupby("loop")))
            row = {k: e.get(k) for k in ("kind", "k", "bits", "angle_mean", "angle_median", "angle_p95", "train_angle")}
            row["angle_low"], row["angle_high"] = e.get("angle_interval") or (None, None)
            row |= {f"null_{n}": e.get("nulls", {}).get(n) for n in ("isotropic", "linear_gaussian", "mean_reverting")}
            row["sign_quantiser_angle"] = e.get("sign_quantiser_angle")
            row |= {n: e[n] for n in ("perplexity", "entropy_ratio", "utilisation", "used")}
            for loop in ("open", "closed"):
                for name in ("divergence", "log_mel_distance"):
                    row[f"{name}_{loop}"] = number(by[loop][name].mean()) if loop in by else None
            rows.append(row)
    return pd.DataFrame(rows)


def scorecard_rows(found: Sequence[Mapping[str, Any]], ari: float) -> list[Row]:
    """``dynamics.exp8.k{K}.{angle,null_angle}``: below the mean-reverting null, directions are clustered by themselves.

    The null of an angle is isotropic; its baseline, which is also the bar, the mean-reverting process.
    """
    source = ["fit_codebooks", "dynamics/fit_codebooks/summary.csv"]
    rows = [measure("dynamics.exp8.known_ari", ari, target=0.95, sources=source)]
    for e in found:
        low, high = e["angle_interval"] or (None, None)
        bar = e["nulls"]["mean_reverting"]
        rows.append(
            measure(
                f"dynamics.exp8.k{e['k']}.angle", e["angle_mean"], low=low, high=high, n=e["n_speakers"],
                null=e["nulls"]["isotropic"], baseline=bar, target=bar, better="lower",
                provided=high is None or high < bar, sources=source,
            )
        )  # fmt: skip
        rows.append(
            measure(f"dynamics.exp8.k{e['k']}.null_angle", e["nulls"]["isotropic"], n=e["n"], baseline=bar,
                    sources=source)
        )  # fmt: skip
    return rows
