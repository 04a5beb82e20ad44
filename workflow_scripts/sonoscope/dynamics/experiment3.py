"""Experiment 3: codecs compared where a comparison means something.

Frame k of one codec is not frame k of another, nats depend on dimensions and rate, and errors on units. So: the next
state is predicted at equal lags in time, from contexts of equal length in time, by one closed form for all; errors are
of standardised coordinates; a faster codec also stands there averaged to the common rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sonoscope.dynamics.evaluation import Floats, interval, number, sums_by
from sonoscope.dynamics.phase0 import read_index
from sonoscope.dynamics.store import FrameStore, header_of
from sonoscope.settings.dynamics import Representations

_CONTEXT = 8
"""Frames of context, evenly over its length: a faster codec has no more inputs."""
_MOST_ROWS = 20_000
_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)


@dataclass(frozen=True)
class Sequences:
    """Latent sequences of one codec at one rate."""

    name: str
    frame_rate: float
    by_split: dict[str, list[tuple[str, Tensor]]]
    """Speaker and frames [T, D] of each."""

    @classmethod
    def open(cls, name: str, latents: Sequence[Path], index: Sequence[Path]) -> "Sequences":
        """Read the latents of a codec."""
        store, table = FrameStore.open(latents), read_index(index)
        found: dict[str, list[tuple[str, Tensor]]] = {}
        for row in table.itertuples():
            rows = torch.arange(int(row.start), int(row.start) + int(row.n_frames))  # type: ignore[arg-type]
            found.setdefault(str(row.split), []).append((str(row.speaker_id), store.take(rows)))
        return cls(name, float(header_of(latents[0])["frame_rate"]), found)

    def averaged(self, rate: float) -> "Sequences":
        """The same, averaged over blocks of frames to about ``rate``."""
        block = max(1, round(self.frame_rate / rate))
        pooled = {
            split: [(s, x[: len(x) // block * block].reshape(-1, block, x.shape[1]).mean(1)) for s, x in items]
            for split, items in self.by_split.items()
        }
        return Sequences(self.name, self.frame_rate / block, pooled)


def pairs(sequences: Sequence[tuple[str, Tensor]], length: int, lag: int) -> tuple[Tensor, Tensor, list[str]]:
    """Contexts [n, W, D] of ``length`` frames that end ``lag`` frames before their targets [n, D]; and the speakers."""
    picked = torch.linspace(-length + 1, 0, min(_CONTEXT, length)).round().long()
    contexts, targets, speakers = [], [], []
    for speaker, x in sequences:
        t = torch.arange(length - 1 + lag, len(x))
        contexts.append(x[(t - lag)[:, None] + picked])
        targets.append(x[t])
        speakers += [speaker] * len(t)
    if not speakers:
        raise ValueError(f"no sequence has {length + lag} frames; lower representations.context_ms")
    return torch.cat(contexts), torch.cat(targets), speakers


def predictability(codec: Sequences, lag_ms: float, context_ms: float, resamples: int, seed: int) -> dict[str, Any]:
    """R² of the state at one lag, against the training mean: linear prediction, and persistence.

    The penalty is chosen on validation speakers; the test speakers are seen once.
    """
    lag = max(1, round(lag_ms * codec.frame_rate / 1000))
    length = max(1, round(context_ms * codec.frame_rate / 1000))
    sides = {s: pairs(codec.by_split[s], length, lag) for s in ("train", "validation", "test")}
    train = _thin(*sides["train"][:2])
    center, scale = train[1].double().mean(0), train[1].double().std(0).clamp(min=1e-12)

    def standard(contexts: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return ((contexts.double() - center) / scale).flatten(1), (targets.double() - center) / scale

    x, y = standard(*train)
    moment, cross = x.T @ x / len(x), x.T @ y / len(x)
    eye = torch.eye(len(moment), dtype=torch.float64)
    held_x, held_y = standard(*sides["validation"][:2])
    fits = [torch.linalg.solve(moment + p * eye, cross) for p in _PENALTIES]
    best = min(fits, key=lambda w: float((held_y - held_x @ w).square().mean()))
    test_x, test_y = standard(*sides["test"][:2])
    last = test_x[:, -y.shape[1] :]
    speakers = np.unique(np.asarray(sides["test"][2]), return_inverse=True)[1]
    size = int(speakers.max()) + 1
    away = sums_by(speakers, test_y.square().sum(1), size)
    found: dict[str, Any] = {"lag_ms": lag_ms, "lag_frames": lag, "context_frames": length, "n": len(test_y)}
    for name, guess in (("state_r2", test_x @ best), ("persistence_r2", last)):
        left = sums_by(speakers, (test_y - guess).square().sum(1), size)
        found[name] = number(1 - left.sum() / away.sum())
        found[f"{name}_low"], found[f"{name}_high"] = _explained(left, away, resamples, seed) or (None, None)
    return found | {"n_speakers": size}


def _explained(left: Floats, away: Floats, resamples: int, seed: int) -> list[float] | None:
    """Interval of R² from sums by speaker."""
    return interval(lambda w: 1 - (w @ left) / (w @ away), len(left), resamples, seed)


def _thin(contexts: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    if len(targets) <= _MOST_ROWS:
        return contexts, targets
    rows = torch.linspace(0, len(targets) - 1, _MOST_ROWS).long()
    return contexts[rows], targets[rows]


def lag_table(codecs: Sequence[Sequences], settings: Representations, resamples: int, seed: int) -> pd.DataFrame:
    """Rows of ``lags.csv``: every codec at its own rate, and averaged to the common one where it is faster."""
    rows = []
    for codec in codecs:
        forms = {"native": codec}
        if codec.frame_rate > 1.5 * settings.frame_rate:
            forms["averaged"] = codec.averaged(settings.frame_rate)
        for form, own in forms.items():
            for lag in settings.lags_ms:
                about = {"representation": codec.name, "form": form, "frame_rate": own.frame_rate}
                rows.append(about | predictability(own, lag, settings.context_ms, resamples, seed))
    return pd.DataFrame(rows)


def summary_table(
    codecs: Sequence[Sequences],
    metrics: Sequence[Sequence[Mapping[str, Any]]],
    diagnostics: Sequence[Mapping[str, Any]],
    lags: pd.DataFrame,
    model: str,
) -> pd.DataFrame:
    """Rows of ``summary.csv``: published columns first, then what can be compared."""
    rows = []
    for codec, entries, diagnostic in zip(codecs, metrics, diagnostics, strict=True):
        own = [e for e in entries if e["model_type"] == model]
        best = min(own, key=lambda e: np.inf if e["eval"]["dnll"] is None else e["eval"]["dnll"])
        low, high = best["eval"]["intervals"]["dnll"] or (None, None)
        free = diagnostic["modes"]["D_rollout"]
        energy_low, energy_high = free["energy_score_interval"] or (None, None)
        at = lags[(lags.representation == codec.name) & (lags.form == "native")]
        rows.append(
            {
                "representation": codec.name,
                "best_eval_dnll": best["eval"]["dnll"],
                "phase1_dir": f"dynamics/fit_dynamics/{codec.name}",
                "model_type": model,
                "tier": best["tier"],
                "frame_rate": codec.frame_rate,
                "dim": codec.by_split["train"][0][1].shape[1],
                "best_horizon_k": best["horizon_k"],
                "best_eval_dnll_low": low,
                "best_eval_dnll_high": high,
                "gain_per_dim": None if best["eval"]["dnll"] is None else -best["eval"]["dnll_per_dim"],
                "gain_per_second": None if best["eval"]["dnll"] is None else -best["eval"]["dnll"] * codec.frame_rate,
                "direction_cos": best["eval"]["direction_cosine"],
                "rollout_energy_score": free["energy_score"],
                "rollout_energy_low": energy_low,
                "rollout_energy_high": energy_high,
                "rollout_state_err_normalised": free["state_err_normalised"],
                "n_speakers": best["eval"]["n_speakers"],
                **{f"state_r2_{lag:g}ms": value for lag, value in zip(at.lag_ms, at.state_r2, strict=True)},
            }
        )
    return pd.DataFrame(rows)
