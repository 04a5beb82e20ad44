"""MusicGen's own loss and the margin, teacher-forced, as functions that can be differentiated."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonoscope.attribution.errors import AttributionError
from sonoscope.musicgen.audiocraft_backend import AudiocraftMusicGen
from sonoscope.musicgen.craft import ConditioningAttributes
from sonoscope.musicgen.delay import delay, is_token
from sonoscope.musicgen.interface import MusicGen, Prompt
from sonoscope.train.attention import PlainAttention

LONGEST_PLAIN = 512
"""Frames up to which attention's weights are small enough to be kept for the backward pass."""


@dataclass(frozen=True)
class Outputs:
    """Functions of each sample's tokens whose gradients are embedded, and what is kept beside them."""

    loss: Tensor
    """Cross-entropy per codebook, mean over its tokens, ``[B, K]``, in nats; MusicGen's loss is the mean over K."""
    margin: Tensor
    """Log-odds log p/(1 - p) of the tokens, mean over tokens and codebooks, ``[B]`` (TRAK's output function)."""
    doubt: Tensor
    """1 - p, mean over tokens and codebooks, ``[B]``: TRAK's term Q."""

    def of(self, name: str) -> Tensor:
        """The differentiated function by its name, ``[B]``."""
        return self.loss.mean(1) if name == "loss" else self.margin


def language_model(model: MusicGen) -> nn.Module:
    """The trainable part of a MusicGen.

    Raises
    ------
    AttributionError
        The backend is another than audiocraft, whose layout fine-tunes are kept in.
    """
    if not isinstance(model, AudiocraftMusicGen):
        raise AttributionError(
            f"{model.name}: attribution needs a model in audiocraft's layout; use backend audiocraft"
        )
    lm: nn.Module = model.lm
    return lm


class _Quick(PlainAttention):
    """Leaves calls with a scale of their own, as those of the text encoder, to torch."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = kwargs or {}
        return func(*args, **named) if "scale" in named else super().__torch_function__(func, types, args, named)


def quick_attention(tokens: Tensor | NDArray[np.int16]) -> AbstractContextManager[object]:
    """Attention by plain products for passes that are differentiated, where it is quicker: CPU, short windows."""
    short = tokens.shape[-1] <= LONGEST_PLAIN and not (isinstance(tokens, Tensor) and tokens.is_cuda)
    return _Quick() if short else nullcontext()


def logits_of(model: MusicGen, tokens: Tensor, prompts: Sequence[Prompt]) -> Tensor:
    """Logits ``[B, K, S, cardinality]`` with a graph; the texts of one batch must be of one length."""
    lm = language_model(model)
    attributes = [ConditioningAttributes(text={"description": prompt}) for prompt in prompts]
    conditions = lm.condition_provider(lm.condition_provider.tokenize(attributes))  # type: ignore[operator,union-attr]
    columns = delay(tokens, int(lm.special_token_id))[..., : tokens.shape[-1] + 1]  # type: ignore[arg-type]
    logits: Tensor = lm(columns, [], condition_tensors=conditions)
    return logits


def outputs_of(logits: Tensor, tokens: Tensor) -> Outputs:
    """Loss, margin and doubt of tokens ``[B, K, T]`` under ``logits`` of their replay.

    Codebook k has T - k targets: those that the delay moves beyond the last frame are not predicted, as in training.
    """
    _, codebooks, frames = tokens.shape
    wanted = delay(tokens, 0)[..., 1 : frames + 1]  # [B, K, T]; position s predicts column s + 1
    mask = is_token(codebooks, frames)[:, 1 : frames + 1].to(tokens.device)
    found = logits[:, :, :frames].float()
    log_p = found.log_softmax(-1)
    own = log_p.gather(-1, wanted[..., None])[..., 0]
    others = log_p.scatter(-1, wanted[..., None], float("-inf")).logsumexp(-1)  # log(1 - p)
    count = mask.sum(1)  # [K]
    loss = -(own * mask).sum(-1) / count
    margin = (((own - others) * mask).sum(-1) / count).mean(1)
    doubt = ((others.detach().exp() * mask).sum(-1) / count).mean(1)
    return Outputs(loss, margin, doubt)


@torch.no_grad()
def log_likelihood(model: MusicGen, tokens: Sequence[Tensor], prompts: Sequence[Prompt]) -> Tensor:
    """Mean log-likelihood per token and codebook, in nats, of clips ``[K, T]``, one by one, ``[clips]``."""
    values = []
    for codes, prompt in zip(tokens, prompts, strict=True):
        batch = codes[None].to(model.device)
        values.append(-outputs_of(logits_of(model, batch, [prompt]), batch).loss.mean())
    return torch.stack(values).cpu() if values else torch.zeros(0)
