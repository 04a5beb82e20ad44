"""Generation of planned clips in batches, each kept as soon as it is done."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.contracts import Tensor, Tensors
from sonoscope.contracts.tensors import Arrays
from sonoscope.logs import Progress
from sonoscope.musicgen.interface import Injection, MusicGen, Sampling
from sonoscope.settings.musicgen import MusicGen as MusicGenSettings
from sonoscope.steering.plan import Planner, batches

log = logging.getLogger(__name__)

_BATCH = Tensors(
    "generated_batch",
    {
        "tokens": Tensor("int16", ("clips", "codebooks", "frames")),
        "nll": Tensor("float32", ("clips",), "nats per token"),
        "divergence": Tensor("float32", ("clips", "frames"), "nats per token; -1 where it was not computed"),
        "states": Tensor("float32", ("clips", "dim")),
    },
)


@dataclass(frozen=True)
class Probing:
    """What is read of each clip beside its sound."""

    layer: int
    """Layer whose mean state, of a replay under null text, the circular probe gets."""
    divergence_seeds: tuple[int, ...]
    """Seeds whose clips get a divergence per step."""


def probe_layer(depth: float, num_layers: int) -> int:
    """Number of the layer at a share of the depth."""
    return round(depth * (num_layers - 1))


def generate_planned(
    model: MusicGen, plan: pd.DataFrame, planner: Planner, probing: Probing, musicgen: MusicGenSettings, kept: Path
) -> tuple[pd.DataFrame, Arrays]:
    """The plan in the order of generation, and of each clip tokens, likelihood, divergence and state.

    Likelihood and divergence are those under the unsteered model.

    Parameters
    ----------
    kept : Path
        Folder in which finished batches are kept, under a name that changes with anything that changes them; a killed
        job that runs again does not generate them anew.
    """
    parts = batches(plan, planner.experiment, musicgen.batch)
    out: list[Arrays] = []
    with Progress(len(plan), "clips") as progress:
        for rows in parts:
            injections = planner.injections(rows)
            file = kept / f"{_key(model, rows, injections, probing, musicgen)}.safetensors"
            if not file.exists():
                _BATCH.write(file, _generate(model, rows, injections, probing, musicgen), {})
            out.append(_BATCH.read(file)[0])
            progress.advance(len(rows))
    joined = {name: np.concatenate([batch[name] for batch in out]) for name in out[0]}
    return pd.concat(parts, ignore_index=True), joined


def _generate(
    model: MusicGen, rows: pd.DataFrame, injections: list[Injection], probing: Probing, musicgen: MusicGenSettings
) -> Arrays:
    sampling = Sampling(musicgen.top_k, musicgen.temperature, musicgen.guidance)
    prompts, seeds = rows["prompt"].tolist(), rows["sampling_seed"].tolist()
    tokens = model.generate(prompts, seeds, musicgen.seconds, sampling, injections)
    states = model.hidden_states(tokens, [None] * len(rows), [probing.layer])[:, 0, 1:].float().mean(1)
    divergence = torch.full((len(rows), tokens.shape[-1]), -1.0)
    asked = [k for k, seed in enumerate(rows["seed"]) if seed in probing.divergence_seeds]
    if asked and injections:
        chosen = [one.of_clips(asked) for one in injections]
        divergence[asked] = model.divergence(tokens[asked], [prompts[k] for k in asked], chosen, musicgen.guidance)
        divergence[asked] = divergence[asked].clamp(min=0)  # rounding can leave it a hair below
    return {
        "tokens": tokens.cpu().numpy().astype(np.int16),
        "nll": model.nll(tokens, prompts).numpy().astype(np.float32),
        "divergence": divergence.numpy().astype(np.float32),
        "states": states.cpu().numpy().astype(np.float32),
    }


def mean_divergence(divergence: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean over steps of each clip; NaN where it was not computed."""
    mean = divergence.astype(np.float64).mean(axis=1)
    return np.asarray(np.where((divergence < 0).any(axis=1), np.nan, mean), dtype=np.float64)


def _key(
    model: MusicGen, rows: pd.DataFrame, injections: list[Injection], probing: Probing, musicgen: MusicGenSettings
) -> str:
    digest = hashlib.sha256()
    for text in (model.revision, rows.to_json(), repr(probing), musicgen.model_dump_json()):
        digest.update(text.encode())
    for one in injections:
        digest.update(repr((one.layers, one.branch, one.keep_norm)).encode())
        for tensor in (one.delta, one.schedule, one.gate, one.read, one.mean):
            digest.update(b"-" if tensor is None else tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
