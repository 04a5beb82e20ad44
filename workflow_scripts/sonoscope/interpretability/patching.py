"""Activation patching on a fixed token grid: which layers carry what the text says, exactly and by gradient.

A clean and a corrupted text are replayed on the same tokens. Denoising puts clean states into the corrupted run
(sufficiency), noising corrupted states into the clean run (necessity). The effect of a patch on a metric m is
normalised, (m_patched - m_corrupted) / (m_clean - m_corrupted), so that 1 restores the clean run and 0 does nothing
(Heimersheim & Nanda 2024). The metric is any
function of the logits; `text_metric` is one that needs no choice.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sonoscope.interpretability.layers import CaptureError
from sonoscope.musicgen.delayed import DelayedMusicGen
from sonoscope.musicgen.steering import captured

Metric = Callable[[Tensor], Tensor]
"""From logits ``[B, K, S, cardinality]`` to one number per clip, ``[B]``."""


@contextmanager
def replaced(block: nn.Module, states: Tensor, positions: slice | None = None) -> Iterator[None]:
    """Put ``states`` ``[B, S, D]`` in the place of a module's output at ``positions`` (by default all)."""
    where = slice(None) if positions is None else positions

    def put(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor | tuple[Tensor, ...]) -> object:
        hidden = output[0] if isinstance(output, tuple) else output
        new = hidden.clone()
        new[:, where] = states[:, where].to(hidden)
        return (new, *output[1:]) if isinstance(output, tuple) else new

    handle = block.register_forward_hook(put)
    try:
        yield
    finally:
        handle.remove()


def patch_layers(
    model: DelayedMusicGen, tokens: Tensor, clean: Sequence[str | None], corrupted: Sequence[str | None],
    metric: Metric, smallest: float = 1e-3,
) -> dict[str, Tensor]:  # fmt: skip
    """Normalised effects of patching the output of each block alone, ``[B, L]``: ``denoising`` and ``noising``.

    Noising is given as what is lost, so that both are 1 where the layer carries everything. Clips whose clean and
    corrupted metrics differ by less than ``smallest`` are NaN, since their effects are not defined; count them.
    """
    layers = range(model.num_layers)
    clean_states, top = _run(model, tokens, clean, metric)
    corrupted_states, bottom = _run(model, tokens, corrupted, metric)
    gap = top - bottom
    gap = torch.where(gap.abs() < smallest, torch.nan, gap)
    restored, lost = [], []
    for layer in layers:
        with replaced(model.blocks[layer], clean_states[layer]):
            restored.append((metric(model.logits(tokens, corrupted)) - bottom) / gap)
        with replaced(model.blocks[layer], corrupted_states[layer]):
            lost.append((top - metric(model.logits(tokens, clean))) / gap)
    return {"denoising": torch.stack(restored, 1), "noising": torch.stack(lost, 1)}


def text_metric(clean_logits: Tensor, corrupted_logits: Tensor) -> Metric:
    """How far logits lie from the corrupted run's towards the clean run's, by the projection on their difference."""
    direction = (clean_logits - corrupted_logits).float()
    if float(direction.abs().max()) == 0:
        raise CaptureError("metric: expected runs that differ, found equal logits")
    scale = direction.square().flatten(1).sum(1)

    def metric(logits: Tensor) -> Tensor:
        return ((logits.float() - corrupted_logits) * direction).flatten(1).sum(1) / scale

    return metric


def _run(
    model: DelayedMusicGen, tokens: Tensor, prompts: Sequence[str | None], metric: Metric
) -> tuple[list[Tensor], Tensor]:
    if len(model.text_groups(prompts)) != 1:
        raise CaptureError("patching: expected texts of one length, so that no clip is padded; patch others apart")
    with captured(model.blocks, list(range(model.num_layers))) as store:
        value = metric(model.logits(tokens, prompts))
    return [calls[0] for calls in store], value


def attribution(gradient: Tensor, clean: Tensor, corrupted: Tensor) -> Tensor:
    """First-order estimate of a patch's effect, ``[B]``: (clean - corrupted) · ∂metric/∂state at the corrupted run.

    Nanda (2023); exact where the metric is linear in the state.
    """
    return ((clean - corrupted) * gradient).flatten(1).sum(1)
