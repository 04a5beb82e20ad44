"""Experiment 1B: training on self-generated context, beside as much training without it.

Arms of equal cost, all from the model of experiment 1: ``rollout`` (scheduled sampling on own states), ``teacher`` (the
same number of likelihoods under true context), ``noise`` (true context plus noise). With ``legacy`` also ``shifted``,
the published indexing, whose targets lie one frame later than the model's horizon says.
"""

import copy
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from sonoscope.dynamics.ensembles import Ensemble
from sonoscope.dynamics.evaluation import number
from sonoscope.dynamics.heads import StepDistribution
from sonoscope.dynamics.rollout import Plan, roll
from sonoscope.dynamics.store import Part
from sonoscope.dynamics.training import clip_each, optimiser_of
from sonoscope.files import replacing
from sonoscope.settings.dynamics import Finetune

log = logging.getLogger(__name__)

Arm = Literal["rollout", "teacher", "noise", "shifted"]
Losses = list[float | None]
_WEIGHT_DECAY, _CLIP = 1e-4, 1.0
_SAVE_EVERY = 60.0


@dataclass(frozen=True)
class WithGradient:
    """An ensemble whose steps keep their gradient."""

    ensemble: Ensemble

    def step(self, contexts: Tensor) -> StepDistribution:
        """Density of the next difference for contexts [E, n, W, D]."""
        found: StepDistribution = self.ensemble(contexts)
        return found


def segment_rows(part: Part, split: str, steps: int, shift: int = 0) -> Tensor:
    """Rows of target frames t0 with ``steps`` targets from there on in the same sequence.

    ``shift`` more frames must lie before them, for contexts that end earlier than the table was made for.
    """
    frames = part.of_split(split)
    by_utterance = frames.groupby("utterance_id").t
    fits = (frames.t + steps - 1 <= by_utterance.transform("max")) & (frames.t - shift >= by_utterance.transform("min"))
    rows = torch.tensor(frames.row.to_numpy()[fits.to_numpy()])
    if not len(rows):
        raise ValueError(f"{part.name}: no {split} utterance has room for {steps} steps; lower finetune.steps")
    return rows


def teacher_probability(step: int, settings: Finetune) -> float:
    """Chance of a true frame at one update: linear from start to end, then constant."""
    through = min(1.0, step / max(1.0, settings.teacher_warmup * settings.max_steps))
    return settings.teacher_start + through * (settings.teacher_end - settings.teacher_start)


def fine_tune(
    start: Ensemble, part: Part, horizon: int, settings: Finetune, arm: Arm, seed: int, checkpoint: Path | None = None
) -> tuple[Ensemble, list[float | None]]:
    """Train a copy of ``start`` in one arm; returns it and the loss at each update, seeds averaged.

    Resumes from ``checkpoint`` where a killed job left one; a finished training removes it.
    """
    model = copy.deepcopy(start).requires_grad_(True)
    lag = horizon + (arm == "shifted")
    rows = segment_rows(part, "train", settings.steps, lag - horizon)
    longest = float(part.deltas(rows).norm(dim=-1).quantile(settings.clip_quantile))
    generator = torch.Generator().manual_seed(seed)
    optimiser = optimiser_of(model, settings.lr, _WEIGHT_DECAY)
    parameters, before = list(model.parameters()), part.window - 1 + lag
    losses: Losses = []
    offsets = torch.arange(-before, settings.steps)
    if checkpoint is not None and checkpoint.exists():
        losses = _load(checkpoint, model, optimiser, generator)
        log.info("%s: resuming after update %d of %d", arm, len(losses), settings.max_steps)
    saved = time.monotonic()
    for step in range(len(losses), settings.max_steps):
        chosen = rows[torch.randint(len(rows), (len(model.members), settings.batch_size), generator=generator)]
        frames = part.store.take(chosen[..., None] + offsets)  # [E, B, L, D]
        loss = _teacher_loss(model, frames, part, lag, settings, arm, generator)
        if arm in ("rollout", "shifted"):
            plan = Plan("median", longest=longest, teacher_probability=teacher_probability(step, settings))
            nll = roll(WithGradient(model), frames, settings.steps, part.window, lag, plan, generator).nll
            loss = settings.teacher_weight * loss + settings.rollout_weight * nll.mean((1, 2)).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        clip_each(parameters, _CLIP)
        optimiser.step()
        losses.append(number(float(loss.detach()) / len(model.members)))
        if checkpoint is not None and time.monotonic() - saved > _SAVE_EVERY:
            _save(checkpoint, model, optimiser, generator, losses)
            saved = time.monotonic()
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    log.info("%s: loss %s to %s", arm, losses[0], losses[-1])
    return model.requires_grad_(False), losses


def _save(
    path: Path, model: Ensemble, optimiser: torch.optim.Optimizer, generator: torch.Generator, losses: Losses
) -> None:
    state = {
        "model": model.state_dict(), "optimiser": optimiser.state_dict(), "generator": generator.get_state(),
        "losses": losses,
    }  # fmt: skip
    with replacing(path) as temporary:
        torch.save(state, temporary)


def _load(path: Path, model: Ensemble, optimiser: torch.optim.Optimizer, generator: torch.Generator) -> Losses:
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    generator.set_state(state["generator"])
    losses: Losses = state["losses"]
    return losses


def _teacher_loss(
    model: Ensemble,
    frames: Tensor,
    part: Part,
    lag: int,
    settings: Finetune,
    arm: Arm,
    generator: torch.Generator,
) -> Tensor:
    """Mean NLL per model of all targets of the segments under true context, summed over models."""
    before = part.window - 1 + lag
    contexts, deltas = aligned(frames, part.window, before, settings.steps)
    if arm == "noise":
        noise = torch.randn(contexts.shape, generator=generator)
        contexts = contexts + settings.noise * part.deviation * noise
    nll: Tensor = -model(contexts.flatten(1, 2)).log_prob(deltas.flatten(1, 2))
    return nll.mean(1).sum()


def aligned(frames: Tensor, window: int, before: int, steps: int) -> tuple[Tensor, Tensor]:
    """Contexts [E, B, K, W, D] and targets [E, B, K, D] of segments [E, B, L, D].

    Target i is x[t0+i] - x[t0+i-1]; its context ends at frame t0+i-k. With x_t = t each target is 1, and the last
    frame of each context is the target's origin less k - 1.
    """
    contexts = torch.stack([frames[:, :, i : i + window] for i in range(steps)], 2)
    deltas = frames[:, :, before:] - frames[:, :, before - 1 : -1]
    return contexts, deltas


def summary(diagnostic: dict[str, Any], losses: dict[str, list[float | None]]) -> dict[str, Any]:
    """What each arm does to prediction (A_teacher) and to free running (D_rollout)."""
    arms = {}
    for arm, modes in diagnostic["predictors"].items():
        teacher, free = modes["A_teacher"], modes["D_rollout"]
        arms[arm] = {
            "teacher_nll": teacher["nll"],
            "teacher_cos": teacher["cos"],
            "rollout_nll": free["nll"],
            "rollout_dnll": free["dnll"],
            "rollout_cos": free["cos"],
            "rollout_mag_ratio": free["mag_ratio"],
            "rollout_state_err_normalised": free["state_err_normalised"],
            "energy_score": free["energy_score"],
            "energy_score_interval": free["energy_score_interval"],
            "off_manifold": free["off_manifold"],
            "auc": free["auc"],
            "losses": losses.get(arm, []),
        }
    return {
        "part": diagnostic["part"],
        "tier": diagnostic["tier"],
        "n_speakers": diagnostic["n_speakers"],
        "arms": arms,
    }
