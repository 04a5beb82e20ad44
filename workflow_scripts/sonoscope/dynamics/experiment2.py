"""Experiment 2: the injection diagnostic, and whether what free running loses is a fault of the model.

The published modes and keys, on one engine; the same with persistence, mean reversion and a linear prediction in the
place of the model; and sampled rollouts judged as draws from the law of futures.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sonoscope.contracts.dynamics import PER_STEP
from sonoscope.dynamics.baselines import GaussianModel, fit_baselines
from sonoscope.dynamics.evaluation import interval, number
from sonoscope.dynamics.likelihoods import GaussianPredictor, Predictor
from sonoscope.dynamics.rollout import Plan, Starts, StepModel, choose_starts, roll
from sonoscope.dynamics.rollout_scores import Manifold, energy_score, spread_skill, tracking, two_sample_auc
from sonoscope.dynamics.store import Part
from sonoscope.settings.dynamics import Dynamics, Rollout

MODES = ("A_teacher", "B_periodic", "C_one_shot", "D_rollout")
TRACKED = ("nll", "nll_baseline", "dnll", "cos", "mag_ratio", "state_err", "state_err_after", "state_err_normalised")
ROLLED = ("persistence", "mean_reversion", "ridge_var")
"""Closed forms that are rolled out beside the model."""
_REFERENCE = 2000


def plan_of(mode: str, settings: Rollout, advance: Any = "mean") -> Plan:
    """One of the four modes."""
    inject = {
        "B_periodic": settings.inject_after_steps_periodic,
        "C_one_shot": settings.inject_after_steps_one_shot,
    }.get(mode, ())
    return Plan(advance=advance, teacher=mode == "A_teacher", inject=inject)


def diagnose(
    part: Part,
    models: Mapping[str, tuple[StepModel, int]],
    settings: Dynamics,
    seed: int,
    modes: Sequence[str] = MODES,
    closed_forms: Sequence[str] = ROLLED,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The diagnostic of some models (each with its number of seeds) and of closed forms, from the same starts.

    Returns
    -------
    dict
        ``injection_diag.json``: published keys, for the first model, and ``predictors`` with all.
    list of dict
        Rows of ``per_step.csv``.
    """
    r = settings.rollout
    starts = choose_starts(part, "test", r.n_eval_utterances, r.segments_per_utt, r.k_steps, r.k, seed)
    closed = fit_baselines(part, r.k, settings.fit.ridge, settings.fit.components, seed)
    everything: dict[str, tuple[StepModel, int]] = dict(models)
    for name in closed_forms:
        predictor = closed[name]
        if isinstance(predictor, GaussianPredictor):
            everything[name] = (GaussianModel(predictor), 1)
    manifold = Manifold(*_reference(part, seed))
    baseline = _baseline_nll(closed["gaussian_full"], starts, part, r)
    rows: list[dict[str, Any]] = []
    found: dict[str, Any] = {}
    for name, (model, count) in everything.items():
        for mode in modes:
            block, own = _mode(mode, model, count, starts, part, settings, baseline, manifold, seed)
            found.setdefault(name, {})[mode] = block
            rows += [{"mode": mode, "part": part.name, "predictor": name, **row} for row in own]
    first = next(iter(models))
    return {
        "part": part.name,
        "tier": part.tier,
        "predictor": first,
        "n_utterances": r.n_eval_utterances,
        "n_segments": len(starts.rows),
        "n_speakers": len(set(starts.speakers)),
        "horizon_k": r.k,
        "window_size": part.window,
        "k_steps": r.k_steps,
        "draws": r.draws,
        "modes": found[first],
        "predictors": found,
    }, rows


def _reference(part: Part, seed: int) -> tuple[Tensor, Tensor]:
    """Training frames, and real test frames beside them, standardised."""
    rng = torch.Generator().manual_seed(seed)
    sides = []
    for split in ("train", "test"):
        rows = part.rows(split)
        frames = part.store.take(rows[torch.randperm(len(rows), generator=rng)[:_REFERENCE]])
        sides.append((frames - part.mean) / part.deviation)
    return sides[0], sides[1]


def _baseline_nll(predictor: Predictor, starts: Starts, part: Part, r: Rollout) -> Tensor:
    """NLL of the true differences without any context, [n, K]."""
    deltas = starts.frames[:, -r.k_steps - 1 :].diff(dim=1)
    flat = deltas.flatten(0, 1)
    nll = -predictor.log_prob(torch.zeros(len(flat), part.window, part.dim), flat)
    return nll.reshape(deltas.shape[:2])


def _mode(
    mode: str,
    model: StepModel,
    count: int,
    starts: Starts,
    part: Part,
    settings: Dynamics,
    baseline: Tensor,
    manifold: Manifold,
    seed: int,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    r = settings.rollout
    trace = roll(model, starts.frames, r.k_steps, part.window, r.k, plan_of(mode, r), models=count)
    numbers = tracking(trace, baseline, part.scale)
    numbers["dnll"] = numbers["nll"] - numbers["nll_baseline"]
    per_step: list[dict[str, Any]] = [
        {"step": s + 1, "n": len(starts.rows), **{name: _mean(numbers[name][:, s]) for name in TRACKED}}
        for s in range(r.k_steps)
    ]
    block: dict[str, Any] = {"n": numbers["nll"].numel(), **{name: _mean(numbers[name]) for name in TRACKED}}
    speakers = np.unique(np.asarray(starts.speakers), return_inverse=True)[1]
    drawn = _distribution(mode, model, count, starts, part, settings, manifold, speakers, seed)
    for row, more in zip(per_step, drawn["per_step"], strict=True):
        row |= more
    block |= {name: value for name, value in drawn.items() if name != "per_step"}
    block["intervals"] = {
        name: by_speaker(numbers[name].mean(1).numpy(), speakers, settings.resamples, seed)
        for name in ("dnll", "cos", "state_err_normalised")
    }
    if settings.legacy:
        published = roll(model, starts.frames, r.k_steps, part.window, r.k, plan_of(mode, r, "median"), models=count)
        own = tracking(published, baseline, part.scale)
        block["published"] = {n: _mean(own[n]) for n in ("nll", "cos", "mag_ratio", "state_err")}
    block["per_step"] = per_step
    return block, per_step


def _distribution(
    mode: str,
    model: StepModel,
    count: int,
    starts: Starts,
    part: Part,
    settings: Dynamics,
    manifold: Manifold,
    speakers: Any,
    seed: int,
) -> dict[str, Any]:
    """Sampled rollouts as draws: energy score, spread against skill, off-manifold share, classifier."""
    r = settings.rollout
    repeated = starts.frames.repeat_interleave(r.draws, 0)
    generator = torch.Generator().manual_seed(seed)
    trace = roll(model, repeated, r.k_steps, part.window, r.k, plan_of(mode, r, "sample"), generator, count)
    n = len(starts.rows)
    # frames as generated: with a true frame put in, there would be nothing to judge
    states = ((trace.generated - part.mean) / part.deviation).reshape(count, n, r.draws, r.k_steps, part.dim)
    draws = states.permute(2, 0, 1, 3, 4)  # [M, E, n, K, D]
    truth = (starts.frames[:, -r.k_steps :] - part.mean) / part.deviation
    root = part.dim**0.5
    scores = energy_score(draws, truth).mean(0).double() / root  # [n, K]
    ratios = torch.stack([spread_skill(draws[:, e], truth) for e in range(count)]).mean(0)
    before = (starts.frames[:, -r.k_steps - 1 : -1] - part.mean) / part.deviation
    previous = ((trace.previous - part.mean) / part.deviation).reshape(count, n, r.draws, r.k_steps, part.dim)
    per_step = []
    for s in range(r.k_steps):
        low, high = by_speaker(scores[:, s].numpy(), speakers, settings.resamples, seed) or (None, None)
        one, past = states[0, :, 0, s], previous[0, :, 0, s]
        real = torch.cat([truth[:, s], truth[:, s] - before[:, s]], 1).double().numpy()
        made = torch.cat([one, one - past], 1).double().numpy()
        per_step.append(
            {
                "energy_score": _mean(scores[:, s]),
                "energy_low": low,
                "energy_high": high,
                "spread_skill": number(float(ratios[s])),
                "off_manifold": number(manifold.outside(states[0, :, :, s].flatten(0, 1))),
                "auc": two_sample_auc(real, made, speakers),
            }
        )
    outside = [row["off_manifold"] for row in per_step]
    left = [i + 1 for i, share in enumerate(outside) if share is not None and share > 0.5]
    aucs = [row["auc"] for row in per_step if row["auc"] is not None]
    return {
        "energy_score": _mean(scores),
        "energy_score_interval": by_speaker(scores.mean(1).numpy(), speakers, settings.resamples, seed),
        "energy_score_by_seed": [number(float(v)) for v in (energy_score(draws, truth) / root).mean((1, 2))],
        "spread_skill": number(float(ratios.mean())),
        "off_manifold": number(sum(o for o in outside if o is not None) / len(outside)),
        "divergence_step": left[0] if left else None,
        "auc": number(float(np.mean(aucs))) if aucs else None,
        "per_step": per_step,
    }


def by_speaker(values: Any, speakers: Any, resamples: int, seed: int) -> list[float] | None:
    """95 % interval of the mean of ``values`` [n], speakers resampled; None with fewer than two."""
    size = int(speakers.max()) + 1
    count = np.bincount(speakers, minlength=size).astype(np.float64)
    total = np.bincount(speakers, weights=values, minlength=size)
    return interval(lambda w: (w @ total) / (w @ count), size, resamples, seed)


def _mean(values: Tensor) -> float | None:
    return number(float(values.double().mean()))


def per_step_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of ``per_step.csv`` in the order of the contract."""
    frame = pd.DataFrame(list(rows)).reindex(columns=list(PER_STEP.columns))
    numeric = [n for n, c in PER_STEP.columns.items() if c.kind == "float64"]
    frame = frame.astype(dict.fromkeys(numeric, "float64"))
    PER_STEP.check(frame)
    return frame
