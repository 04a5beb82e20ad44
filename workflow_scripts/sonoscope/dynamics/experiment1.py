"""Experiment 1: the change between latents as a direction times a magnitude, beside everything simpler.

All models and closed forms of one part of a source (a codec, or one known-answer process), judged on the same frames of
test speakers and on one scale: nats per frame of the difference, in the latents' own units.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sonoscope.contracts.csv import write_csv
from sonoscope.device import device
from sonoscope.dynamics.baselines import fit_baselines, training_rows
from sonoscope.dynamics.bessel import bessel_ratio
from sonoscope.dynamics.ensembles import Ensemble, shape_of
from sonoscope.dynamics.evaluation import Judged, judge, number, summarise
from sonoscope.dynamics.heads import DirectionMagnitude
from sonoscope.dynamics.likelihoods import Predictor
from sonoscope.dynamics.published import ClampedModel, train_published
from sonoscope.dynamics.rollout import context_gap
from sonoscope.dynamics.starts import begin
from sonoscope.dynamics.store import SPLITS, Part
from sonoscope.dynamics.training import Trained, fit_ensemble
from sonoscope.settings.dynamics import Dynamics

log = logging.getLogger(__name__)

_TRAIN_JUDGED = 1024
PUBLISHED_BASELINE = {
    "vmf": "uniform_lognormal",
    "vmf_mixture": "uniform_lognormal",
    "vmf_published": "uniform_lognormal",
    "mdn": "gaussian_diagonal",
}
"""What the published ΔNLL of each model is held against; ours is the full-covariance Gaussian for all."""
BASELINE = "gaussian_full"
NAMES = {"train": "train", "validation": "validation", "test": "eval"}
"""Splits as they are called in the published files."""


@dataclass(frozen=True)
class PredictorStep:
    """A closed form's answer to some contexts [1, n, W, D]."""

    predictor: Predictor
    contexts: Tensor

    def log_prob(self, deltas: Tensor) -> Tensor:
        """Log-density, [1, n]."""
        return self.predictor.log_prob(self.contexts[0], deltas[0])[None]

    def mean(self) -> Tensor:
        """Expected difference, [1, n, D]."""
        return self.predictor.predict(self.contexts[0])[None]

    def median(self) -> Tensor:
        """The same."""
        return self.mean()

    def sample(self, generator: torch.Generator) -> Tensor:
        """Closed forms are rolled out by `GaussianModel` instead."""
        raise NotImplementedError("closed forms are rolled out as GaussianModel")


@dataclass(frozen=True)
class Fitted:
    """What was learned of one part."""

    models: dict[str, dict[int, Ensemble]]
    """By family and horizon; each holds all seeds."""
    trained: dict[str, dict[int, Trained]]
    closed: dict[int, dict[str, Predictor]]
    """By horizon and name."""
    clamped: dict[int, ClampedModel]
    """The published model, where it is asked for."""


def horizons_of(settings: Dynamics) -> tuple[int, ...]:
    """Horizons that are trained."""
    return settings.horizons if settings.k is None else (settings.k,)


def fit_part(part: Part, settings: Dynamics, resume: Path, seed: int) -> Fitted:
    """Fit every closed form and train every model; a killed job goes on from the files in ``resume``."""
    fit, horizons = settings.fit, horizons_of(settings)
    closed = {k: fit_baselines(part, k, fit.ridge, fit.components, seed) for k in horizons}
    deltas = part.deltas(training_rows(part))
    members = [(s, k) for s in fit.seeds for k in horizons]
    models: dict[str, dict[int, Ensemble]] = {}
    trained: dict[str, dict[int, Trained]] = {}
    for i, family in enumerate(fit.models):
        fitted_scales = fit.coordinates == "fitted"
        shape = shape_of(family, part.window, part.dim, fit.hidden, fit.layers, fit.components, fitted_scales)
        ensemble = Ensemble(shape, members, torch.Generator().manual_seed(seed + i))
        begin(ensemble, part, closed, fit.coordinates)
        checkpoint = resume / f"{part.name}-{family}.pt"
        if settings.force or not settings.resume:
            checkpoint.unlink(missing_ok=True)
        found = fit_ensemble(ensemble, part, fit, checkpoint, device())
        ensemble.settle(deltas)
        models[family] = {k: ensemble.pick([j for j, m in enumerate(members) if m[1] == k]) for k in horizons}
        trained[family] = {k: _only(found, [j for j, m in enumerate(members) if m[1] == k]) for k in horizons}
    clamped: dict[int, ClampedModel] = {}
    if settings.legacy:
        own = [(fit.seeds[0], k) for k in horizons]
        stack = ClampedModel(own, part.window, part.dim, fit.hidden, torch.Generator().manual_seed(seed))
        train_published(stack, part, fit.max_steps, fit.batch)
        clamped = {k: stack.pick([j]) for j, (_, k) in enumerate(own)}
    return Fitted(models, trained, closed, clamped)


def _only(found: Trained, members: Sequence[int]) -> Trained:
    return Trained(
        [found.validation_nll[i] for i in members],
        [found.best_step[i] for i in members],
        [found.saturation[i] for i in members],
        found.steps_per_second,
    )


def fit_source(parts: Sequence[Part], settings: Dynamics, checkpoints: Path, seed: int) -> list[dict[str, Any]]:
    """Fit and judge every part of a source; entries of ``metrics.json``, one per part, horizon and model.

    Checkpoints go to ``checkpoints``, in a folder per part where there are several.
    """
    entries: list[dict[str, Any]] = []
    for part in parts:
        fitted = fit_part(part, settings, checkpoints.with_name("unfinished"), seed)
        folder = checkpoints / part.name if len(parts) > 1 else checkpoints
        names = {}
        for family, by_horizon in fitted.models.items():
            for k, model in by_horizon.items():
                path = folder / f"{family}_k{k}_final.safetensors"
                model.save(path, k, settings.fit.max_steps, part=part.name, slice=settings.slice)
                names[family, k] = path.relative_to(checkpoints.parent).as_posix()
        entries += judge_part(part, fitted, settings, names, seed)
    return entries


def judge_part(part: Part, fitted: Fitted, settings: Dynamics, names: Mapping[tuple[str, int], str], seed: int) -> Any:
    """Entries of ``metrics.json``: one per horizon and model, closed forms and the published model included."""
    entries = []
    splits = {split: _rows(part, split) for split in SPLITS}
    for k, closed in fitted.closed.items():
        judged: dict[str, dict[str, Judged]] = {}
        answers: dict[str, Any] = {n: (lambda c, p=p: PredictorStep(p, c)) for n, p in closed.items()}
        for family, by_horizon in fitted.models.items():
            model = by_horizon[k]
            answers[family] = lambda c, m=model: m.step(c.expand(len(m.members), -1, -1, -1))
        if fitted.clamped:
            answers["vmf_published"] = fitted.clamped[k].step
        for name, answer in answers.items():
            judged[name] = {s: judge(answer, part, rows, k, names_) for s, (rows, names_) in splits.items()}
        entries += [_entry(part, k, name, judged, fitted, settings, names, seed) for name in answers]
    return entries


def _rows(part: Part, split: str) -> tuple[Tensor, list[str]]:
    frames = part.of_split(split)
    if split == "train" and len(frames) > _TRAIN_JUDGED:
        frames = frames.iloc[np.linspace(0, len(frames) - 1, _TRAIN_JUDGED).astype(int)]
    return torch.tensor(frames.row.to_numpy()), frames.speaker_id.tolist()


def _entry(
    part: Part,
    k: int,
    name: str,
    judged: Mapping[str, Mapping[str, Judged]],
    fitted: Fitted,
    settings: Dynamics,
    names: Mapping[tuple[str, int], str],
    seed: int,
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "part": part.name,
        "tier": part.tier,
        "horizon_k": k,
        "slice_name": settings.slice,
        "model_type": name,
        "frame_rate": part.frame_rate,
        "seeds": list(settings.fit.seeds) if name in fitted.models else [],
    }
    published = PUBLISHED_BASELINE.get(name)
    for split, called in NAMES.items():
        base = judged[BASELINE][split]
        other = judged[published][split] if published else None
        entry[called] = summarise(judged[name][split], base, settings.resamples, seed, other)
    entry["rollout"] = None
    if name in fitted.models:
        model, found = fitted.models[name][k], fitted.trained[name][k]
        entry["training"] = {
            "validation_nll": [number(v) for v in found.validation_nll],
            "best_step": found.best_step,
            "saturation": found.saturation,
        }
        entry["calibration"] = calibration(model, part, k)
        if name == settings.rollout.model:
            entry["rollout"] = context_gap(
                model, part, k, settings.rollout.n_eval_utterances, judged[BASELINE]["test"].columns["nll"].mean(), seed
            )
    if name == "vmf_published":
        contexts = part.contexts(_rows(part, "test")[0][:2048], k)[None]
        entry["training"] = fitted.clamped[k].stuck(contexts)
    entry["final_checkpoint"] = names.get((name, k))
    return entry


def calibration(model: Ensemble, part: Part, horizon: int) -> dict[str, Any] | None:
    """Predicted against realised cosine by decile of κ, and coverage of the magnitude's central intervals.

    For the plain direction × magnitude model, in its own coordinates, seeds pooled; None for others.
    """
    rows = part.rows("test")
    density = model.step(part.contexts(rows, horizon)[None].expand(len(model.members), -1, -1, -1))
    if not isinstance(density, DirectionMagnitude) or density.log_weights.shape[-1] > 1:
        return None
    z = density.coordinates.into(part.deltas(rows)[None].expand(len(model.members), -1, -1))
    m = z.norm(dim=-1).clamp(min=1e-8)
    natural, kappa = density.natural[:, :, 0], density.concentration[..., 0]
    realised = ((natural * z).sum(-1) / (kappa * m)).flatten()
    predicted = bessel_ratio(kappa, part.dim / 2 - 1).flatten()
    order = predicted.argsort().chunk(10)
    score = (m.log() - density.mean_log[..., 0]) / density.deviation[..., 0]
    pit = torch.special.ndtr(score.double()).flatten()
    return {
        "predicted_cosine": [number(float(predicted[i].mean())) for i in order],
        "realised_cosine": [number(float(realised[i].mean())) for i in order],
        "magnitude_coverage": {
            str(level): number(float(((pit - 0.5).abs() < level / 2).double().mean())) for level in (0.5, 0.9)
        },
        "magnitude_pit": torch.histc(pit, 10, 0, 1).div(len(pit)).tolist(),
    }


def table(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of ``tables.csv`` with the published columns, and ours behind them."""
    rows = []
    for e in entries:
        row: dict[str, Any] = {"horizon_k": e["horizon_k"], "slice": e["slice_name"], "model_type": e["model_type"]}
        for split in ("train", "eval"):
            for key in ("n", "nll", "nll_per_dim", "nll_baseline", "nll_baseline_per_dim", "dnll", "dnll_per_dim"):
                row[f"{split}_{key}"] = e[split][key]
        row |= {
            "eval_direction_cos": e["eval"]["direction_cosine"],
            "eval_logmag_r2": e["eval"]["logmag_r2"],
            "final_checkpoint": e["final_checkpoint"],
            "rollout_gap_nll": (e["rollout"] or {}).get("gap_nll"),
            "rollout_gap_dnll": (e["rollout"] or {}).get("gap_dnll"),
            "part": e["part"],
            "eval_n_speakers": e["eval"]["n_speakers"],
        }
        for name, ends in e["eval"]["intervals"].items():
            row[f"eval_{name}_low"], row[f"eval_{name}_high"] = ends or (None, None)
        row |= {f"eval_{name}": e["eval"][name] for name in ("delta_r2", "state_r2", "logmag_r2_of_mean")}
        row["eval_nll_between_seeds"] = e["eval"]["seeds"]["nll_between_seeds"]
        rows.append(row)
    return rows


def write_tables(path: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write ``tables.csv``."""
    write_csv(path, pd.DataFrame(table(entries)))
