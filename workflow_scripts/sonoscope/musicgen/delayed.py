"""What MusicGens of both backends share: everything but how one forward pass is made.

A backend says how prompts become conditions, how one pass over delayed columns is made, and how one decode step is made
with a cache. Replays, likelihoods, divergences and generation follow from these, and so cannot differ between backends.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from sonoscope.musicgen.decoder import Decoder, can_decode, text_of
from sonoscope.musicgen.delay import delay, is_token, undelay
from sonoscope.musicgen.interface import Injections, MusicGen, Prompt, Sampling, of_clips
from sonoscope.musicgen.network import Network
from sonoscope.musicgen.sampling import TokenSampler
from sonoscope.musicgen.steering import captured, steered

Group = tuple[list[int], Any]
"""Rows of one text length, and their condition in the form of the backend."""
Step = Callable[[Tensor], Tensor]
"""One decode step: columns ``[B, K, 1]`` to logits ``[2B, K, cardinality]``, conditional rows first, then null ones;
the latter may be left out where guidance is 1."""


class DelayedMusicGen(MusicGen):
    """A MusicGen whose codebooks are delayed against each other, by whatever library."""

    special: int
    """The token that stands where a delayed sequence holds none."""
    own_decoder: bool = True
    """Whether `generate` uses `sonoscope.musicgen.decoder` where it can; else each step is the library's."""

    @abstractmethod
    def _by_text_length(self, prompts: Sequence[Prompt], guided: bool = False) -> list[Group]:
        """Rows grouped by the length of their text, so that nothing is padded and no row depends on another.

        With ``guided`` each condition holds the rows' texts first and as many null texts after them.
        """

    @abstractmethod
    def _predict(self, columns: Tensor, condition: Any) -> Tensor:
        """Logits ``[rows, K, S, cardinality]`` of one pass over delayed columns ``[rows, K, S]``."""

    @abstractmethod
    def _session(self, condition: Any) -> AbstractContextManager[Step]:
        """The library's decode steps with its cache, under a guided condition."""

    @abstractmethod
    def _text_states(self, condition: Any) -> Tensor:
        """What the blocks read of a condition, ``[rows, L, D]``."""

    @property
    @abstractmethod
    def _decoded(self) -> nn.Module:
        """The module that makes a decode step."""

    @abstractmethod
    def _network(self, steps: int) -> Network | None:
        """The weights by role, with places for so many steps; None where only the library can decode."""

    def text_groups(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """Rows of ``prompts`` whose text has one length; `generate` runs them together."""
        return [rows for rows, _ in self._by_text_length(prompts)]

    @torch.no_grad()
    def hidden_states(
        self, tokens: Tensor, prompts: Sequence[Prompt], layers: Sequence[int], injection: Injections = None
    ) -> Tensor:
        """Hidden states ``[B, L, S, D]`` of a teacher-forced replay; see `MusicGen.hidden_states`."""
        chosen = self.check_layers(layers)
        out: Tensor | None = None
        for rows, condition in self._by_text_length(prompts):
            with steered(self.blocks, of_clips(injection, rows)), captured(self.blocks, chosen) as store:
                self._predict(self._columns(tokens[rows]), condition)
            states = torch.stack([calls[0] for calls in store], dim=1)  # [rows, L, S, D]
            if out is None:
                out = states.new_empty(len(prompts), *states.shape[1:])
            out[rows] = states
        if out is None:
            raise ValueError("hidden_states: expected at least one clip, got none")
        return out

    @torch.no_grad()
    def logits(self, tokens: Tensor, prompts: Sequence[Prompt]) -> Tensor:
        """Logits ``[B, K, S, cardinality]`` of a replay without guidance; position s predicts frame s - k."""
        return self.differentiable_logits(tokens, prompts)

    def differentiable_logits(self, tokens: Tensor, prompts: Sequence[Prompt]) -> Tensor:
        """`logits`, through which gradients flow to whatever hooks made a leaf."""
        frames = tokens.shape[-1]
        out = torch.empty(len(prompts), self.num_codebooks, frames + 1, self.cardinality, device=self.device)
        for rows, condition in self._by_text_length(prompts):
            out[rows] = self._predict(self._columns(tokens[rows]), condition).to(out)
        return out

    @torch.no_grad()
    def nll(self, tokens: Tensor, prompts: Sequence[Prompt]) -> Tensor:
        """Mean negative log-likelihood per token, in nats, ``[B]``, teacher-forced without guidance."""
        out = torch.empty(len(prompts))
        _, codebooks, frames = tokens.shape
        mask = is_token(codebooks, frames)[:, 1 : frames + 1].to(self.device)
        for rows, condition in self._by_text_length(prompts):
            # as in training, tokens that the delay moves beyond the last frame do not count
            wanted = delay(tokens[rows].to(self.device), self.special)[..., 1 : frames + 1]  # follows each position
            logits = self._predict(self._columns(tokens[rows]), condition)[:, :, :frames].float()
            wanted = wanted.clamp(max=self.cardinality - 1)  # the special token is masked
            per_token = -logits.log_softmax(-1).gather(-1, wanted[..., None])[..., 0]
            out[rows] = ((per_token * mask).sum((1, 2)) / mask.sum()).cpu()
        return out

    @torch.no_grad()
    def divergence(
        self, tokens: Tensor, prompts: Sequence[Prompt], injection: Injections, guidance: float = 3.0
    ) -> Tensor:
        """Divergence of the steered from the unsteered next-token distribution; see `MusicGen.divergence`."""
        frames = tokens.shape[-1]
        mask = is_token(self.num_codebooks, frames)[:, 1 : frames + 1].to(self.device)
        out = torch.empty(len(prompts), frames)
        for rows, condition in self._by_text_length(prompts, guided=True):
            columns = torch.cat([self._columns(tokens[rows])] * 2)
            laws = []
            for pushed in (of_clips(injection, rows), None):
                with steered(self.blocks, pushed):
                    cond, null = self._predict(columns, condition)[:, :, :frames].float().chunk(2)
                laws.append((null + guidance * (cond - null)).log_softmax(-1))
            each = (laws[0].exp() * (laws[0] - laws[1])).sum(-1)  # [rows, K, frames]
            out[rows] = ((each * mask).sum(1) / mask.sum(0).clamp(min=1)).cpu()
        return out

    @torch.no_grad()
    def generate(
        self,
        prompts: Sequence[Prompt],
        seeds: Sequence[int],
        seconds: float,
        sampling: Sampling | None = None,
        injection: Injections = None,
    ) -> Tensor:
        """Tokens ``[B, K, T]``; see `MusicGen.generate`."""
        if len(prompts) != len(seeds):
            raise ValueError(f"generate: expected one seed per prompt, got {len(seeds)} for {len(prompts)}")
        if seconds > self.max_seconds:
            raise ValueError(f"generate: {self.name} makes at most {self.max_seconds:g} s at once, got {seconds:g} s")
        frames = round(seconds * self.frame_rate)
        tokens = torch.empty(len(prompts), self.num_codebooks, frames, dtype=torch.long, device=self.device)
        chosen = sampling or Sampling()
        guidance = chosen.guidance
        steps = frames + self.num_codebooks - 1
        for rows, decoding in self._decodings(prompts, steps, injection, guided=guidance != 1):
            with decoding as step:
                sequence = self._start(len(rows), frames)
                sampler = TokenSampler(chosen, [seeds[r] for r in rows], *self._vocabulary)
                for position, known in self._positions(sequence, frames):
                    logits = step(sequence[..., position - 1 : position])
                    cond, null = logits[: len(rows)], logits[len(rows) :]
                    drawn = sampler(cond if guidance == 1 else null + guidance * (cond - null))
                    sequence[..., position] = torch.where(known, drawn, self.special)
            tokens[rows] = undelay(sequence)
        return tokens

    def _decodings(
        self, prompts: Sequence[Prompt], steps: int, injection: Injections, guided: bool
    ) -> Iterator[tuple[list[int], AbstractContextManager[Step]]]:
        """Rows that are decoded together, and their steps: all at once by our own decoder, else by length of text.

        Null rows that are not ``guided`` by are left out where nobody listens to them.
        """
        groups = self._by_text_length(prompts, guided=True)
        network = self._network(steps) if self.own_decoder and can_decode(self._decoded, self.blocks) else None
        if network is None:
            for rows, condition in groups:
                yield rows, self._by_library(condition, of_clips(injection, rows))
        elif any(block._forward_hooks for block in self.blocks):  # they expect the rows of one group at a time
            for rows, condition in groups:
                text = text_of([(list(range(len(rows))), self._text_states(condition))])
                yield rows, nullcontext(Decoder(network, text, steps, of_clips(injection, rows), self.blocks))
        else:
            text = text_of([(rows, self._text_states(condition)) for rows, condition in groups], guided)
            yield list(range(len(prompts))), nullcontext(Decoder(network, text, steps, injection))

    @contextmanager
    def _by_library(self, condition: Any, injection: Injections) -> Iterator[Step]:
        with self._session(condition) as step, steered(self.blocks, injection) as clock:

            def one(column: Tensor) -> Tensor:
                logits = step(column)
                clock.step += 1
                return logits

            yield one

    @property
    def _vocabulary(self) -> tuple[int, int]:
        return self.num_codebooks, self.cardinality

    def _columns(self, tokens: Tensor) -> Tensor:
        """Delayed columns ``[rows, K, T + 1]`` that a replay reads."""
        return delay(tokens.to(self.device), self.special)[..., : tokens.shape[-1] + 1]

    def _start(self, rows: int, frames: int) -> Tensor:
        shape = rows, self.num_codebooks, frames + self.num_codebooks
        return torch.full(shape, self.special, device=self.device)

    def _positions(self, sequence: Tensor, frames: int) -> Iterator[tuple[int, Tensor]]:
        """Each decode position, and in which codebooks it holds a token of a frame."""
        mask = is_token(self.num_codebooks, frames).to(self.device)
        for position in range(1, sequence.shape[-1]):
            yield position, mask[:, position]
