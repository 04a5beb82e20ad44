"""Decode steps with a cache of fixed size: the loop that generation spends its time in.

audiocraft and transformers grow their caches by copying them at every step, and audiocraft projects the text anew in
every block of every step. Here keys and values of the text are projected once, those of the clip are written in place,
prompts of different lengths run in one batch (absent text is masked, so no row depends on another), and null rows skip
what would be a sum of zeros. On a graphics card each step is one CUDA graph, replayed: its cache is read in spans of
fixed length behind a mask, since a graph cannot change shapes.

Axes: ``B`` clips, ``K`` codebooks, ``S`` decode steps, ``H`` heads, ``L`` tokens of text, ``D`` width, ``R`` rows.
There are 2B rows: conditional ones first, then null ones; or B, where guidance is 1 and null rows change nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from sonoscope.musicgen.interface import Injections, of_clips
from sonoscope.musicgen.network import Affine, Block, Network
from sonoscope.musicgen.planned import PlannedWriter

SPAN = 256
"""Positions by which the part of the cache that a CUDA graph reads grows."""


@dataclass(frozen=True)
class Text:
    """What prompts become."""

    clips: int
    """B."""
    states: Tensor
    """``[R, L, D]``, zero where there is no text."""
    mask: Tensor | None
    """``[R, 1, 1, L]``: 0 where there is a token, minus infinity behind the end; None where all have one length."""
    live: int
    """Rows, from the first, whose text is not zero throughout."""


def text_of(groups: Sequence[tuple[list[int], Tensor]], guided: bool = True) -> Text:
    """One batch of rows grouped by length, each group with its states ``[2 rows, length, D]``, conditional first.

    Without ``guided`` the null rows are left out.
    """
    clips, longest = sum(len(rows) for rows, _ in groups), max(states.shape[1] for _, states in groups)
    first = groups[0][1]
    every = 2 * clips if guided else clips
    states = first.new_zeros(every, longest, first.shape[-1])
    mask = first.new_zeros(every, 1, 1, longest)
    for rows, found in groups:
        own = torch.tensor([*rows, *(clips + row for row in rows)][: every // clips * len(rows)], device=first.device)
        states[own, : found.shape[1]] = found[: len(own)]
        mask[own, :, :, found.shape[1] :] = -torch.inf
    null = not bool(states[clips:].any())
    several = len({found.shape[1] for _, found in groups}) > 1
    return Text(clips, states, mask if several else None, clips if null else every)


class Decoder:
    """One decode step after the other: columns ``[B, K, 1]`` to logits ``[R, K, cardinality]``.

    Parameters
    ----------
    network : Network
    text : Text
    steps : int
        Decode steps that there will be.
    injections : Injections
        Written to the outputs of blocks.
    blocks : sequence of Module
        The library's blocks: forward hooks that are on them are called with each output, before injections.
    fixed : bool, optional
        Whether the cache is read in spans behind a mask, and on a graphics card by a CUDA graph. By default so on a
        graphics card, unless a block has hooks, which a graph would not call.
    """

    def __init__(
        self,
        network: Network,
        text: Text,
        steps: int,
        injections: Injections,
        blocks: Sequence[nn.Module] = (),
        fixed: bool | None = None,
    ) -> None:
        self.network, self.text, self.steps = network, text, steps
        rows, dim = text.states.shape[0], text.states.shape[-1]
        like = network.places
        self.table = torch.cat(list(network.embeddings))  # [K (cardinality + 1), D]
        entries = network.embeddings[0].shape[0]
        self.offsets = torch.arange(len(network.embeddings), device=like.device) * entries
        self.output = torch.cat([weight for weight, _ in network.outputs]), _biases(network.outputs)
        heads = network.heads
        self.cached = like.new_zeros(len(network.blocks), 2, rows, heads, steps, dim // heads)
        self.texts = [_split_text(b, text, heads, bool(b.cross_kv[1] is not None)) for b in network.blocks]
        self.hooks = [list(getattr(block, "_forward_hooks", {}).values()) for block in blocks] or [[]] * len(self.texts)
        self.modules = blocks
        clips, self.guided = range(text.clips), rows != text.clips
        writers: list[list[PlannedWriter]] = [[] for _ in network.blocks]
        for one in of_clips(injections, clips):
            for index, layer in enumerate(one.layers):
                writers[layer].append(PlannedWriter(one, index, steps, like, self.guided))
        self.writers = writers
        hooked = any(self.hooks)
        self.fixed = fixed if fixed is not None else like.is_cuda and not hooked
        self.graphed = self.fixed and like.is_cuda
        self.numbers = torch.arange(steps, device=like.device)
        self.done = 0
        self.column = torch.zeros(text.clips, len(network.embeddings), dtype=torch.long, device=like.device)
        self.step = torch.zeros(1, dtype=torch.long, device=like.device)
        self.graphs: dict[int, tuple[Any, Tensor]] = {}

    def __call__(self, column: Tensor) -> Tensor:
        """Logits that follow one more column."""
        if self.done == self.steps:
            raise ValueError(f"decoder: made for {self.steps} steps, asked for one more")
        if self.graphed:
            logits = self._replay(column[..., 0])
        else:
            self.step = self.numbers[self.done : self.done + 1]
            logits = self._run(column[..., 0], self.step, self._reach())
        self.done += 1
        return logits

    def _reach(self) -> int:
        """Positions of the cache that this step reads."""
        return min(-(-(self.done + 1) // SPAN) * SPAN, self.steps) if self.fixed else self.done + 1

    def _run(self, column: Tensor, step: Tensor, reach: int) -> Tensor:
        network = self.network
        hidden = fn.embedding(column + self.offsets, self.table).sum(1) + network.places.index_select(0, step)
        hidden = torch.cat([hidden, hidden]) if self.guided else hidden  # [R, D]
        mask = None
        if self.fixed:
            later = self.numbers[:reach] > step
            mask = torch.zeros_like(later, dtype=hidden.dtype).masked_fill(later, -torch.inf)[None]  # [1, reach]
        for index, block in enumerate(network.blocks):
            hidden = self._block(index, block, hidden, step, reach, mask)
            for hook in self.hooks[index]:
                hidden = _hooked(hook, self.modules[index], hidden)
            for writer in self.writers[index]:
                hidden = writer(hidden, step)
        if network.norm is not None:
            hidden = self._normalised(hidden, network.norm)
        logits = fn.linear(hidden, *self.output)
        return logits.view(len(hidden), len(network.embeddings), -1)

    def _block(self, index: int, block: Block, hidden: Tensor, step: Tensor, reach: int, mask: Tensor | None) -> Tensor:
        rows, dim = hidden.shape
        heads, (keys, values) = self.network.heads, self.cached[index]
        query, key, value = fn.linear(self._normalised(hidden, block.self_norm), *block.qkv).view(
            rows, 3, heads, 1, dim // heads
        ).unbind(1)  # fmt: skip
        keys.index_copy_(2, step, key)
        values.index_copy_(2, step, value)
        read = fn.scaled_dot_product_attention(query, keys[:, :, :reach], values[:, :, :reach], attn_mask=mask)
        hidden = _added(hidden, read.reshape(rows, dim), block.self_out)
        live, (text_keys, text_values), text_mask = self.texts[index]
        top = hidden[:live]
        query = fn.linear(self._normalised(top, block.cross_norm), *block.cross_q).view(live, heads, 1, dim // heads)
        said = fn.scaled_dot_product_attention(query, text_keys, text_values, attn_mask=text_mask)
        top = _added(top, said.reshape(live, dim), block.cross_out)
        hidden = top if live == rows else torch.cat([top, hidden[live:]])
        inner = fn.gelu(fn.linear(self._normalised(hidden, block.feed_norm), *block.up))
        return _added(hidden, inner, block.down)

    def _normalised(self, hidden: Tensor, norm: Affine) -> Tensor:
        return fn.layer_norm(hidden, hidden.shape[-1:], *norm, self.network.eps)

    def _replay(self, column: Tensor) -> Tensor:
        """The step as a CUDA graph; one is recorded for each span that is reached."""
        reach = self._reach()
        self.column.copy_(column)
        self.step.copy_(self.numbers[self.done : self.done + 1])
        if reach not in self.graphs:
            # what runs before recording sets up libraries; it writes the cache at this step alone, as the graph will
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(2):
                    self._run(self.column, self.step, reach)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                logits = self._run(self.column, self.step, reach)
            self.graphs[reach] = graph, logits
        graph, logits = self.graphs[reach]
        graph.replay()
        return logits


def _biases(outputs: Sequence[Affine]) -> Tensor | None:
    found = [bias for _, bias in outputs if bias is not None]
    return torch.cat(found) if found else None


def _split_text(block: Block, text: Text, heads: int, biased: bool) -> tuple[int, tuple[Tensor, Tensor], Tensor | None]:
    """Rows that hear text in this block, their keys and values ``[rows, H, L, D/H]``, and the mask.

    Without biases, keys and values of zeros are zeros, and so is what is read from them.
    """
    silent = not biased and block.cross_out[1] is None
    live = text.live if silent else len(text.states)
    projected = fn.linear(text.states[:live], *block.cross_kv)
    rows, length, double = projected.shape
    keys, values = projected.view(rows, length, 2, heads, double // 2 // heads).permute(2, 0, 3, 1, 4).contiguous()
    return live, (keys, values), None if text.mask is None else text.mask[:live]


def _added(hidden: Tensor, more: Tensor, out: Affine) -> Tensor:
    """``hidden`` plus a linear map of ``more``, in one product."""
    weight, bias = out
    return torch.addmm(hidden if bias is None else hidden + bias, more, weight.t())


def _hooked(hook: Callable[..., object], module: nn.Module, hidden: Tensor) -> Tensor:
    """What a forward hook of a block leaves of its output, which it is shown as ``[R, 1, D]``."""
    found = hook(module, (), hidden[:, None])
    if found is None:
        return hidden
    if not isinstance(found, Tensor):
        raise TypeError(f"hook: expected a tensor or nothing, got {type(found).__name__}")
    return found[:, 0]


def can_decode(model: nn.Module, blocks: Sequence[nn.Module]) -> bool:
    """Whether nothing listens inside the model but forward hooks of its blocks, the one place that is shown here."""
    own = {id(block) for block in blocks}
    for module in model.modules():
        if module._forward_pre_hooks or (module._forward_hooks and id(module) not in own):
            return False
    return True
