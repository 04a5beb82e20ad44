"""Training of the shipped language model on the codec's tokens, with prompts."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from sonoscope.musicgen.craft import ConditioningAttributes, LMModel, builders
from sonoscope.musicgen.geometry import lm_config
from sonoscope.settings.geometry import LanguageModelGeometry
from sonoscope.settings.training import TrainLanguageModel
from sonoscope.train.attention import PlainAttention
from sonoscope.train.schedule import train

log = logging.getLogger(__name__)


def build_language_model(g: LanguageModelGeometry, sample_rate: int, text_encoder: str, seed: int) -> LMModel:
    """A language model with random weights; ``text_encoder`` must be registered with audiocraft."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return builders.get_lm_model(lm_config(g, sample_rate, text_encoder))


def loss_per_codebook(lm: LMModel, tokens: Tensor, prompts: Sequence[str | None]) -> Tensor:
    """Mean cross-entropy per codebook ``[K]``, in nats; MusicGen's own loss is its mean."""
    attributes = [ConditioningAttributes(text={"description": prompt}) for prompt in prompts]
    prediction = lm.compute_predictions(tokens, attributes)
    per_codebook = []
    for k in range(tokens.shape[1]):
        mask = prediction.mask[:, k]
        per_codebook.append(functional.cross_entropy(prediction.logits[:, k][mask].float(), tokens[:, k][mask]))
    return torch.stack(per_codebook)


def text_encoder_of(lm: LMModel) -> PreTrainedModel:
    """The T5 encoder behind the prompts, which audiocraft keeps outside of the model's own parameters."""
    encoder: PreTrainedModel = _conditioner(lm).t5
    return encoder


def _conditioner(lm: LMModel) -> Any:
    return lm.condition_provider.conditioners["description"]


class _Learner(nn.Module):
    """Language model and text encoder as one module, while both learn."""

    def __init__(self, lm: LMModel) -> None:
        super().__init__()
        self.lm, self.text_encoder = lm, text_encoder_of(lm)


def train_language_model(
    tokens: NDArray[np.int16],
    prompts: Sequence[str],
    training: NDArray[np.int64],
    validation: NDArray[np.int64],
    lm: LMModel,
    settings: TrainLanguageModel,
    checkpoint: Path,
    seed: int,
) -> None:
    """Train ``lm`` and its text encoder in place on rows ``training`` of ``tokens`` ``(clips, K, T)``.

    Training goes on from ``checkpoint`` if it is there.
    """
    batch, frames = settings.optimiser.batch, tokens.shape[-1]
    held_out = validation[: 8 * batch]
    whole = 1 - sum(settings.beginnings)
    until = torch.tensor([whole, *settings.beginnings]).cumsum(0)[:-1]  # where each share of updates begins

    def losses_of(rows: NDArray[np.int64], length: int) -> Tensor:
        clips = torch.from_numpy(tokens[rows, :, :length].astype(np.int64))
        with PlainAttention(), torch.autocast("cpu", torch.bfloat16, enabled=settings.half_precision):
            return loss_per_codebook(lm, clips, [prompts[row] for row in rows])

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        halvings = int((torch.rand(1, generator=generator) >= until).sum())
        chosen = torch.randint(len(training), (batch << halvings,), generator=generator).numpy()
        losses = losses_of(training[chosen], max(1, frames >> halvings))
        return losses.mean(), {f"ce{k}": value for k, value in enumerate(losses.tolist())}

    @torch.no_grad()
    def measure() -> dict[str, float]:
        parts = [held_out[i : i + batch] for i in range(0, len(held_out), batch)]
        losses = torch.stack([losses_of(part, frames) for part in parts]).mean(0)
        return {f"val_ce{k}": value for k, value in enumerate(losses.tolist())}

    _conditioner(lm).finetune = True
    train(_Learner(lm), settings.optimiser, loss_of, measure, checkpoint, seed)
    _conditioner(lm).finetune = False
