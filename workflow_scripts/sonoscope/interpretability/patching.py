"""Activation patching on a fixed token grid: where the text's influence passes, exactly and by gradient.

A clean and a corrupted text are replayed on the same tokens. Denoising puts clean states into the corrupted run
(sufficiency), noising corrupted states into the clean run (necessity). The effect of a patch on a metric m is
normalised, (m_patched - m_corrupted) / (m_clean - m_corrupted), so that 1 restores the clean run and 0 does nothing
(Heimersheim & Nanda 2024). The metric is any
function of the logits; `text_metric` is one that needs no choice.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from sonoscope.interpretability.layers import CaptureError
from sonoscope.musicgen.delayed import DelayedMusicGen
from sonoscope.musicgen.interface import Prompt
from sonoscope.musicgen.steering import captured

Metric = Callable[[Tensor], Tensor]
"""From logits ``[B, K, S, cardinality]`` to one number per clip, ``[B]``."""
Attention = Literal["cross", "self"]
Part = Literal["self_attention", "cross_attention", "mlp"]
_MODULES: dict[Part, tuple[str, ...]] = {
    "self_attention": ("self_attn",),
    "cross_attention": ("cross_attention", "encoder_attn"),  # audiocraft's name, transformers' name
    "mlp": ("linear2", "fc2"),
}
PARTS: tuple[Part, ...] = tuple(_MODULES)
"""What a block adds to the residual stream, in its order."""


def part_of(block: nn.Module, part: Part) -> nn.Module:
    """The module of a block whose output is added to the residual stream, whatever library built it."""
    for name in _MODULES[part]:
        module = getattr(block, name, None)
        if isinstance(module, nn.Module):
            return module
    raise CaptureError(f"{part}: expected a block with {' or '.join(_MODULES[part])}, found {type(block).__name__}")


@contextmanager
def edited(module: nn.Module, edit: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Pass a module's output ``[B, S, D]`` through ``edit``; hooks are removed whatever happens."""

    def put(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor | tuple[Tensor, ...]) -> object:
        hidden = output[0] if isinstance(output, tuple) else output
        new = edit(hidden).to(hidden)
        return (new, *output[1:]) if isinstance(output, tuple) else new

    handle = module.register_forward_hook(put)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def replaced(block: nn.Module, states: Tensor, positions: slice | None = None) -> Iterator[None]:
    """Put ``states`` ``[B, S, D]`` in the place of a module's output at ``positions`` (by default all)."""
    where = slice(None) if positions is None else positions

    def put(hidden: Tensor) -> Tensor:
        new = hidden.clone()
        new[:, where] = states[:, where].to(hidden)
        return new

    with edited(block, put):
        yield


def patch_layers(
    model: DelayedMusicGen, tokens: Tensor, clean: Sequence[Prompt], corrupted: Sequence[Prompt],
    metric: Metric, smallest: float = 1e-3,
) -> dict[str, Tensor]:  # fmt: skip
    """Normalised effects of patching the output of each block alone, ``[B, L]``: ``denoising`` and ``noising``.

    Noising is given as what is lost, so that both are 1 where the layer carries everything. Clips whose clean and
    corrupted metrics differ by less than ``smallest`` are NaN, since their effects are not defined; count them.
    """
    clean_states, top = _run(model, tokens, clean, metric)
    corrupted_states, bottom = _run(model, tokens, corrupted, metric)
    gap = _gap(top, bottom, smallest)
    restored, lost = [], []
    for layer in range(model.num_layers):
        with replaced(model.blocks[layer], clean_states[layer]):
            restored.append((metric(model.logits(tokens, corrupted)) - bottom) / gap)
        with replaced(model.blocks[layer], corrupted_states[layer]):
            lost.append((top - metric(model.logits(tokens, clean))) / gap)
    return {"denoising": torch.stack(restored, 1), "noising": torch.stack(lost, 1)}


def patch_heads(
    model: DelayedMusicGen, tokens: Tensor, clean: Sequence[Prompt], corrupted: Sequence[Prompt],
    metric: Metric, attention: Attention = "cross", smallest: float = 1e-3,
) -> Tensor:  # fmt: skip
    """Denoising effects ``[B, L, H]`` of each attention head alone: its clean output in the corrupted run.

    A head is its columns of the input of the attention's output projection.
    """
    _check_one_length(model, clean, corrupted)
    modules = [part_of(block, f"{attention}_attention") for block in model.blocks]  # type: ignore[arg-type]
    projections: list[nn.Module] = [module.out_proj for module in modules]  # type: ignore[misc]
    seen: list[Tensor] = []
    handles = [p.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0])) for p in projections]
    try:
        top = metric(model.logits(tokens, clean))
    finally:
        for handle in handles:
            handle.remove()
    bottom = metric(model.logits(tokens, corrupted))
    gap = _gap(top, bottom, smallest)
    effects = []
    for module, projection, heads_seen in zip(modules, projections, seen, strict=True):
        heads = int(module.num_heads)  # type: ignore[arg-type]
        width = heads_seen.shape[-1] // heads
        for head in range(heads):
            with _head_replaced(projection, heads_seen, slice(head * width, (head + 1) * width)):
                effects.append((metric(model.logits(tokens, corrupted)) - bottom) / gap)
    return torch.stack(effects, 1).reshape(len(tokens), model.num_layers, -1)


def patch_direction(
    model: DelayedMusicGen, tokens: Tensor, clean: Sequence[Prompt], corrupted: Sequence[Prompt], metric: Metric,
    layer: int, directions: Tensor, smallest: float = 1e-3,
) -> dict[str, Tensor]:  # fmt: skip
    """Effects ``[B, n]`` of exchanging only the projections on unit ``directions`` ``[n, D]`` at one layer.

    ``sufficiency``: the corrupted run gets the clean run's projection. ``necessity``: the clean run gets the corrupted
    run's, and what is lost counts. Both are shares of the whole effect of the text.
    """
    clean_states, top = _run(model, tokens, clean, metric)
    corrupted_states, bottom = _run(model, tokens, corrupted, metric)
    gap = _gap(top, bottom, smallest)
    difference = clean_states[layer] - corrupted_states[layer]
    given, taken = [], []
    for direction in directions:
        unit = (direction / direction.norm()).to(difference)
        along = (difference @ unit)[..., None] * unit
        with edited(model.blocks[layer], lambda hidden, along=along: hidden + along):  # type: ignore[misc]
            given.append((metric(model.logits(tokens, corrupted)) - bottom) / gap)
        with edited(model.blocks[layer], lambda hidden, along=along: hidden - along):  # type: ignore[misc]
            taken.append((top - metric(model.logits(tokens, clean))) / gap)
    return {"sufficiency": torch.stack(given, 1), "necessity": torch.stack(taken, 1)}


def mean_ablation(model: DelayedMusicGen, tokens: Tensor, prompts: Sequence[Prompt]) -> dict[Part, Tensor]:
    """What each part of each block is worth, ``[B, L]`` in nats per token.

    The part's output is replaced by its mean over these clips at each position, and the rise of the cross-entropy is
    what is lost: the mean keeps what all clips share, and zeros, which the model never saw, are not used.
    """
    clean = model.nll(tokens, prompts)
    _check_one_length(model, prompts)
    found: dict[Part, Tensor] = {}
    for part in PARTS:
        modules = [part_of(block, part) for block in model.blocks]
        with captured(modules, range(len(modules))) as store, torch.no_grad():
            model.nll(tokens, prompts)
        losses = []
        for module, calls in zip(modules, store, strict=True):
            mean = calls[0].mean(0, keepdim=True)
            with edited(module, lambda hidden, mean=mean: mean.expand_as(hidden)):  # type: ignore[misc]
                losses.append(model.nll(tokens, prompts) - clean)
        found[part] = torch.stack(losses, 1)
    return found


def attribution_patching(
    model: DelayedMusicGen, tokens: Tensor, clean: Sequence[Prompt], corrupted: Sequence[Prompt], metric: Metric,
    smallest: float = 1e-3,
) -> Tensor:  # fmt: skip
    """First-order estimates ``[B, L]`` of `patch_layers`' denoising effects, from one backward pass (Nanda 2023)."""
    clean_states, top = _run(model, tokens, clean, metric)
    corrupted_states, bottom = _run(model, tokens, corrupted, metric)
    kept: list[Tensor] = []

    def keep(hidden: Tensor) -> Tensor:
        new = hidden.detach().requires_grad_() if not kept else hidden
        new.retain_grad()
        kept.append(new)
        return new

    handles = [edited(block, keep) for block in model.blocks]
    for handle in handles:
        handle.__enter__()
    try:
        with torch.enable_grad():
            metric(model.differentiable_logits(tokens, corrupted)).sum().backward()  # type: ignore[no-untyped-call]
    finally:
        for handle in handles:
            handle.__exit__(None, None, None)
    first_order = [
        attribution(state.grad if state.grad is not None else torch.zeros_like(state), clean_state, corrupted_state)
        for state, clean_state, corrupted_state in zip(kept, clean_states, corrupted_states, strict=True)
    ]
    return torch.stack(first_order, 1) / _gap(top, bottom, smallest)[:, None]


def attribution(gradient: Tensor, clean: Tensor, corrupted: Tensor) -> Tensor:
    """First-order estimate of a patch's effect, ``[B]``: (clean - corrupted) · ∂metric/∂state at the corrupted run.

    Nanda (2023); exact where the metric is linear in the state.
    """
    return ((clean - corrupted) * gradient).flatten(1).sum(1)


def text_metric(clean_logits: Tensor, corrupted_logits: Tensor) -> Metric:
    """How far logits lie from the corrupted run's towards the clean run's, by the projection on their difference."""
    direction = (clean_logits - corrupted_logits).float()
    if float(direction.abs().max()) == 0:
        raise CaptureError("metric: expected runs that differ, found equal logits")
    scale = direction.square().flatten(1).sum(1)

    def metric(logits: Tensor) -> Tensor:
        return ((logits.float() - corrupted_logits) * direction).flatten(1).sum(1) / scale

    return metric


@contextmanager
def _head_replaced(projection: nn.Module, states: Tensor, columns: slice) -> Iterator[None]:
    """Put some columns of ``states`` into the input of an attention's output projection."""

    def put(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        new = inputs[0].clone()
        new[..., columns] = states[..., columns].to(new)
        return (new, *inputs[1:])

    handle = projection.register_forward_pre_hook(put)
    try:
        yield
    finally:
        handle.remove()


def _gap(top: Tensor, bottom: Tensor, smallest: float) -> Tensor:
    gap = top - bottom
    return torch.where(gap.abs() < smallest, torch.nan, gap)


def _check_one_length(model: DelayedMusicGen, *several: Sequence[Prompt]) -> None:
    if any(len(model.text_groups(prompts)) != 1 for prompts in several):
        raise CaptureError("patching: expected texts of one length, so that no clip is padded; patch others apart")


def _run(
    model: DelayedMusicGen, tokens: Tensor, prompts: Sequence[Prompt], metric: Metric
) -> tuple[list[Tensor], Tensor]:
    _check_one_length(model, prompts)
    with captured(model.blocks, list(range(model.num_layers))) as store:
        value = metric(model.logits(tokens, prompts))
    return [calls[0] for calls in store], value
