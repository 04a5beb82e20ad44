"""Writing to the residual stream while a MusicGen runs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sonoscope.musicgen.interface import Injection, Injections


class Clock:
    """The decode step, advanced by the generation loop alone: gates and layers do not change its pace."""

    def __init__(self) -> None:
        self.step = 0


class _Writer:
    """Forward hook of one block."""

    def __init__(self, injection: Injection, index: int, clock: Clock) -> None:
        self.injection, self.clock = injection, clock
        self.delta = injection.delta[:, index]  # [B, D]
        self.read = None if injection.read is None else injection.read[:, index]  # [B, D]
        self.mean = None if injection.mean is None else injection.mean[index]  # [D]

    def __call__(self, block: nn.Module, inputs: tuple[Tensor, ...], output: Tensor | tuple[Tensor, ...]) -> object:
        # transformers' blocks have returned tuples and bare tensors in different versions
        if isinstance(output, tuple):
            return (self.write(output[0]), *output[1:])
        return self.write(output)

    def write(self, hidden: Tensor) -> Tensor:
        rows, positions, _ = hidden.shape
        batch = len(self.delta)
        if rows not in (batch, 2 * batch):
            raise ValueError(f"injection: expected {batch} or {2 * batch} rows, got {rows}")
        times = rows // batch
        factor = self.factor(positions, hidden).expand(batch, positions, 1)
        if times == 2:  # guidance: conditional rows first, then null rows
            nothing = torch.zeros_like(factor)
            branch = self.injection.branch
            factor = torch.cat([factor if branch != "null" else nothing, factor if branch != "cond" else nothing])
        added = factor * self.delta.to(hidden).repeat(times, 1)[:, None, :]  # [rows, positions, D]
        if self.read is not None:
            centred = hidden if self.mean is None else hidden - self.mean.to(hidden)
            added = -(centred * self.read.to(hidden).repeat(times, 1)[:, None, :]).sum(-1, keepdim=True) * added
        written = hidden + added
        if not self.injection.keep_norm:
            return written
        scale = hidden.norm(dim=-1, keepdim=True) / written.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        return torch.where((added != 0).any(-1, keepdim=True), written * scale, hidden)

    def factor(self, positions: int, like: Tensor) -> Tensor:
        """Schedule times gate at the positions of this call, ``[B or 1, positions, 1]``."""
        steps = torch.arange(self.clock.step, self.clock.step + positions)
        factor = torch.ones(1, positions)
        if self.injection.schedule is not None:
            schedule = self.injection.schedule
            factor = factor * schedule[..., steps.clamp(max=schedule.shape[-1] - 1)]
        if self.injection.gate is not None:
            gate = self.injection.gate
            factor = factor * gate[:, steps.clamp(max=gate.shape[1] - 1)]
        return factor.to(like)[:, :, None]


@contextmanager
def steered(blocks: Sequence[nn.Module], injection: Injections) -> Iterator[Clock]:
    """Write ``injection`` to the outputs of ``blocks`` while the context lasts; hooks are removed whatever happens.

    Several injections are written in their order, each to what the ones before it left.

    Yields
    ------
    Clock
        Set ``clock.step`` to the first position of each call. Positions of one call follow it one by one, so a prompt
        or a teacher-forced replay is written to at all of its positions.
    """
    clock, handles = Clock(), []
    try:
        several = (injection,) if isinstance(injection, Injection) else injection or ()
        for one in several:
            for index, layer in enumerate(one.layers):
                handles.append(blocks[layer].register_forward_hook(_Writer(one, index, clock)))
        yield clock
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def captured(blocks: Sequence[nn.Module], layers: Sequence[int]) -> Iterator[list[list[Tensor]]]:
    """Collect the outputs of ``layers``: one list per layer, one tensor ``[rows, positions, D]`` per call."""
    store: list[list[Tensor]] = [[] for _ in layers]
    handles = []

    def reader(index: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
        def read(block: nn.Module, inputs: tuple[Tensor, ...], output: Tensor | tuple[Tensor, ...]) -> None:
            hidden = output[0] if isinstance(output, tuple) else output
            store[index].append(hidden.detach())

        return read

    try:
        for index, layer in enumerate(layers):
            handles.append(blocks[layer].register_forward_hook(reader(index)))
        yield store
    finally:
        for handle in handles:
            handle.remove()
