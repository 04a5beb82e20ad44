"""Generation of planned clips in batches, each kept as soon as it is done."""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.contracts import Tensor, Tensors
from sonoscope.logs import Progress
from sonoscope.musicgen.interface import MusicGen, Sampling
from sonoscope.settings.musicgen import MusicGen as MusicGenSettings
from sonoscope.settings.steering import Steering
from sonoscope.steering.plan import injection_for

log = logging.getLogger(__name__)

_BATCH = Tensors(
    "generated_batch",
    {
        "tokens": Tensor("int16", ("clips", "codebooks", "frames")),
        "nll": Tensor("float32", ("clips",), "nats per token"),
    },
)


def generate_planned(
    model: MusicGen,
    plan: pd.DataFrame,
    dose: Mapping[str, torch.Tensor],
    layers: tuple[int, ...],
    steering: Steering,
    musicgen: MusicGenSettings,
    kept: Path,
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Tokens ``(clips, codebooks, frames)`` of a plan, and their negative log-likelihood under the unsteered model.

    Parameters
    ----------
    kept : Path
        Folder in which finished batches are kept, under a name that changes with anything that changes them; a killed
        job that runs again does not generate them anew.
    """
    sampling = Sampling(musicgen.top_k, musicgen.temperature, musicgen.guidance)
    steps = round(musicgen.seconds * model.frame_rate) + model.num_codebooks
    key = _key(model, plan, dose, steering, musicgen)
    tokens, nll = [], []
    with Progress(len(plan), "clips") as progress:
        for first in range(0, len(plan), musicgen.batch):
            rows = plan.iloc[first : first + musicgen.batch]
            file = kept / key / f"{first:06d}.safetensors"
            if not file.exists():
                injection = injection_for(rows, dose, layers, steering, steps)
                prompts, seeds = rows["prompt"].tolist(), rows["sampling_seed"].tolist()
                codes = model.generate(prompts, seeds, musicgen.seconds, sampling, injection)
                arrays: dict[str, NDArray[np.generic]] = {
                    "tokens": codes.cpu().numpy().astype(np.int16),
                    "nll": model.nll(codes, prompts).numpy().astype(np.float32),
                }
                _BATCH.write(file, arrays, {})
            batch = _BATCH.read(file)[0]
            tokens.append(batch["tokens"].astype(np.int16))
            nll.append(batch["nll"].astype(np.float32))
            progress.advance(len(rows))
    return np.concatenate(tokens), np.concatenate(nll)


def _key(
    model: MusicGen,
    plan: pd.DataFrame,
    dose: Mapping[str, torch.Tensor],
    steering: Steering,
    musicgen: MusicGenSettings,
) -> str:
    digest = hashlib.sha256()
    for text in (model.revision, plan.to_json(), steering.model_dump_json(), musicgen.model_dump_json()):
        digest.update(text.encode())
    for name in sorted(dose):
        digest.update(name.encode() + dose[name].numpy().tobytes())
    return digest.hexdigest()[:16]
