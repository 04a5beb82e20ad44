"""Experiment 11: each frame of a rollout denoised in one step, for codes of directions and for the mdn.

All conditions start from the same frames and draw the same numbers. The noise level is chosen on validation speakers.
Tweedie's estimate is a mean and therefore shrinks; a control shrinks as far without any score, and the end of the
probability flow, which is what a consistency model stands for, keeps the spread.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonoscope.dynamics.baselines import training_rows
from sonoscope.dynamics.correction import Setting, corrected, corrector
from sonoscope.dynamics.direction_codes import DirectionAutoregression
from sonoscope.dynamics.ensembles import Ensemble
from sonoscope.dynamics.evaluation import number
from sonoscope.dynamics.experiment2 import by_speaker
from sonoscope.dynamics.experiment10 import draw_energy, track
from sonoscope.dynamics.rollout import Advance, Plan, Starts, StepModel, choose_starts, roll
from sonoscope.dynamics.score_model import Denoiser, ScoreShape, train_score
from sonoscope.dynamics.store import Part
from sonoscope.scorecard import Row, measure
from sonoscope.settings.bottlenecks import Tweedie

_FLOW_STEPS = 4
_DRAWS = 4
_MOST_LOST = 0.5


@dataclass(frozen=True)
class Condition:
    """A rollout before any correction."""

    name: str
    model: StepModel
    count: int
    advance: Advance


def conditions(codes: DirectionAutoregression, mdn: Ensemble | None) -> list[Condition]:
    """The published three, and the mdn with drawn steps; their corrected forms are named ``…_tweedie``."""
    own = len(codes.members)
    found = [
        Condition("dir_ar_argmax", codes, own, "median"),
        Condition("dir_ar_categorical", codes, own, "sample"),
    ]
    if mdn is not None:
        count = len(mdn.members)
        found += [Condition("mdn_baseline", mdn, count, "mean"), Condition("mdn_sample", mdn, count, "sample")]
    return found


def score_of(part: Part, settings: Tweedie, seed: int) -> Denoiser:
    """The score model of the settings: one that is there already, or one trained on the frames of ``part``."""
    s = settings
    if s.score_checkpoint:
        return Denoiser.load(Path(s.score_checkpoint).expanduser())
    shape = ScoreShape(part.dim, s.hidden, s.layers, s.sigma_min, s.sigma_max)
    training, validation = (part.store.take(rows) for rows in (training_rows(part), part.rows("validation")))
    return train_score(training, validation, shape, s.score_max_steps, s.batch, s.lr, seed)


def corrected_name(name: str, kind: str = "tweedie") -> str:
    """Name of a corrected condition: mdn_baseline becomes mdn_tweedie, as published."""
    return f"{name.removesuffix('_baseline')}_{kind}"


@dataclass(frozen=True)
class Bench:
    """What all conditions of one split share."""

    part: Part
    starts: Starts
    horizon: int
    steps: int
    seed: int

    @classmethod
    def of(cls, part: Part, split: str, horizon: int, utterances: int, segments: int, steps: int, seed: int) -> "Bench":
        """Starting points of a split."""
        return cls(part, choose_starts(part, split, utterances, segments, steps, horizon, seed), horizon, steps, seed)

    @property
    def groups(self) -> NDArray[np.int64]:
        """Speaker of each start, as numbers."""
        return np.unique(np.asarray(self.starts.speakers), return_inverse=True)[1].astype(np.int64)

    def run(self, condition: Condition, score: Denoiser, setting: Setting | None) -> dict[str, Tensor]:
        """Numbers per start and step [n, K], with ``lost`` [K]; ``energy_score`` where steps are drawn."""

        def plan() -> Plan:
            fix = None if setting is None else corrector(score, setting, self.seed)
            return Plan(advance=condition.advance, correct=fix)

        generator = torch.Generator().manual_seed(self.seed)
        trace = roll(
            condition.model, self.starts.frames, self.steps, self.part.window, self.horizon, plan(), generator,
            condition.count,
        )  # fmt: skip
        rolled = track(trace, self.part.scale)
        found = {**rolled.columns, "lost": rolled.lost}
        if condition.advance == "sample":
            found["energy_score"] = draw_energy(
                condition.model, condition.count, self.starts, self.part, self.horizon, self.seed, plan(), _DRAWS
            )
        if setting is not None:
            some = score.standardise(trace.generated[:, :, 0]).nan_to_num(0.0).float()
            moved = corrected(score, some, setting, torch.Generator().manual_seed(self.seed)) - some
            found["moved"] = moved.double().square().mean().sqrt()
            found["size"] = some.double().square().mean().sqrt()
        return found


def entries(
    name: str, sigma: float | None, found: Mapping[str, Tensor], k_values: Sequence[int], groups: NDArray[np.int64],
    resamples: int, seed: int,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Entries of ``rollout_metrics.json``, one per length; published keys first. Shorter rollouts are prefixes."""
    n = len(groups)
    for k in k_values:
        lost = found["lost"][:k]
        entry: dict[str, Any] = {
            "condition": name, "sigma": sigma, "k_max": k, "n_total": n, "n_valid": round(n * (1 - float(lost[-1]))),
            "nan_total": float(lost.sum()) * n,
        }  # fmt: skip
        for key in ("state_err", "direction_cosine", "state_err_normalised", "magnitude_ratio"):
            values = found[key][:, :k]
            entry[f"mean_{key}"] = number(float(values.nanmean()))
            entry[f"final_{key}"] = number(float(values[:, -1].nanmean()))
        last = found["state_err_normalised"][:, k - 1]
        entry["final_state_err_normalised_interval"] = _interval(last, groups, resamples, seed)
        if "energy_score" in found:
            energy = found["energy_score"][:, :k].mean(1)
            entry["energy_score"] = number(float(energy.mean()))
            entry["energy_score_interval"] = _interval(energy, groups, resamples, seed)
        entry["n_speakers"] = int(groups.max()) + 1
        entry["per_step"] = [
            {"step": s + 1, **{key: number(float(v[:, s].nanmean())) for key, v in found.items() if v.ndim == 2},
             "nan_count": float(lost[s]) * n}
            for s in range(k)
        ]  # fmt: skip
        yield entry


def _interval(values: Tensor, groups: NDArray[np.int64], resamples: int, seed: int) -> list[float] | None:
    return by_speaker(values.numpy(), groups, resamples, seed) if bool(torch.isfinite(values).all()) else None


@dataclass(frozen=True)
class Swept:
    """The sweep on validation speakers."""

    entries: list[dict[str, Any]]
    """``sigma_sweep.json``."""
    best: dict[str, dict[str, Any]]
    """``best_sigmas.json``, by condition."""
    shrink: dict[str, float]
    """How far the control shrinks, by condition."""


def sweep(own: Bench, conditions_: Sequence[Condition], score: Denoiser, settings: Tweedie, resamples: int) -> Swept:
    """Every noise level on validation speakers; the best has the least error of the last frame at ``select_at``.

    Where steps are drawn that error is the energy score: a distance to the one future that came would choose the level
    that shrinks most. A level that loses half of its rollouts is not chosen.
    """
    found: list[dict[str, Any]] = []
    best: dict[str, dict[str, Any]] = {}
    shrink: dict[str, float] = {}
    k = min(settings.select_at, own.steps)
    for condition in conditions_:
        name = corrected_name(condition.name)
        tried: list[tuple[float, float, dict[str, Any], float]] = []
        for sigma in settings.sigmas:
            numbers = own.run(condition, score, Setting("tweedie", sigma))
            rows = list(entries(name, sigma, numbers, (k,), own.groups, resamples, own.seed))
            entry = {key: value for key, value in rows[0].items() if key != "per_step"}
            found.append(entry)
            criterion = entry["energy_score" if condition.advance == "sample" else "final_state_err_normalised"]
            if criterion is not None and float(numbers["lost"][k - 1]) < _MOST_LOST:
                share = float(numbers["moved"] / numbers["size"].clamp(min=1e-12))
                tried.append((criterion, sigma, entry, min(1.0, share)))
        if tried:
            value, sigma, entry, share = min(tried, key=lambda t: t[0])
            best[name] = {
                "best_sigma": sigma, "state_err": entry["final_state_err"],
                "direction_cosine": entry["final_direction_cosine"], "nan_total": entry["nan_total"], "k_max": k,
                "chosen_by": "energy_score" if condition.advance == "sample" else "final_state_err_normalised",
                "value": value, "split": "validation",
            }  # fmt: skip
            shrink[name] = share
    return Swept(found, best, shrink)


@dataclass(frozen=True)
class Outcome:
    """Test speakers."""

    entries: list[dict[str, Any]]
    """``rollout_metrics.json``."""
    paired: dict[str, dict[str, Any]]
    """By corrected condition: change of the judged number against no correction and against the control."""


def judge(
    own: Bench, conditions_: Sequence[Condition], score: Denoiser, swept: Swept, k_values: Sequence[int],
    select_at: int, resamples: int,
) -> Outcome:  # fmt: skip
    """Every condition at its chosen level, with its controls; differences are paired by starting point."""
    rows: list[dict[str, Any]] = []
    paired: dict[str, dict[str, Any]] = {}
    groups, k = own.groups, min(select_at, own.steps)
    for condition in conditions_:
        name = corrected_name(condition.name)
        settings: dict[str, Setting | None] = {condition.name: None}
        if name in swept.best:
            sigma = swept.best[name]["best_sigma"]
            settings |= {
                name: Setting("tweedie", sigma),
                corrected_name(condition.name, "shrink"): Setting("shrink", sigma, scale=swept.shrink[name]),
                corrected_name(condition.name, "flow"): Setting("flow", sigma, _FLOW_STEPS),
            }
        judged: dict[str, Tensor] = {}
        for called, setting in settings.items():
            found = own.run(condition, score, setting)
            rows += entries(
                called, None if setting is None else setting.sigma, found, k_values, groups, resamples, own.seed
            )
            drawn = condition.advance == "sample"
            judged[called] = found["energy_score"][:, :k].mean(1) if drawn else found["state_err_normalised"][:, k - 1]
        if name in judged:
            paired[name] = {
                "measure": "energy_score" if condition.advance == "sample" else "final_state_err_normalised",
                "k_max": k, "n": len(groups), "n_speakers": int(groups.max()) + 1,
                **{called: number(float(values.mean())) for called, values in judged.items()},
            }  # fmt: skip
            for against in (condition.name, corrected_name(condition.name, "shrink")):
                change = judged[name] - judged[against]
                paired[name][f"minus_{against}"] = number(float(change.mean()))
                paired[name][f"minus_{against}_interval"] = _interval(change, groups, resamples, own.seed)
            paired[name]["interval"] = _interval(judged[name], groups, resamples, own.seed)
    return Outcome(rows, paired)


def summary(outcome: Outcome) -> pd.DataFrame:
    """Rows of ``summary.csv``, published columns first."""
    rows = [
        {
            "condition": e["condition"], "sigma": e["sigma"], "k_max": e["k_max"], "n": e["n_total"],
            "state_err": e["final_state_err"], "direction_cosine": e["final_direction_cosine"],
            "nan_count": e["nan_total"], "state_err_normalised": e["final_state_err_normalised"],
            "magnitude_ratio": e["final_magnitude_ratio"], "energy_score": e.get("energy_score"),
        }
        for e in outcome.entries
    ]  # fmt: skip
    return pd.DataFrame(rows)


def scorecard_rows(outcome: Outcome) -> list[Row]:
    """``dynamics.exp11.{condition}``: of corrected conditions, beside none (null) and the shrinking control (baseline).

    Judged by the error of the last frame in σ√D, or by the energy score where steps are drawn; lower is better. A
    correction has to be better than none with an interval that leaves out 0.
    """
    source = ["denoise_rollouts", "dynamics/denoise_rollouts/rollout_metrics.json"]
    rows = []
    uncorrected = {e["condition"]: e for e in outcome.entries if not _is_corrected(e["condition"])}
    for name, p in outcome.paired.items():
        before = next(k.removeprefix("minus_") for k in p if k.startswith("minus_"))
        control = [k.removeprefix("minus_") for k in p if k.startswith("minus_") and not k.endswith("_interval")][1]
        if p[name] is None or p[before] is None:
            continue
        low, high = p["interval"] or (None, None)
        change = p[f"minus_{before}_interval"]
        rows.append(
            measure(f"dynamics.exp11.{name}", p[name], low=low, high=high, n=p["n_speakers"], null=p[before],
                    baseline=p[control], target=p[before], better="lower",
                    provided=change is None or change[1] < 0, sources=source)
        )  # fmt: skip
        entry = uncorrected[before]
        low, high = (entry.get("energy_score_interval") if p["measure"] == "energy_score" else None) or (None, None)
        rows.append(measure(f"dynamics.exp11.{before}", p[before], low=low, high=high, n=p["n_speakers"],
                            sources=source))  # fmt: skip
    return rows


def _is_corrected(name: str) -> bool:
    return name.endswith(("_tweedie", "_shrink", "_flow"))
