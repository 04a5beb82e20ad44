"""What every MusicGen offers, whatever its size and backend.

Axes: ``B`` clips, ``K`` codebooks, ``T`` frames of audio, ``S`` positions of the language model, ``L`` layers, ``D``
width of the residual stream. Layers are counted from 0, and "the hidden state of layer l" is the residual stream at the
output of block l, before the final normalisation: the same place that an injection writes to.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from sonoscope.errors import SonoscopeError

Prompt = str | None
"""Text, or None for the null condition of classifier-free guidance."""
Branch = Literal["both", "cond", "null"]
"""Rows of the guidance batch that an injection writes to. With guidance g, a shift of the logits by d counts d on both
branches, g d on the conditional one alone, and (1 - g) d on the null one alone."""


class LayerError(SonoscopeError, ValueError):
    """A layer that the model does not have."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn."""

    top_k: int = 250
    """Candidates kept per token; 0 keeps all, 1 is greedy."""
    temperature: float = 1.0
    """Divides the logits before sampling."""
    guidance: float = 3.0
    """Classifier-free guidance g: logits are null + g (cond - null)."""


@dataclass(frozen=True)
class Injection:
    """A vector added to the residual stream, or a projection taken out of it, per clip and layer, over time.

    With ``read`` unset, h becomes h + f ``delta``, where f is schedule times gate. With ``read`` set, h becomes
    h - f ((h - ``mean``) · ``read``) ``delta``: directional ablation where both are the unit direction; where they are
    the two factors of a LEACE projector, the removal of all that a linear readout could use.
    """

    layers: tuple[int, ...]
    """Blocks to whose output it is added."""
    delta: Tensor
    """What is added, ``[B, len(layers), D]``: coefficient, layer weight and unit direction multiplied out."""
    schedule: Tensor | None = None
    """Factor per decode step, ``[S]`` or, of each clip, ``[B, S]``; the last one holds on. None is constant 1."""
    gate: Tensor | None = None
    """Whether it is added, ``[B, S]`` of bool; None is always."""
    branch: Branch = "both"
    """Rows of the guidance batch written to."""
    read: Tensor | None = None
    """Along what the projection that is taken out is measured, ``[B, len(layers), D]``."""
    mean: Tensor | None = None
    """Mean hidden state of each layer, ``[len(layers), D]``, about which a projection is measured."""
    keep_norm: bool = False
    """Whether each hidden state is scaled back to the norm that it had."""

    def of_clips(self, rows: Sequence[int]) -> "Injection":
        """The same for some of the clips."""
        chosen = list(rows)
        schedule = self.schedule
        if schedule is not None and schedule.ndim == 2:
            schedule = schedule[chosen]
        return replace(
            self,
            delta=self.delta[chosen],
            schedule=schedule,
            gate=None if self.gate is None else self.gate[chosen],
            read=None if self.read is None else self.read[chosen],
        )


Injections = Injection | Sequence[Injection] | None
"""Nothing, one injection, or several that are written one after the other."""


def of_clips(injections: Injections, rows: Sequence[int]) -> tuple[Injection, ...]:
    """All of them, for some of the clips."""
    if injections is None:
        return ()
    several = (injections,) if isinstance(injections, Injection) else injections
    return tuple(one.of_clips(rows) for one in several)


class MusicGen(ABC):
    """A MusicGen: a codec, a text encoder and a language model over the codec's tokens."""

    name: str
    """As in config."""
    revision: str
    """Identifies the weights: a digest, or the hub's commit."""
    sample_rate: int
    """Audio samples per second, in hertz."""
    frame_rate: float
    """Token frames per second, in hertz."""
    num_codebooks: int
    """Tokens per frame."""
    cardinality: int
    """Entries of each codebook."""
    num_layers: int
    """Blocks of the language model."""
    dim: int
    """Width of the residual stream."""
    max_seconds: float
    """Longest clip that the language model was made for, in seconds."""
    device: torch.device

    @property
    @abstractmethod
    def blocks(self) -> Sequence[nn.Module]:
        """The transformer blocks, in order."""

    @abstractmethod
    def encode(self, audio: Tensor) -> Tensor:
        """Tokens ``[B, K, T]`` of audio ``[B, 1, samples]`` at `sample_rate`."""

    @abstractmethod
    def decode(self, tokens: Tensor) -> Tensor:
        """Audio ``[B, 1, samples]`` of tokens ``[B, K, T]``."""

    @abstractmethod
    def hidden_states(
        self, tokens: Tensor, prompts: Sequence[Prompt], layers: Sequence[int], injection: Injections = None
    ) -> Tensor:
        """Hidden states ``[B, L, S, D]`` of a teacher-forced replay of ``tokens`` ``[B, K, T]``.

        ``S = T + 1``. Position 0 has read nothing but the start; position s has read codebook k up to frame s - 1 - k
        (the delay pattern), and its output predicts codebook k of frame s - k.
        """

    @abstractmethod
    def nll(self, tokens: Tensor, prompts: Sequence[Prompt]) -> Tensor:
        """Mean negative log-likelihood per token, in nats, ``[B]``, teacher-forced without guidance."""

    @abstractmethod
    def divergence(
        self, tokens: Tensor, prompts: Sequence[Prompt], injection: Injections, guidance: float = 3.0
    ) -> Tensor:
        """Kullback-Leibler divergence of the steered from the unsteered next-token distribution, in nats, ``[B, T]``.

        Both read the same tokens, teacher-forced, with guidance; step s is the mean over the codebooks predicted there.
        """

    @abstractmethod
    def generate(
        self,
        prompts: Sequence[Prompt],
        seeds: Sequence[int],
        seconds: float,
        sampling: Sampling | None = None,
        injection: Injections = None,
    ) -> Tensor:
        """Tokens ``[B, K, T]``; each row has a generator of its own, seeded by its entry of ``seeds``."""

    def text_groups(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """Rows of ``prompts`` that `generate` runs together, in the order in which it does; by default one by one."""
        return [[row] for row in range(len(prompts))]

    def check_layers(self, layers: Sequence[int]) -> tuple[int, ...]:
        """``layers`` as a tuple; raises `LayerError` for one that does not exist."""
        wrong = [layer for layer in layers if not 0 <= layer < self.num_layers]
        if wrong:
            raise LayerError(
                f"layers: {self.name} has {self.num_layers} layers, 0 to {self.num_layers - 1}; got {wrong[0]}"
            )
        return tuple(layers)
