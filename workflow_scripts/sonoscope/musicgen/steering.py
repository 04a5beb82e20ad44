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


class _Strength:
    """Schedule times gate of one injection, for all decode steps and the rows of guidance, made at the first call.

    What does not change from step to step is not computed at each: a hook runs once per layer and step.
    """

    def __init__(self, injection: Injection) -> None:
        self.injection, self.batch = injection, len(injection.delta)
        self.rows = 0
        self.table = torch.empty(0)  # [steps, rows, 1]
        self.constant = False
        self.steps: list[Tensor] = []

    def prepare(self, hidden: Tensor) -> None:
        """Lay out the table for the rows, type and device of ``hidden``."""
        rows = len(hidden)
        if rows not in (self.batch, 2 * self.batch):
            raise ValueError(f"injection: expected {self.batch} or {2 * self.batch} rows, got {rows}")
        factor = torch.ones(1, 1)
        for one in (self.injection.schedule, self.injection.gate):
            if one is not None:
                factor = _times(factor, one.reshape(-1, one.shape[-1]))
        self.constant = bool((factor == 1).all())
        factor = factor.expand(self.batch, -1)
        if rows == 2 * self.batch:  # guidance: conditional rows first, then null rows
            branch, nothing = self.injection.branch, torch.zeros_like(factor)
            self.constant = self.constant and branch == "both"
            factor = torch.cat([factor if branch != "null" else nothing, factor if branch != "cond" else nothing])
        self.table = factor.T.to(hidden)[:, :, None].contiguous()
        self.steps = list(self.table[:, :, None].unbind(0))  # of [rows, 1, 1]
        self.rows = rows

    def at(self, first: int, positions: int) -> Tensor:
        """Factor of the positions of one call ``[rows, positions, 1]``; the last step holds on."""
        last = len(self.steps) - 1
        if positions == 1:
            return self.steps[min(first, last)]
        steps = torch.arange(first, first + positions, device=self.table.device).clamp(max=last)
        return self.table[steps].transpose(0, 1)


def _times(factor: Tensor, other: Tensor) -> Tensor:
    """Product of two courses ``[B or 1, steps]``, of which the shorter holds its last step."""
    steps = torch.arange(max(factor.shape[1], other.shape[1]))
    return factor[:, steps.clamp(max=factor.shape[1] - 1)] * other[:, steps.clamp(max=other.shape[1] - 1)]


class _Writer:
    """Forward hook of one block."""

    def __init__(self, injection: Injection, index: int, clock: Clock, strength: _Strength) -> None:
        self.injection, self.index = injection, index
        self.clock, self.strength = clock, strength
        self.rows = 0
        self.delta = torch.empty(0)  # [rows, 1, D]
        self.read: Tensor | None = None
        self.mean = torch.zeros(1)

    def __call__(self, block: nn.Module, inputs: tuple[Tensor, ...], output: Tensor | tuple[Tensor, ...]) -> object:
        # transformers' blocks have returned tuples and bare tensors in different versions
        if isinstance(output, tuple):
            return (self.write(output[0]), *output[1:])
        return self.write(output)

    def write(self, hidden: Tensor) -> Tensor:
        if self.rows != len(hidden):
            self._prepare(hidden)
        strength = self.strength
        if self.read is None and not self.injection.keep_norm:
            if strength.constant:
                return hidden + self.delta
            return torch.addcmul(hidden, strength.at(self.clock.step, hidden.shape[1]), self.delta)
        added = strength.at(self.clock.step, hidden.shape[1]) * self.delta  # [rows, positions, D]
        if self.read is not None:
            added = -((hidden - self.mean) * self.read).sum(-1, keepdim=True) * added
        written = hidden + added
        if not self.injection.keep_norm:
            return written
        scale = hidden.norm(dim=-1, keepdim=True) / written.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        return torch.where((added != 0).any(-1, keepdim=True), written * scale, hidden)

    def _prepare(self, hidden: Tensor) -> None:
        if self.strength.rows != len(hidden):
            self.strength.prepare(hidden)
        self.rows = len(hidden)
        self.delta = self._of_rows(self.injection.delta, hidden)
        self.read = None if self.injection.read is None else self._of_rows(self.injection.read, hidden)
        if self.injection.mean is not None:
            self.mean = self.injection.mean[self.index].to(hidden)

    def _of_rows(self, vectors: Tensor, hidden: Tensor) -> Tensor:
        own = vectors[:, self.index].to(hidden)  # [B, D]
        return own.repeat(self.rows // len(own), 1)[:, None]


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
            strength = _Strength(one)
            for index, layer in enumerate(one.layers):
                handles.append(blocks[layer].register_forward_hook(_Writer(one, index, clock, strength)))
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
