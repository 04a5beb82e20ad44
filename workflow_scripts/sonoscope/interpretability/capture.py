"""What the study captures with one load of the model: replays of pieces, texts swapped, and generated clips."""

import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.interpretability.describe import clip_statistics
from sonoscope.interpretability.extractor import ActivationExtractor
from sonoscope.interpretability.heard import all_texts, energy
from sonoscope.interpretability.shards import ShardWriter
from sonoscope.logs import Progress
from sonoscope.musicgen.interface import MusicGen, Sampling

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]


def replay_pieces(
    model: MusicGen, tokens: NDArray[np.int16], swapped: int, batch: int, folder: Path, layer: int
) -> dict[str, Floats]:
    """Mean states under null text ``(n, L, D)``, of the first ``swapped`` under each text, and token histograms.

    Frame-level states of ``layer`` under null text go to a store in ``folder``.
    """
    extractor = ActivationExtractor(model)
    about = {"model": model.name, "revision": model.revision, "condition": "null", "frame_rate": model.frame_rate}
    writer = ShardWriter(folder, layer, "null", about)
    null: list[Floats] = []
    with Progress(len(tokens), "replays") as progress:
        for first in range(0, len(tokens), batch):
            codes = torch.from_numpy(tokens[first : first + batch].astype(np.int64))
            extractor.replay(codes, [None] * len(codes))
            states = torch.stack(list(extractor.get_activations("null").values()), dim=1)  # [B, L, T, D]
            null.append(states.mean(2).float().numpy())
            writer.add(states[:, layer].reshape(-1, states.shape[-1]).float().numpy())
            progress.advance(len(codes))
    writer.finish()
    texts = all_texts()
    under: list[Floats] = []
    some = torch.from_numpy(tokens[:swapped].astype(np.int64))
    with Progress(len(texts) * swapped, "swapped texts") as progress:
        for text in texts:
            parts = []
            for first in range(0, len(some), batch):
                codes = some[first : first + batch]
                extractor.replay(codes, [text] * len(codes))
                parts.append(np.stack([x.mean(1).float().numpy() for x in extractor.get_activations().values()], 1))
                progress.advance(len(codes))
            under.append(np.concatenate(parts))
    return {
        "null": np.concatenate(null),
        "swapped": np.stack(under, axis=1),
        "histogram": token_histogram(tokens, model.cardinality),
    }


def token_histogram(tokens: NDArray[np.int16], cardinality: int) -> Floats:
    """Share of the frames that hold each entry of each codebook, ``(n, K cardinality)``."""
    n, codebooks, frames = tokens.shape
    out = np.zeros((n, codebooks, cardinality), np.float32)
    rows, books = np.ogrid[:n, :codebooks]
    for t in range(frames):
        out[rows, books, tokens[:, :, t]] += 1 / frames
    return out.reshape(n, -1)


def generate_clips(
    model: MusicGen, prompts: pd.DataFrame, seeds: list[int], seconds: float, sampling: Sampling, batch: int
) -> tuple[pd.DataFrame, dict[str, NDArray[Any]], dict[str, float]]:
    """Clips of all prompts and seeds with what was captured on the way, and how long capture took per frame."""
    clips = prompts.rename(columns={"id": "prompt_id"}).merge(pd.DataFrame({"seed": seeds}), how="cross")
    clips.insert(0, "clip_id", clips["prompt_id"] + "-" + clips["seed"].astype(str))
    extractor = ActivationExtractor(model)
    found: dict[str, list[NDArray[Any]]] = {"cond": [], "null": [], "statistics": [], "tokens": []}
    loudness: list[float] = []
    spent = {"generation": 0.0, "replay": 0.0}
    with Progress(len(clips), "clips") as progress:
        for first in range(0, len(clips), batch):
            part = clips.iloc[first : first + batch]
            texts = part["prompt"].tolist()
            start = time.perf_counter()
            audio = extractor.generate(texts, part["seed"].tolist(), seconds, sampling)
            spent["generation"] += time.perf_counter() - start
            loudness += [energy(clip) for clip in audio[:, 0].cpu().numpy()]
            cond = torch.stack(list(extractor.get_activations("cond").values()), 1).float().numpy()  # [B, L, T, D]
            null = torch.stack(list(extractor.get_activations("null").values()), 1).float().numpy()
            found["cond"].append(cond.mean(2))
            found["null"].append(null.mean(2))
            found["statistics"].append(np.stack([clip_statistics(x) for x in cond]).astype(np.float32))
            tokens = extractor.tokens
            assert tokens is not None
            found["tokens"].append(tokens.cpu().numpy().astype(np.int16))
            start = time.perf_counter()
            extractor.replay(tokens, texts)
            extractor.replay(tokens, [None] * len(texts))
            spent["replay"] += time.perf_counter() - start
            progress.advance(len(part))
    clips["energy"] = loudness
    arrays = {name: np.concatenate(parts) for name, parts in found.items()}
    frames = arrays["tokens"].shape[-1] * len(clips)
    return clips, arrays, {name: value / frames for name, value in spent.items()}
