"""Training of a stack of models by one gather and one batch of matrix products per update."""

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from sonoscope.dynamics.ensembles import Ensemble
from sonoscope.dynamics.store import Part
from sonoscope.files import replacing
from sonoscope.settings.dynamics import Fit

log = logging.getLogger(__name__)

_SAVE_EVERY = 60.0
_VALIDATION_ROWS = 2048
_WARMUP = 0.05
_DIRECT, _SCALE = 0.1, 5.0
"""Learning rates of the direct path and of the coordinates' scales, as shares of that of the networks."""


class Members(Protocol):
    """A stack of models, each known by its seed and horizon."""

    @property
    def members(self) -> tuple[tuple[int, int], ...]:
        """Seed and horizon of each."""
        ...


@dataclass(frozen=True)
class Trained:
    """What training found out about each member."""

    validation_nll: list[float]
    """Of the state that is kept, nats per frame."""
    best_step: list[int]
    """Updates after which that state was found."""
    saturation: list[float]
    """Share of outputs near a bound, at that state's end."""
    steps_per_second: float
    """Updates per second, times the number of models that each of them updates."""


def member_spans(part: Part, rows: Tensor, ensemble: Members) -> tuple[Tensor, Tensor]:
    """Contexts [E, B, W, D] and differences [E, B, D] of each member, by one gather of rows [S, B] per seed."""
    spans = part.spans(rows)  # [S, B, L, D]
    seeds = list(dict.fromkeys(s for s, _ in ensemble.members))
    last = spans.shape[2] - 1
    contexts = torch.stack(
        [spans[seeds.index(s), :, last - k - part.window + 1 : last - k + 1] for s, k in ensemble.members]
    )
    deltas = spans[:, :, last] - spans[:, :, last - 1]
    return contexts, deltas[[seeds.index(s) for s, _ in ensemble.members]]


class Shuffled:
    """Batches of training rows, each seed in an order of its own; every row once before any comes again."""

    def __init__(self, rows: Tensor, seeds: list[int], batch: int) -> None:
        self.rows, self.batch = rows, min(batch, len(rows))
        self.generators = [torch.Generator().manual_seed(7_919 + s) for s in seeds]
        self.orders = [torch.empty(0, dtype=torch.long) for _ in seeds]

    def next(self) -> Tensor:
        """Row numbers [S, B]."""
        for i, g in enumerate(self.generators):
            if len(self.orders[i]) < self.batch:
                self.orders[i] = torch.randperm(len(self.rows), generator=g)
        drawn = torch.stack([o[: self.batch] for o in self.orders])
        self.orders = [o[self.batch :] for o in self.orders]
        return self.rows[drawn]


def fit_ensemble(
    ensemble: Ensemble, part: Part, settings: Fit, checkpoint: Path | None = None, where: torch.device | None = None
) -> Trained:
    """Train in place; keep, for each member by itself, the state that predicts the validation speakers best.

    Resumes from ``checkpoint`` where a killed job left one; a finished training removes it.
    """
    where = where or torch.device("cpu")
    ensemble.to(where)
    seeds = list(dict.fromkeys(s for s, _ in ensemble.members))
    batches = Shuffled(part.rows("train"), seeds, settings.batch)
    held_out = _evenly(part.rows("validation"), _VALIDATION_ROWS)
    contexts, deltas = (t.to(where) for t in member_spans(part, held_out.expand(len(seeds), -1), ensemble))
    run = _Run(ensemble, settings)
    if checkpoint is not None and checkpoint.exists():
        run.load(checkpoint)
        log.info("resuming after update %d of %d", run.step, settings.max_steps)
        for _ in range(run.step):
            batches.next()
    started, saved, first = time.monotonic(), time.monotonic(), run.step
    run.look(contexts, deltas)
    while run.step < settings.max_steps:
        batch = member_spans(part, batches.next(), ensemble)
        run.update(*(t.to(where) for t in batch))
        if run.step % settings.validate_every == 0 or run.step == settings.max_steps:
            run.look(contexts, deltas)
            if checkpoint is not None and time.monotonic() - saved > _SAVE_EVERY:
                run.save(checkpoint)
                saved = time.monotonic()
    seconds = time.monotonic() - started
    run.restore_best()
    ensemble.requires_grad_(False)
    saturation = ensemble.saturation(contexts).tolist()
    ensemble.cpu()
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    rate = (run.step - first) * len(ensemble.members) / max(seconds, 1e-9)
    log.info(
        "%s of %s: validation %s nats, best after %s updates, %.0f model updates/s, %.2f %% near a bound",
        ensemble.shape.family, part.name, " ".join(f"{v:.2f}" for v in run.best_nll.tolist()),
        " ".join(map(str, run.best_step)), rate, 100 * max(saturation),
    )  # fmt: skip
    return Trained(run.best_nll.tolist(), run.best_step, saturation, rate)


def optimiser_of(ensemble: Ensemble, lr: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW, by three groups.

    The direct path holds a linear prediction that was solved exactly on all training rows: steps of the size that
    networks need would lose it within an update, and decay would pull it to zero. The scales of coordinates are few and
    may move fast.
    """
    own = dict(ensemble.named_parameters())
    direct, scale = own.pop("direct"), own.pop("log_scale")
    groups: list[dict[str, Any]] = [
        {"params": list(own.values()), "peak": lr},
        {"params": [direct], "peak": lr * _DIRECT, "weight_decay": 0.0},
    ]
    if ensemble.shape.fitted:
        groups.append({"params": [scale], "peak": lr * _SCALE, "weight_decay": 0.0})
    for group in groups:
        group["lr"] = group["peak"]
    return torch.optim.AdamW(groups, lr=lr, weight_decay=weight_decay, fused=True)


class _Run:
    """The state of one training."""

    def __init__(self, ensemble: Ensemble, settings: Fit) -> None:
        self.ensemble, self.settings, self.step = ensemble, settings, 0
        self.parameters = list(ensemble.parameters())
        self.optimiser = optimiser_of(ensemble, settings.lr, settings.weight_decay)
        count = len(ensemble.members)
        self.best_nll = torch.full((count,), math.inf, dtype=torch.float64)
        self.best_step = [0] * count
        self.best = [p.detach().clone() for p in self.parameters]

    def update(self, contexts: Tensor, deltas: Tensor) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * _schedule(self.step / self.settings.max_steps)
        # means within a member, summed over members: each has the gradient that it would have alone
        loss = -self.ensemble(contexts).log_prob(deltas).mean(1).sum()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        clip_each(self.parameters, self.settings.clip_norm)
        self.optimiser.step()
        self.step += 1

    @torch.no_grad()
    def look(self, contexts: Tensor, deltas: Tensor) -> None:
        """Keep the members that predict held-out speakers better than ever before."""
        nll = -self.ensemble(contexts).log_prob(deltas).mean(1).cpu()
        better = torch.nan_to_num(nll, nan=math.inf) < self.best_nll
        self.best_nll = torch.where(better, nll, self.best_nll)
        for i in torch.nonzero(better)[:, 0].tolist():
            self.best_step[i] = self.step
            for kept, p in zip(self.best, self.parameters, strict=True):
                kept[i] = p[i]

    @torch.no_grad()
    def restore_best(self) -> None:
        for kept, p in zip(self.best, self.parameters, strict=True):
            p.copy_(kept)

    def save(self, path: Path) -> None:
        state = {
            "model": self.ensemble.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "best": self.best,
            "best_nll": self.best_nll,
            "best_step": self.best_step,
            "step": self.step,
        }
        with replacing(path) as temporary:
            torch.save(state, temporary)

    def load(self, path: Path) -> None:
        state: dict[str, Any] = torch.load(path, map_location=self.parameters[0].device, weights_only=True)
        self.ensemble.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.best, self.best_nll, self.best_step = state["best"], state["best_nll"].cpu(), state["best_step"]
        self.step = int(state["step"])


@torch.no_grad()
def clip_each(parameters: list[nn.Parameter], most: float) -> None:
    """Cut the gradient of each member (the first axis) at a norm of ``most``; a gradient with NaN becomes zero."""
    squares = torch.stack([p.grad.flatten(1).square().sum(1) for p in parameters if p.grad is not None]).sum(0)
    factor = (most / (squares.sqrt() + 1e-12)).clamp(max=1.0)
    dead = ~torch.isfinite(squares)
    factor = torch.where(dead, torch.zeros_like(factor), factor)
    for p in parameters:
        if p.grad is not None:
            p.grad.mul_(factor.reshape(-1, *[1] * (p.grad.ndim - 1)))
            if bool(dead.any()):
                p.grad.nan_to_num_(0.0, 0.0, 0.0)


def _schedule(progress: float) -> float:
    """Share of the largest learning rate: linear warm-up, then half a cosine down to a hundredth."""
    if progress < _WARMUP:
        return progress / _WARMUP + 1e-3
    through = (progress - _WARMUP) / (1 - _WARMUP)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, through)))


def _evenly(rows: Tensor, most: int) -> Tensor:
    """At most ``most`` rows, evenly spread over all."""
    if len(rows) <= most:
        return rows
    return rows[torch.linspace(0, len(rows) - 1, most).long()]
