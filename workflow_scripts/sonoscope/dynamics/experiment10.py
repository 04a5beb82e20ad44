"""Experiment 10: whether the next direction, as a code, is predictable, and whether codes keep rollouts alive.

Rollouts go through the one engine, so that no true frame reaches a context, and argmax takes the median magnitude.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonoscope.dynamics.baselines import GaussianModel, fit_baselines
from sonoscope.dynamics.codebooks import cluster, nearest, unit
from sonoscope.dynamics.direction_codes import DirectionAutoregression, Nucleus, fit_direction_ar
from sonoscope.dynamics.evaluation import number
from sonoscope.dynamics.experiment2 import by_speaker
from sonoscope.dynamics.likelihoods import GaussianPredictor, MeanReversion
from sonoscope.dynamics.rollout import Advance, Plan, Starts, StepModel, Trace, choose_starts, roll
from sonoscope.dynamics.rollout_scores import energy_score
from sonoscope.dynamics.store import Part
from sonoscope.dynamics.switching import SwitchingDirections
from sonoscope.scorecard import Row, measure
from sonoscope.settings.bottlenecks import DirectionAr

DRAWS = 8
_TOP = 5
_TINY = 1e-12


def teacher_forced(
    model: DirectionAutoregression, part: Part, horizon: int, ridge: float, resamples: int, seed: int
) -> dict[str, Any]:
    """``teacher_forced_metrics.json``: the model on true contexts of test speakers, beside what is simpler.

    Baselines answer with codes too: the commonest, the one that mostly follows the last, the one nearest to the way
    back to the mean, and the one nearest to a linear prediction.
    """
    frames = part.of_split("test")
    rows = torch.tensor(frames.row.to_numpy())
    groups = np.unique(frames.speaker_id.to_numpy(dtype=str), return_inverse=True)[1]
    own = nearest(unit(part.deltas(rows)), model.codes, True)[0]
    train = part.rows("train")
    train_codes = nearest(unit(part.deltas(train)), model.codes, True)[0]
    count = len(model.codes)
    marginal = (torch.bincount(train_codes, minlength=count) + 1.0) / (len(train) + count)
    closed = fit_baselines(part, horizon, ridge, 2, seed)
    follows = _bigram(part, train, train_codes, model.codes, horizon, count)
    last = _last_code(part, rows, model.codes, horizon)
    answers: dict[str, tuple[Tensor, Tensor | None]] = {
        "unigram": (marginal.argmax().expand(len(rows)), marginal.log()[own]),
        "bigram": (follows[last].argmax(1), follows[last, own].log()),
    }
    contexts = part.contexts(rows, horizon)
    for name, predictor in (("mean_reversion", MeanReversion()), ("ridge_var", closed["ridge_var"])):
        if isinstance(predictor, MeanReversion):
            predictor = predictor.fit(part.contexts(train, horizon), part.deltas(train))
        answers[name] = (nearest(unit(predictor.predict(contexts)), model.codes, True)[0], None)
    found = _of_model(model, part, rows, own, horizon)
    blocks: dict[str, Any] = {
        name: {
            "top1": float((answer == own).double().mean()),
            "cross_entropy": None if log_p is None else -float(log_p.double().mean()),
        }
        for name, (answer, log_p) in answers.items()
    }
    per_row = found.pop("per_row")
    for key in ("top1", "top5", "cross_entropy", "magnitude_nll"):
        found[f"{key}_interval"] = by_speaker(per_row[key], groups, resamples, seed)
    best = max(("bigram", "mean_reversion", "ridge_var"), key=lambda name: blocks[name]["top1"])
    gain = per_row["top1"] - (answers[best][0] == own).double().numpy()
    entropy = -float((marginal * marginal.log()).sum())
    return {
        "n": len(rows), "n_speakers": int(groups.max()) + 1, "codes": count, "tier": part.tier, "part": part.name,
        "horizon_k": horizon, **found, "marginal_entropy": entropy, "uniform_entropy": float(np.log(count)),
        "baselines": blocks, "best_baseline": best, "top1_gain": float(gain.mean()),
        "top1_gain_interval": by_speaker(gain, groups, resamples, seed),
    }  # fmt: skip


def _of_model(model: DirectionAutoregression, part: Part, rows: Tensor, own: Tensor, horizon: int) -> dict[str, Any]:
    columns: dict[str, list[Tensor]] = {}
    for block, codes in zip(torch.split(rows, 2048), torch.split(own, 2048), strict=True):
        step = model.step(part.contexts(block, horizon)[None].expand(len(model.members), -1, -1, -1))
        m = part.deltas(block).norm(dim=1).clamp(min=1e-8).log()
        wanted = codes.expand(len(model.members), -1)[..., None]
        top = step.log_weights.topk(min(_TOP, len(model.codes)), -1).indices
        z = (m - step.mean_log) / step.deviation
        for name, value in {
            "top1": (top[..., :1] == wanted).any(-1),
            "top5": (top == wanted).any(-1),
            "cross_entropy": -step.log_weights.gather(-1, wanted)[..., 0],
            "magnitude_nll": 0.5 * z.square() + step.deviation.log() + 0.5 * np.log(2 * np.pi),
            "confidence": step.log_weights.amax(-1).exp(),
        }.items():
            columns.setdefault(name, []).append(value.double())
    table = {name: torch.cat(blocks, 1) for name, blocks in columns.items()}  # [E, n]
    found: dict[str, Any] = {name: float(v.mean()) for name, v in table.items() if name != "confidence"}
    found["perplexity"] = float(np.exp(found["cross_entropy"]))
    found["calibration_error"] = expected_calibration_error(
        table["confidence"].flatten().numpy(), table["top1"].flatten().numpy()
    )
    found["top1_by_seed"] = table["top1"].mean(1).tolist()
    found["per_row"] = {name: v.mean(0).numpy() for name, v in table.items()}
    return found


def expected_calibration_error(confidence: NDArray[np.float64], right: NDArray[np.float64], bins: int = 10) -> float:
    """Mean distance between confidence and accuracy over bins of equal size (Guo et al. 2017)."""
    order = np.array_split(np.argsort(confidence), bins)
    gaps = [abs(confidence[i].mean() - right[i].mean()) * len(i) for i in order if len(i)]
    return float(sum(gaps) / len(confidence))


def _last_code(part: Part, rows: Tensor, codes: Tensor, horizon: int) -> Tensor:
    return nearest(unit(part.deltas(rows - horizon)), codes, True)[0]


def _bigram(part: Part, rows: Tensor, own: Tensor, codes: Tensor, horizon: int, count: int) -> Tensor:
    """Probability of a code after another, [K, K], with one more of each by the unigram."""
    last = _last_code(part, rows, codes, horizon)
    table = torch.zeros(count, count).index_put_((last, own), torch.ones(len(rows)), accumulate=True)
    prior = (torch.bincount(own, minlength=count) + 1.0) / (len(own) + count)
    smoothed = table + 10 * prior
    return smoothed / smoothed.sum(1, keepdim=True)


@dataclass(frozen=True)
class Rolled:
    """Rollouts of one strategy: numbers per starting point and step, [n, K]."""

    columns: dict[str, Tensor]
    lost: Tensor
    """Rollouts that left all bounds, per step [K], as a share."""


def chosen_steps(trace: Trace) -> Tensor:
    """Steps that were taken, [E, n, K, D]."""
    return trace.generated - trace.previous


def track(trace: Trace, scale: float, codes: Tensor | None = None) -> Rolled:
    """What a rollout did beside the truth; means over models (and draws) of each starting point.

    ``state_err`` is after the step, as in the published files of experiments 10 and 11.
    """
    true_step = trace.truth.diff(dim=1)
    taken = chosen_steps(trace)
    lengths, own = true_step.norm(dim=-1).clamp(min=_TINY), taken.norm(dim=-1)
    error = (trace.states - trace.truth[:, 1:]).norm(dim=-1)
    columns = {
        "state_err": error,
        "state_err_normalised": error / scale,
        "direction_cosine": (taken * true_step).sum(-1) / (lengths * own.clamp(min=_TINY)),
        "magnitude_ratio": own / lengths,
        "mag_abs_err": (own - lengths).abs(),
    }
    if codes is not None:
        wanted = nearest(unit(true_step.flatten(0, 1)), codes, True)[0].reshape(true_step.shape[:2])
        found = nearest(unit(taken.flatten(0, 2).nan_to_num(0.0)), codes, True)[0].reshape(taken.shape[:3])
        columns["dir_top1_acc"] = (found == wanted).float()
    lost = (~torch.isfinite(trace.states).all(-1)).double().mean((0, 1))
    return Rolled({name: v.double().nanmean(0) for name, v in columns.items()}, lost)


def starts_of(part: Part, split: str, settings: DirectionAr, horizon: int, seed: int) -> Starts:
    """Starting points of rollouts of the longest length."""
    return choose_starts(
        part, split, settings.n_eval_utterances, settings.segments_per_utt, max(settings.k_values), horizon, seed
    )


def draw_energy(
    model: StepModel, count: int, starts: Starts, part: Part, horizon: int, seed: int, plan: Plan, draws: int = DRAWS
) -> Tensor:
    """Energy score of drawn rollouts over √D, in standardised coordinates, [n, K]."""
    steps = starts.frames.shape[1] - (part.window - 1 + horizon)
    repeated = starts.frames.repeat_interleave(draws, 0)
    trace = roll(model, repeated, steps, part.window, horizon, plan, torch.Generator().manual_seed(seed), count)
    states = ((trace.generated - part.mean) / part.deviation).reshape(count, -1, draws, steps, part.dim)
    truth = (starts.frames[:, -steps:] - part.mean) / part.deviation
    score: Tensor = energy_score(states.permute(2, 0, 1, 3, 4), truth).mean(0).double() / part.dim**0.5
    return score


def roll_strategies(
    model: DirectionAutoregression, part: Part, settings: DirectionAr, horizon: int, ridge: float, resamples: int,
    seed: int,
) -> tuple[list[dict[str, Any]], pd.DataFrame]:  # fmt: skip
    """``rollout_metrics.json`` and ``per_step.csv``: every strategy and two closed forms from the same starts."""
    starts = starts_of(part, "test", settings, horizon, seed)
    groups = np.unique(np.asarray(starts.speakers), return_inverse=True)[1]
    closed = fit_baselines(part, horizon, ridge, 2, seed)
    several = len(model.members)
    plans: dict[str, tuple[StepModel, int, Advance]] = {
        "argmax": (model, several, "median"),
        "categorical": (model, several, "sample"),
        "top_p": (Nucleus(model, settings.top_p), several, "sample"),
    }
    plans = {name: plan for name, plan in plans.items() if name in settings.strategies}
    for name in ("ridge_var", "mean_reversion"):
        predictor = closed[name]
        assert isinstance(predictor, GaussianPredictor)
        plans[f"{name}_mean"] = (GaussianModel(predictor), 1, "mean")
        plans[f"{name}_drawn"] = (GaussianModel(predictor), 1, "sample")
    entries, tables = [], []
    longest = max(settings.k_values)
    for name, (own, count, advance) in plans.items():
        plan = Plan(advance=advance)
        trace = roll(
            own, starts.frames, longest, part.window, horizon, plan, torch.Generator().manual_seed(seed), count
        )
        rolled = track(trace, part.scale, model.codes)
        energy = draw_energy(own, count, starts, part, horizon, seed, plan) if advance == "sample" else None
        tables.append(_per_step(name, rolled, energy))
        entries += [_entry(name, k, rolled, energy, groups, resamples, seed) for k in settings.k_values]
    return entries, pd.concat(tables, ignore_index=True)


def _entry(
    name: str, k: int, rolled: Rolled, energy: Tensor | None, groups: NDArray[np.int64], resamples: int, seed: int
) -> dict[str, Any]:
    entry: dict[str, Any] = {"strategy": name, "k_max": k, "n": len(groups), "n_speakers": int(groups.max()) + 1}
    for column, values in rolled.columns.items():
        means, last = values[:, :k].mean(1), values[:, k - 1]
        entry[f"mean_{column}"], entry[f"final_{column}"] = number(float(means.mean())), number(float(last.mean()))
        if column in ("direction_cosine", "state_err_normalised"):
            entry[f"mean_{column}_interval"] = _safe_interval(means, groups, resamples, seed)
            entry[f"final_{column}_interval"] = _safe_interval(last, groups, resamples, seed)
    entry["lost"] = float(rolled.lost[k - 1])
    if energy is not None:
        entry["energy_score"] = number(float(energy[:, :k].mean()))
        entry["energy_score_interval"] = _safe_interval(energy[:, :k].mean(1), groups, resamples, seed)
    return entry


def _safe_interval(values: Tensor, groups: NDArray[np.int64], resamples: int, seed: int) -> list[float] | None:
    return by_speaker(values.numpy(), groups, resamples, seed) if bool(torch.isfinite(values).all()) else None


def _per_step(name: str, rolled: Rolled, energy: Tensor | None) -> pd.DataFrame:
    columns = {column: values.nanmean(0).numpy() for column, values in rolled.columns.items()}
    steps = len(rolled.lost)
    first = {"step": np.arange(1, steps + 1), "strategy": name, "k_max": steps, "n": len(rolled.columns["state_err"])}
    more = {"lost": rolled.lost.numpy(), "energy_score": np.nan if energy is None else energy.mean(0).numpy()}
    return pd.DataFrame(first | columns | more)


def known_top1(
    process: SwitchingDirections, part: Part, horizon: int, settings: DirectionAr, seed: int
) -> tuple[float, float]:
    """Top-1 accuracy on a process that switches directions, over the states, and the best possible."""
    codes = cluster(
        part.deltas(part.rows("train")), len(process.archetypes), 4, 50, torch.Generator().manual_seed(seed)
    )
    model = fit_direction_ar(part, codes, horizon, (0,), settings, seed)
    rows = part.rows("test")
    own = nearest(unit(part.deltas(rows)), codes, True)[0]
    guess = model.step(part.contexts(rows, horizon)[None]).log_weights[0].argmax(-1)
    best = process.optimum(horizon).top1
    assert best is not None
    return float((guess == own).double().mean()), best


def scorecard_rows(
    forced: Mapping[str, Any], rolled: Sequence[Mapping[str, Any]], known: tuple[float, float], length: int
) -> list[Row]:
    """``dynamics.exp10.{top1,argmax,categorical,known_top1}``.

    ``argmax`` is the cosine of chosen to true steps, averaged over ``length`` steps; null: straight back to the mean;
    baseline: the linear prediction. ``categorical`` is the energy score of drawn rollouts, lower is better.
    """
    source = ["fit_direction_ar", "dynamics/fit_direction_ar/rollout_metrics.json"]
    by = {(e["strategy"], e["k_max"]): e for e in rolled}
    low, high = forced["top1_interval"] or (None, None)
    simple = forced["baselines"][forced["best_baseline"]]["top1"]
    gain = forced["top1_gain_interval"]
    rows = [
        measure("dynamics.exp10.top1", forced["top1"], low=low, high=high, n=forced["n_speakers"],
                null=forced["baselines"]["unigram"]["top1"], baseline=simple, target=simple,
                provided=gain is None or gain[0] > 0, sources=source),
        measure("dynamics.exp10.known_top1", known[0], baseline=known[1], target=0.95 * known[1], sources=source),
    ]  # fmt: skip
    if (own := by.get(("argmax", length))) is not None and own["mean_direction_cosine"] is not None:
        low, high = own["mean_direction_cosine_interval"] or (None, None)
        others = [by[f"{n}_mean", length]["mean_direction_cosine"] for n in ("mean_reversion", "ridge_var")]
        rows.append(
            measure("dynamics.exp10.argmax", own["mean_direction_cosine"], low=low, high=high, n=own["n_speakers"],
                    null=others[0], baseline=others[1], sources=source)
        )  # fmt: skip
    if (own := by.get(("categorical", length))) is not None and own["energy_score"] is not None:
        low, high = own["energy_score_interval"] or (None, None)
        others = [by[f"{n}_drawn", length]["energy_score"] for n in ("mean_reversion", "ridge_var")]
        rows.append(
            measure("dynamics.exp10.categorical", own["energy_score"], low=low, high=high, n=own["n_speakers"],
                    null=others[0], baseline=others[1], better="lower", sources=source)
        )  # fmt: skip
    return rows


def summary(forced: Mapping[str, Any], rolled: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of ``summary.csv``: the model on true contexts, then every strategy and length."""
    first = {"strategy": "teacher_forced", "top1": forced["top1"], "top5": forced["top5"], "n": forced["n"]}
    first |= {"cross_entropy": forced["cross_entropy"], "magnitude_nll": forced["magnitude_nll"]}
    keys = ("mean_direction_cosine", "final_direction_cosine", "final_state_err", "final_state_err_normalised",
            "mean_dir_top1_acc", "energy_score", "lost")  # fmt: skip
    rows = [
        {"strategy": e["strategy"], "k_max": e["k_max"], "n": e["n"], **{key: e.get(key) for key in keys}}
        for e in rolled
    ]
    return pd.DataFrame([first, *rows])
