"""The one rollout engine: a model predicts differences, its own states become its context.

Frames before the start t0 are true; from t0 on they are whatever was generated. The buffer of frames is filled with NaN
where nothing has been generated yet, so that a model that saw a frame of its own future would show it at once.

Axes: E models side by side (seeds), n starting points, D coordinates, K steps.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal, Protocol

import torch
from torch import Tensor

from sonoscope.dynamics.heads import StepDistribution
from sonoscope.dynamics.store import Part

log = logging.getLogger(__name__)

Advance = Literal["mean", "median", "sample"]
LOST = 1e8
"""A coordinate of this size ends a rollout: all that follows of it is NaN, and null in results."""

Correction = Callable[[Tensor, Tensor], Tensor]
"""Contexts [E, n, W, D] and generated frames [E, n, D] to corrected frames; see `Plan.correct`."""


class StepModel(Protocol):
    """What can be rolled out."""

    def step(self, contexts: Tensor) -> StepDistribution:
        """Density of the next difference for contexts [E, n, W, D]."""
        ...


@dataclass(frozen=True)
class Plan:
    """How a rollout advances.

    Attributes
    ----------
    advance
        What is added at each step: the expected difference, the typical one, or a drawn one.
    teacher
        Every frame is replaced by the true one (A_teacher).
    inject
        Steps, from 1, after which the newest frame is replaced by the true one.
    flush
        An injection replaces all frames of the window, not the newest alone.
    correct
        Applied to each generated frame before anything sees it.
    longest
        Generated steps are cut at this length; None leaves them.
    teacher_probability
        Chance that a generated frame is replaced by the true one, drawn for each on its own (scheduled sampling).
    """

    advance: Advance = "mean"
    teacher: bool = False
    inject: Collection[int] = ()
    flush: bool = False
    correct: Correction | None = None
    longest: float | None = None
    teacher_probability: float = 0.0


@dataclass(frozen=True)
class Trace:
    """What happened, step by step."""

    states: Tensor
    """Frames after each step, as the next step finds them, [E, n, K, D]."""
    generated: Tensor
    """Frames as they were generated, before any injection, [E, n, K, D]."""
    previous: Tensor
    """Frames before each step, [E, n, K, D]."""
    expected: Tensor
    """Expected differences, [E, n, K, D]."""
    nll: Tensor
    """Of the true difference under the rolled context, nats per frame, [E, n, K]."""
    truth: Tensor = field(repr=False)
    """True frames t0-1 … t0+K-1, [n, K+1, D], or with E in front where each model has its own."""


def roll(
    model: StepModel,
    frames: Tensor,
    steps: int,
    window: int,
    horizon: int,
    plan: Plan,
    generator: torch.Generator | None = None,
    models: int = 1,
) -> Trace:
    """Roll ``model`` out for ``steps`` steps.

    Parameters
    ----------
    model : StepModel
    frames : Tensor [n, W-1+k+K, D]
        True frames t0-k-W+1 … t0+K-1, or [E, n, …] where each model starts from its own. Those from t0 on are only
        compared with, injected, or taught.
    steps, window, horizon : int
        K, W and k: the context of target t is the frames t-k-W+1 … t-k.
    plan : Plan
    generator : torch.Generator, optional
        Needed for ``advance="sample"``.
    models : int
        E, the number of models side by side.

    Raises
    ------
    ValueError
        The number of frames does not fit, or a sample is asked for without a generator.
    """
    before = window - 1 + horizon
    if frames.shape[-2] != before + steps:
        raise ValueError(f"expected {before + steps} frames ({before} before, {steps} steps), found {frames.shape[-2]}")
    if (plan.advance == "sample" or plan.teacher_probability > 0) and generator is None:
        raise ValueError("a rollout with chance in it needs a generator")
    true = frames.expand(models, *frames.shape) if frames.ndim == 3 else frames
    buffer = torch.full_like(true, torch.nan).clone()
    buffer[:, :, :before] = true[:, :, :before]
    if plan.teacher:
        buffer = true.clone()
    kept: dict[str, list[Tensor]] = {name: [] for name in ("states", "generated", "previous", "expected", "nll")}
    for s in range(steps):
        at = before + s  # the target t0 + s
        contexts, previous = buffer[:, :, s : s + window].clone(), buffer[:, :, at - 1].clone()
        lost = ~(contexts.abs() < LOST).flatten(2).all(-1)  # also NaN; without a model's answer from here on
        density = model.step(contexts.masked_fill(lost[..., None, None], 0.0))
        nll = -density.log_prob(true[:, :, at] - true[:, :, at - 1])
        kept["nll"].append(nll.masked_fill(lost, torch.nan))
        expected = density.mean().detach().to(frames.dtype).masked_fill(lost[..., None], torch.nan)
        # states carry no gradient: a model is trained on its own states, not through them
        moved = previous + _cut(_advance(density, expected, plan, generator).to(frames.dtype), plan.longest).detach()
        moved = moved.masked_fill(lost[..., None], torch.nan)
        if plan.correct is not None:
            moved = plan.correct(contexts, moved)
        kept["generated"].append(moved)
        if not plan.teacher:
            if plan.teacher_probability > 0:
                taught = torch.rand(moved.shape[:2], generator=generator) < plan.teacher_probability
                moved = torch.where(taught[..., None], true[:, :, at], moved)
            buffer[:, :, at] = moved
            if s + 1 in plan.inject:
                first = at - window + 1 if plan.flush else at
                buffer[:, :, first : at + 1] = true[:, :, first : at + 1]
        kept["states"].append(buffer[:, :, at].clone())
        kept["previous"].append(previous)
        kept["expected"].append(expected)
    return Trace(**{name: torch.stack(values, 2) for name, values in kept.items()}, truth=frames[..., before - 1 :, :])


def _advance(density: StepDistribution, expected: Tensor, plan: Plan, generator: torch.Generator | None) -> Tensor:
    if plan.advance == "sample" and generator is not None:
        return density.sample(generator)
    return density.median() if plan.advance == "median" else expected


def _cut(steps: Tensor, longest: float | None) -> Tensor:
    if longest is None:
        return steps
    factor: Tensor = longest / steps.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    return steps * factor.clamp(max=1.0)


@dataclass(frozen=True)
class Starts:
    """Starting points of rollouts."""

    frames: Tensor
    """True frames around each, as `roll` wants them, [n, W-1+k+K, D]."""
    speakers: list[str]
    """Speaker of each."""
    rows: Tensor
    """Store row of t0, [n]."""


def choose_starts(
    part: Part, split: str, utterances: int, segments: int, steps: int, horizon: int, seed: int
) -> Starts:
    """Draw starting points: utterances evenly over speakers, then starts in each without replacement.

    Raises
    ------
    ValueError
        No utterance of the split is long enough.
    """
    frames = part.of_split(split)
    last = frames.groupby("utterance_id").t.transform("max")
    frames = frames[frames.t + steps - 1 <= last]
    if frames.empty:
        raise ValueError(f"{part.name}: no {split} utterance has room for {steps} steps; use fewer or longer ones")
    rng = torch.Generator().manual_seed(seed)
    by_speaker = {s: _shuffled(sorted(set(own.utterance_id)), rng) for s, own in frames.groupby("speaker_id")}
    turns = [
        u for turn in range(max(map(len, by_speaker.values()))) for us in by_speaker.values() for u in us[turn:][:1]
    ]
    chosen = []
    groups = dict(tuple(frames.groupby("utterance_id")))
    for name in turns[:utterances]:
        own = groups[name]
        chosen.append(own.iloc[sorted(torch.randperm(len(own), generator=rng)[:segments].tolist())])
    rows = torch.cat([torch.tensor(c.row.to_numpy()) for c in chosen])
    before = part.window - 1 + horizon
    spans = part.store.take(rows[:, None] + torch.arange(-before, steps))
    return Starts(spans, [s for c in chosen for s in c.speaker_id], rows)


def _shuffled(items: list[str], generator: torch.Generator) -> list[str]:
    return [items[i] for i in torch.randperm(len(items), generator=generator).tolist()]


def context_gap(
    model: StepModel, part: Part, horizon: int, utterances: int, baseline: float, seed: int
) -> dict[str, object] | None:
    """The published block ``rollout``: NLL of true differences under true and under self-generated context.

    Free running from the first valid frame to the end of an utterance. With a mean rollout this mostly says that the
    likelihood has no bound off the distribution; experiment 2 says more. None where no utterance is long enough.
    """
    frames = part.of_split("test")
    lengths = frames.groupby("utterance_id").size()
    steps = int(lengths.quantile(0.25)) if len(lengths) else 0
    if steps < 2:
        return None
    starts = frames[frames.utterance_id.isin(lengths[lengths >= steps].index)].groupby("utterance_id").row.min()
    rows = torch.tensor(starts.to_numpy()[torch.randperm(len(starts), generator=_seeded(seed))[:utterances]])
    before = part.window - 1 + horizon
    spans = part.store.take(rows[:, None] + torch.arange(-before, steps))
    count = len(getattr(model, "members", (0,)))
    teacher, free = (
        roll(model, spans, steps, part.window, horizon, plan, models=count).nll
        for plan in (Plan(teacher=True), Plan(advance="median"))
    )
    block = {name: _block(nll, baseline) for name, nll in (("teacher_forced", teacher), ("rollout_context", free))}
    gap = {
        f"gap_{name}": _less(block["rollout_context"][name], block["teacher_forced"][name]) for name in ("nll", "dnll")
    }
    return {"n_utterances": len(rows), "n_frames": steps, **block, **gap}


def _less(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _block(nll: Tensor, baseline: float) -> dict[str, float | None]:
    mean = float(nll.double().mean())
    finite = mean == mean and abs(mean) != float("inf")
    return {
        "n": float(nll.numel()),
        "nll": mean if finite else None,
        "nll_median": float(nll.double().nan_to_num(nan=float("inf")).median()) if finite else None,
        "nll_baseline": baseline,
        "dnll": mean - baseline if finite else None,
    }


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
