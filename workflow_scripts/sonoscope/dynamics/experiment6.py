"""Experiment 6: whether a learned score can pull rolled-out states back to the data.

The score is trained over the noise that rollouts really show. Settings are chosen on validation speakers, by the energy
score of drawn rollouts, and judged on test speakers; a control moves frames as far, but only towards the mean.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonoscope.dynamics.baselines import training_rows
from sonoscope.dynamics.correction import Setting, corrected, corrector, grid
from sonoscope.dynamics.ensembles import Ensemble
from sonoscope.dynamics.evaluation import number
from sonoscope.dynamics.experiment2 import by_speaker
from sonoscope.dynamics.rollout import Advance, Plan, Starts, choose_starts, roll
from sonoscope.dynamics.rollout_scores import Manifold, energy_score, spread_skill, tracking
from sonoscope.dynamics.score_model import Denoiser, ScoreShape, train_score
from sonoscope.dynamics.store import Part
from sonoscope.scorecard import Row, measure
from sonoscope.settings.dynamics import Dynamics

log = logging.getLogger(__name__)

_REFERENCE = 2000
_DRAWS = 4
_ROOM = 1.5
_GAP = 0.05


def rollout_error(model: Ensemble, part: Part, settings: Dynamics, seed: int) -> float:
    """Root-mean-square error of a mean rollout of validation speakers at its end, in deviations of a coordinate."""
    starts = starts_of(part, "validation", settings, seed)
    r = settings.rollout
    trace = roll(model, starts.frames, r.k_steps, part.window, r.k, Plan(), models=len(model.members))
    error = ((trace.states[:, :, -1] - trace.truth[:, -1]) / part.deviation).double()
    return float(error.square().nanmean().sqrt())


def starts_of(part: Part, split: str, settings: Dynamics, seed: int) -> Starts:
    """Starting points of a split."""
    r = settings.rollout
    return choose_starts(part, split, r.n_eval_utterances, r.segments_per_utt, r.k_steps, r.k, seed)


def fit_score(part: Part, settings: Dynamics, seen_error: float, seed: int, max_steps: int | None) -> Denoiser:
    """The score model of a part, over a noise range that covers the error that rollouts show."""
    c = settings.correction
    shape = ScoreShape(part.dim, c.hidden, c.layers, c.sigma_min, max(c.sigma_max, _ROOM * seen_error))
    frames = [part.store.take(rows) for rows in (training_rows(part), part.rows("validation"))]
    return train_score(frames[0], frames[1], shape, max_steps or c.max_steps, c.batch, c.lr, seed)


@dataclass(frozen=True)
class Bench:
    """What corrections of one split are judged by, from the same starts and with the same chance."""

    model: Ensemble
    part: Part
    starts: Starts
    settings: Dynamics
    manifold: Manifold
    seed: int

    @property
    def groups(self) -> NDArray[np.int64]:
        """Speaker of each start, as numbers."""
        return np.unique(np.asarray(self.starts.speakers), return_inverse=True)[1].astype(np.int64)

    def run(self, score: Denoiser, setting: Setting | None) -> dict[str, Tensor]:
        """Numbers per starting point [n]: tracking of the mean rollout, and drawn rollouts as draws.

        ``displacement`` is how far a correction moves a frame, root mean square, in deviations of a coordinate.
        """
        r, part, count = self.settings.rollout, self.part, len(self.model.members)

        def plan(advance: Advance) -> Plan:
            fix = None if setting is None else corrector(score, setting, self.seed)
            return Plan(advance=advance, correct=fix)

        trace = roll(self.model, self.starts.frames, r.k_steps, part.window, r.k, plan("mean"), models=count)
        zero = torch.zeros(trace.nll.shape[1:])
        found = {name: v.mean(1) for name, v in tracking(trace, zero, part.scale).items()}
        repeated = self.starts.frames.repeat_interleave(_DRAWS, 0)
        drawn = roll(
            self.model, repeated, r.k_steps, part.window, r.k, plan("sample"),
            torch.Generator().manual_seed(self.seed), count,
        )  # fmt: skip
        standard = (drawn.generated - part.mean) / part.deviation
        draws = standard.reshape(count, -1, _DRAWS, r.k_steps, part.dim).permute(2, 0, 1, 3, 4)
        truth = (self.starts.frames[:, -r.k_steps :] - part.mean) / part.deviation
        found["energy_score"] = energy_score(draws, truth).mean((0, 2)).double() / math.sqrt(part.dim)
        found["spread_skill"] = torch.stack([spread_skill(draws[:, e], truth) for e in range(count)]).mean().double()
        found["off_manifold"] = torch.tensor(self.manifold.outside(standard[0, :, -1]), dtype=torch.float64)
        if setting is not None:
            some = score.standardise(trace.generated[:, :, 0]).float()
            moved = corrected(score, some, setting, torch.Generator().manual_seed(self.seed)) - some
            found["displacement"] = moved.double().square().mean().sqrt()
        return found


def bench(model: Ensemble, part: Part, split: str, settings: Dynamics, seed: int) -> Bench:
    """The bench of a split; frames off the manifold are told by training frames and real ones of that split."""
    sides = []
    rng = torch.Generator().manual_seed(seed)
    for name in ("train", split):
        rows = part.rows(name)
        frames = part.store.take(rows[torch.randperm(len(rows), generator=rng)[:_REFERENCE]])
        sides.append((frames - part.mean) / part.deviation)
    return Bench(model, part, starts_of(part, split, settings, seed), settings, Manifold(sides[0], sides[1]), seed)


def sweep(own: Bench, score: Denoiser) -> list[dict[str, Any]]:
    """``sweep_results.json``: D_rollout once, D_corrected for every setting, on validation speakers."""
    return [_record(setting, own.run(score, setting), own) for setting in (None, *grid(own.settings.correction))]


def _record(setting: Setting | None, numbers: Mapping[str, Tensor], own: Bench) -> dict[str, Any]:
    means = {name: number(float(value.mean())) for name, value in numbers.items() if name != "nll_baseline"}
    kind = "D_rollout" if setting is None else "D_corrected"
    about: dict[str, Any] = dict.fromkeys(("method", "sigma", "n_steps", "step_size", "scale"))
    if setting is not None:
        about = asdict(setting)
    about["tweedie_scale"] = about.pop("scale")
    return {"n_utterances": own.settings.rollout.n_eval_utterances, "n": len(own.starts.rows), "correction": about,
            "modes": {kind: means}}  # fmt: skip


def setting_of(record: Mapping[str, Any]) -> Setting:
    """The setting that a record of the sweep is of."""
    c = dict(record["correction"])
    c["scale"] = c.pop("tweedie_scale")
    return Setting(**c)


def best_of(found: Sequence[Mapping[str, Any]], measure_name: str) -> Mapping[str, Any]:
    """The corrected record with the lowest value of a measure."""
    known = [r for r in found if "D_corrected" in r["modes"] and r["modes"]["D_corrected"][measure_name] is not None]
    return min(known, key=lambda r: r["modes"]["D_corrected"][measure_name])


def matched_shrink(own: Bench, score: Denoiser, displacement: float) -> Setting:
    """The control: towards the mean, as far as the correction moves a frame."""
    r = own.settings.rollout
    trace = roll(own.model, own.starts.frames, r.k_steps, own.part.window, r.k, Plan(), models=len(own.model.members))
    size = float(score.standardise(trace.generated[:, :, 0]).double().square().mean().sqrt())
    return Setting("shrink", 1.0, scale=min(1.0, displacement / max(size, 1e-12)))


def judge_best(own: Bench, score: Denoiser, settings: Mapping[str, Setting], resamples: int) -> list[dict[str, Any]]:
    """Test speakers: no correction, the chosen ones, and the control; differences to no correction are paired."""
    groups = own.groups
    plain = own.run(score, None)
    rows = []
    for name, setting in {"none": None, **settings}.items():
        found = plain if setting is None else own.run(score, setting)
        row: dict[str, Any] = {"name": name, **({} if setting is None else asdict(setting))}
        for key in ("state_err_normalised", "cos", "nll", "energy_score"):
            row[key] = number(float(found[key].mean()))
            row[f"{key}_interval"] = _interval(found[key], groups, resamples, own.seed)
            row[f"{key}_change"] = number(float((found[key] - plain[key]).mean()))
            row[f"{key}_change_interval"] = _interval(found[key] - plain[key], groups, resamples, own.seed)
        for key in ("spread_skill", "off_manifold"):
            row[key] = number(float(found[key]))
        rows.append(row | {"n": len(groups), "n_speakers": int(groups.max()) + 1, "tier": own.part.tier})
    return rows


def _interval(values: Tensor, groups: NDArray[np.int64], resamples: int, seed: int) -> list[float] | None:
    return by_speaker(values.numpy(), groups, resamples, seed) if bool(torch.isfinite(values).all()) else None


def summary(found: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of ``summary.csv``, published columns first."""
    rows = []
    for record in found:
        for mode, numbers in record["modes"].items():
            rows.append({**record["correction"], "mode": mode, **numbers})
    frame = pd.DataFrame(rows)
    first = ["method", "n_steps", "step_size", "sigma", "tweedie_scale", "mode", "cos", "state_err", "nll"]
    return frame[first + [c for c in frame.columns if c not in first]]


def scorecard_rows(known: pd.DataFrame, judged: Sequence[Mapping[str, Any]]) -> list[Row]:
    """``dynamics.exp6.{known_answer_gap,best}``.

    ``best`` is the energy score of drawn rollouts under the correction that validation speakers chose; null: none;
    baseline: the control. It has to lower the energy score with an interval that leaves out 0.
    """
    source = ["correct_rollouts", "dynamics/correct_rollouts/best.json"]
    worst = known[known.correction == "tweedie"].gap.max()
    rows = [
        measure("dynamics.exp6.known_answer_gap", float(worst), n=len(known), target=_GAP, better="lower",
                baseline=float(known.gaussian_gap.max()), sources=source)
    ]  # fmt: skip
    by = {row["name"]: row for row in judged}
    best, none = by["best"], by["none"]
    if best["energy_score"] is not None and none["energy_score"] is not None:
        low, high = best["energy_score_interval"] or (None, None)
        change = best["energy_score_change_interval"]
        rows.append(
            measure("dynamics.exp6.best", best["energy_score"], low=low, high=high, n=best["n_speakers"],
                    null=none["energy_score"], baseline=by["control"]["energy_score"], target=none["energy_score"],
                    better="lower", provided=change is None or change[1] < 0, sources=source)
        )  # fmt: skip
    return rows
