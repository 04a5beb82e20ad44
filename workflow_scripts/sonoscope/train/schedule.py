"""Learning rate, resumable checkpoints and the training loop that the shipped models share."""

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sonoscope.files import replacing
from sonoscope.settings.training import Optimiser

log = logging.getLogger(__name__)


def learning_rate(step: int, o: Optimiser) -> float:
    """Learning rate of update ``step``, counted from 0: linear warm-up, then cosine decay to the final share."""
    if step < o.warmup:
        return o.learning_rate * (step + 1) / o.warmup
    progress = (step - o.warmup) / max(1, o.steps - o.warmup)
    floor = o.final_learning_rate
    return o.learning_rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def save_checkpoint(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer, step: int) -> None:
    """Write all that `train` needs to go on from ``step``, whole or not at all."""
    with replacing(path) as temporary:
        torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step}, temporary)


def load_checkpoint(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Load what `save_checkpoint` wrote; returns the number of updates already made."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


def train(
    model: nn.Module,
    o: Optimiser,
    loss_of: Callable[[int, torch.Generator], tuple[Tensor, dict[str, float]]],
    measure: Callable[[], dict[str, float]],
    checkpoint: Path,
    seed: int,
) -> None:
    """Train to ``o.steps`` updates, resuming from ``checkpoint`` if it is there.

    Parameters
    ----------
    model : nn.Module
        Trained in place.
    o : Optimiser
    loss_of : callable
        Given the number of the step and a generator, draws a batch and returns the loss and parts of it to log. The
        generator is seeded by the step, so a resumed run sees the batches that an uninterrupted one would.
    measure : callable
        Held-out measures to log at every checkpoint.
    checkpoint : Path
        Where the resumable state stands.
    seed : int
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=o.learning_rate, weight_decay=o.weight_decay, betas=(0.9, 0.98))
    first = load_checkpoint(checkpoint, model, optimiser) if checkpoint.exists() else 0
    if first:
        log.info("resuming after step %d of %d", first, o.steps)
    started, parts_sum, count = time.monotonic(), dict[str, float](), 0
    model.train()
    for step in range(first, o.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, o)
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        loss, parts = loss_of(step, generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, o.clip_norm)
        optimiser.step()
        for name, value in parts.items():
            parts_sum[name] = parts_sum.get(name, 0.0) + value
        count += 1
        if (step + 1) % o.checkpoint_every == 0 or step + 1 == o.steps:
            save_checkpoint(checkpoint, model, optimiser, step + 1)
            model.eval()
            held_out = measure()
            model.train()
            rate = (step + 1 - first) / (time.monotonic() - started)
            numbers = {k: v / count for k, v in parts_sum.items()} | held_out
            text = " ".join(f"{k} {v:.3f}" for k, v in numbers.items())
            left = (o.steps - step - 1) / rate / 60
            log.info("step %d/%d, %.2f steps/s, %.0f min left: %s", step + 1, o.steps, rate, left, text)
            parts_sum, count = {}, 0
    model.eval()


def save_weights(path: Path, model: nn.Module) -> None:
    """Write parameters and buffers as safetensors."""
    with replacing(path) as temporary:
        save_file({k: v.contiguous() for k, v in model.state_dict().items()}, temporary)


def load_weights(path: Path, model: nn.Module) -> None:
    """Load what `save_weights` wrote."""
    model.load_state_dict(load_file(path))
