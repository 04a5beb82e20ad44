"""Training of the shipped language model on the codec's tokens, with prompts."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sonoscope.musicgen.craft import ConditioningAttributes, LMModel, builders
from sonoscope.musicgen.geometry import lm_config
from sonoscope.settings.geometry import LanguageModelGeometry
from sonoscope.settings.training import TrainLanguageModel
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
        per_codebook.append(functional.cross_entropy(prediction.logits[:, k][mask], tokens[:, k][mask]))
    return torch.stack(per_codebook)


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
    """Train ``lm`` in place on rows ``training`` of ``tokens`` ``(clips, K, T)``, resuming from ``checkpoint``."""
    batch = settings.optimiser.batch
    held_out = validation[: 8 * batch]

    def rows_of(rows: NDArray[np.int64]) -> tuple[Tensor, list[str]]:
        return torch.from_numpy(tokens[rows].astype(np.int64)), [prompts[r] for r in rows]

    def loss_of(step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        chosen = torch.randint(len(training), (batch,), generator=generator).numpy()
        losses = loss_per_codebook(lm, *rows_of(training[chosen]))
        return losses.mean(), {f"ce{k}": value for k, value in enumerate(losses.tolist())}

    @torch.no_grad()
    def measure() -> dict[str, float]:
        parts = [held_out[i : i + batch] for i in range(0, len(held_out), batch)]
        losses = torch.stack([loss_per_codebook(lm, *rows_of(part)) for part in parts]).mean(0)
        return {f"val_ce{k}": value for k, value in enumerate(losses.tolist())}

    train(lm, settings.optimiser, loss_of, measure, checkpoint, seed)
