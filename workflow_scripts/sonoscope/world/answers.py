"""A MusicGen's answers: clips for every question, and renders through its codec."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from sonoscope.audio.files import AudioArray, to_flac
from sonoscope.audio.soundfont import render
from sonoscope.contracts import Tensor, Tensors
from sonoscope.logs import Progress
from sonoscope.musicgen.interface import MusicGen, Sampling
from sonoscope.world.questions import Question

_BATCH = Tensors("answered_batch", {"tokens": Tensor("int16", ("clips", "codebooks", "frames"))})


def answer(
    model: MusicGen, asked: Sequence[Question], seconds: float, sampling: Sampling, batch: int, kept: Path
) -> pd.DataFrame:
    """Clips that the model generates, as `sonoscope.contracts.learned.ANSWERS` declares.

    Parameters
    ----------
    kept : Path
        Folder in which finished batches are kept, so that a killed job that runs again does not generate them anew.
    """
    rows: list[dict[str, Any]] = []
    with Progress(len(asked), "clips") as progress:
        for first in range(0, len(asked), batch):
            part = asked[first : first + batch]
            prompts, seeds = [q.prompt for q in part], [q.seed for q in part]
            key = hashlib.sha256(repr((model.revision, prompts, seeds, seconds, sampling)).encode()).hexdigest()[:16]
            file = kept / f"{key}.safetensors"
            if not file.exists():
                codes = model.generate(prompts, seeds, seconds, sampling)
                _BATCH.write(file, {"tokens": codes.cpu().numpy().astype(np.int16)}, {})
            tokens = torch.from_numpy(_BATCH.read(file)[0]["tokens"].astype(np.int64))
            for question, clip in zip(part, model.decode(tokens).cpu().numpy()[:, 0], strict=True):
                rows.append(_row(question, "model", clip, model.sample_rate))
            progress.advance(len(part))
    return pd.DataFrame(rows)


def round_trip(model: MusicGen, asked: Sequence[Question], seconds: float, batch: int) -> pd.DataFrame:
    """Renders of the questions' scores after the codec, in the same form."""
    rows: list[dict[str, Any]] = []
    with Progress(len(asked), "renders") as progress:
        for first in range(0, len(asked), batch):
            part = asked[first : first + batch]
            audio = torch.from_numpy(np.stack(list(renders(part, model.sample_rate, seconds))))[:, None]
            for question, clip in zip(part, model.decode(model.encode(audio)).cpu().numpy()[:, 0], strict=True):
                rows.append(_row(question, "codec", clip[: audio.shape[-1]], model.sample_rate))
            progress.advance(len(part))
    return pd.DataFrame(rows)


def renders(asked: Sequence[Question], sample_rate: int, seconds: float) -> Iterator[AudioArray]:
    """What the composer makes of each question."""
    for question in asked:
        yield render(question.score, sample_rate, seconds)


def _row(question: Question, origin: str, clip: AudioArray, sample_rate: int) -> dict[str, Any]:
    audio = {"bytes": to_flac(clip, sample_rate), "path": f"{origin}-{question.clip_id}.flac"}
    return {
        "clip_id": question.clip_id, "origin": origin, "prompt": question.prompt, "seed": question.seed, "audio": audio,
    }  # fmt: skip
