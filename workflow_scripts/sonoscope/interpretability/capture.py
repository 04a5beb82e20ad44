"""What the study captures with one load of the model: replays of pieces, texts swapped, and generated clips."""

import hashlib
import logging
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.contracts import Tensor, Tensors
from sonoscope.contracts.interpretability import GENERATED_STATES
from sonoscope.contracts.tensors import Arrays
from sonoscope.interpretability.describe import clip_statistics, movement
from sonoscope.interpretability.extractor import ActivationExtractor
from sonoscope.interpretability.heard import all_texts, energy
from sonoscope.interpretability.shards import ShardWriter
from sonoscope.logs import Progress
from sonoscope.musicgen.interface import MusicGen, Sampling

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]

_BATCH = Tensors(
    "emotion_batch",
    {
        **GENERATED_STATES.tensors,
        "energy": Tensor("float64", ("clips",), "dB of full scale"),
        "seconds": Tensor("float64", ("batches", "kinds"), "s, of generation and of replay"),
    },
)


def replay_pieces(model: MusicGen, tokens: NDArray[np.int16], batch: int, writer: ShardWriter) -> tuple[Floats, Floats]:
    """Mean states under null text ``(n, L, D)`` and their movement; the writer's store gets its layer's frames."""
    extractor = ActivationExtractor(model)
    null, moving = list[Floats](), list[Floats]()
    with Progress(len(tokens), "replays") as progress:
        for first in range(0, len(tokens), batch):
            codes = torch.from_numpy(tokens[first : first + batch].astype(np.int64))
            extractor.replay(codes, [None] * len(codes))
            states = torch.stack(list(extractor.get_activations("null").values()), dim=1)  # [B, L, T, D]
            null.append(states.mean(2).float().numpy())
            moving.append(movement(states).numpy())
            writer.add(states[:, writer.layer].reshape(-1, states.shape[-1]).float().numpy())
            progress.advance(len(codes))
    writer.finish()
    return np.concatenate(null), np.concatenate(moving)


def swap_texts(model: MusicGen, tokens: NDArray[np.int16], batch: int) -> tuple[Floats, Floats]:
    """Mean states under each text ``(n, texts, L, D)``, and their movement."""
    extractor, texts = ActivationExtractor(model), all_texts()
    under, moving = list[Floats](), list[Floats]()
    some = torch.from_numpy(tokens.astype(np.int64))
    with Progress(len(texts) * len(some), "swapped texts") as progress:
        for text in texts:
            parts, moved = [], []
            for first in range(0, len(some), batch):
                codes = some[first : first + batch]
                extractor.replay(codes, [text] * len(codes))
                states = torch.stack(list(extractor.get_activations().values()), dim=1)
                parts.append(states.mean(2).float().numpy())
                moved.append(movement(states).numpy())
                progress.advance(len(codes))
            under.append(np.concatenate(parts))
            moving.append(np.concatenate(moved))
    return np.stack(under, axis=1), np.stack(moving, axis=1)


def token_histogram(tokens: NDArray[np.int16], cardinality: int) -> Floats:
    """Share of the frames that hold each entry of each codebook, ``(n, K cardinality)``."""
    n, codebooks, frames = tokens.shape
    out = np.zeros((n, codebooks, cardinality), np.float32)
    rows, books = np.ogrid[:n, :codebooks]
    for t in range(frames):
        out[rows, books, tokens[:, :, t]] += 1 / frames
    return out.reshape(n, codebooks * cardinality)


def clip_plan(prompts: pd.DataFrame, seeds: list[int]) -> pd.DataFrame:
    """One row per clip: all prompts with all seeds."""
    clips = prompts.rename(columns={"id": "prompt_id"}).merge(pd.DataFrame({"seed": seeds}), how="cross")
    clips.insert(0, "clip_id", clips["prompt_id"] + "-" + clips["seed"].astype(str))
    return clips


def generate_clips(
    model: MusicGen, clips: pd.DataFrame, seconds: float, sampling: Sampling, batch: int, kept: Path
) -> tuple[NDArray[np.float64], Arrays, dict[str, float]]:
    """Energy of planned clips, what was captured on the way, and how long generation and replay took in all, in s.

    Parameters
    ----------
    kept
        Folder in which finished batches are kept, named by what they are made of; a killed job that runs again does
        not generate them anew.
    """
    extractor = ActivationExtractor(model)
    found: list[Arrays] = []
    with Progress(len(clips), "clips") as progress:
        for first in range(0, len(clips), batch):
            part = clips.iloc[first : first + batch]
            texts, seeds = part["prompt"].tolist(), part["seed"].tolist()
            about = repr((model.name, model.revision, texts, seeds, seconds, sampling))
            file = kept / f"{hashlib.sha256(about.encode()).hexdigest()[:16]}.safetensors"
            if not file.exists():
                _BATCH.write(file, _generate(extractor, texts, seeds, seconds, sampling), {})
            found.append(_BATCH.read(file)[0])
            progress.advance(len(part))
    arrays = {name: np.concatenate([one[name] for one in found]) for name in _BATCH.tensors}
    spent = arrays.pop("seconds").sum(0)
    return arrays.pop("energy"), arrays, {"generation": float(spent[0]), "replay": float(spent[1])}


def _generate(
    extractor: ActivationExtractor, texts: list[str], seeds: list[int], seconds: float, sampling: Sampling
) -> Arrays:
    start = time.perf_counter()
    audio = extractor.generate(texts, seeds, seconds, sampling)
    generation = time.perf_counter() - start
    cond = torch.stack(list(extractor.get_activations("cond").values()), 1).float().numpy()  # [B, L, T, D]
    null = torch.stack(list(extractor.get_activations("null").values()), 1).float().numpy()
    tokens = extractor.tokens
    assert tokens is not None
    start = time.perf_counter()
    extractor.replay(tokens, texts)
    extractor.replay(tokens, [None] * len(texts))
    replay = time.perf_counter() - start
    return {
        "cond": cond.mean(2),
        "null": null.mean(2),
        "statistics": np.stack([clip_statistics(x) for x in cond]).astype(np.float32),
        "tokens": tokens.cpu().numpy().astype(np.int16),
        "energy": np.array([energy(clip) for clip in audio[:, 0].cpu().numpy()]),
        "seconds": np.array([[generation, replay]]),
    }
