"""Corpora through a MusicGen: clips to tokens, tokens to hidden states."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.audio.files import AudioArray, AudioError, read_audio
from sonoscope.contracts import Tensor, Tensors
from sonoscope.contracts.tensors import Arrays
from sonoscope.logs import Progress
from sonoscope.musicgen.interface import MusicGen, Prompt
from sonoscope.streaming import Beside, to_host

log = logging.getLogger(__name__)

_POOLED = Tensors(
    "pooled_batch",
    {
        "mean": Tensor("float32", ("clips", "layers", "dim")),
        "last": Tensor("float32", ("clips", "layers", "dim")),
    },
)


def read_clips(clips: pd.DataFrame, sample_rate: int, seconds: float) -> tuple[NDArray[np.float32], list[str]]:
    """Audio ``(clips, samples)`` of a table of clips at ``sample_rate``, and the ids of those that cannot be read.

    Clips are cut or padded with silence to ``seconds``. One that cannot be read is logged, listed and left silent, so
    that rows keep their order.
    """
    length = round(seconds * sample_rate)
    audio = np.zeros((len(clips), length), np.float32)
    skipped: list[str] = []
    for row, (clip_id, source) in enumerate(zip(clips["clip_id"], clips["audio"], strict=True)):
        try:
            clip, rate = read_audio(source["bytes"])
        except AudioError as error:
            log.warning("%s skipped: %s", clip_id, error)
            skipped.append(str(clip_id))
            continue
        if rate != sample_rate:
            clip = librosa.resample(clip, orig_sr=rate, target_sr=sample_rate)
        audio[row, : min(length, len(clip))] = clip[:length]
    return audio, skipped


def encode_clips(model: MusicGen, audio: NDArray[np.float32] | AudioArray, batch: int) -> NDArray[np.int16]:
    """Tokens ``(clips, codebooks, frames)`` of audio ``(clips, samples)``."""
    parts: list[NDArray[np.int16]] = []
    with Progress(len(audio), "clips") as progress:
        for first in range(0, len(audio), batch):
            tokens = model.encode(torch.from_numpy(audio[first : first + batch])[:, None])
            parts.append(tokens.cpu().numpy().astype(np.int16))
            progress.advance(len(tokens))
    return np.concatenate(parts)


def pooled_hidden_states(
    model: MusicGen,
    tokens: NDArray[np.int16],
    prompts: Sequence[Prompt],
    layers: Sequence[int],
    batch: int,
    kept: Path | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean over audio frames, and last position, of hidden states: two arrays ``(clips, layers, dim)``.

    Position 0, which has read nothing, is left out of the mean.

    Parameters
    ----------
    kept : Path, optional
        Folder in which finished batches are kept, named by their content: model, tokens, prompts and layers. A killed
        job that runs again, or one with more clips after these, does not replay them anew.
    """
    with Progress(len(tokens), "clips") as progress, Beside[Arrays]() as beside:
        for first in range(0, len(tokens), batch):
            rows = slice(first, first + batch)
            file = (
                None if kept is None else kept / f"{_content(model, tokens[rows], prompts[rows], layers)}.safetensors"
            )
            if file is None or not file.exists():
                states = model.hidden_states(torch.from_numpy(tokens[rows].astype(np.int64)), prompts[rows], layers)
                states = states.float()  # [rows, L, S, D]
                pooled = to_host({"mean": states[:, :, 1:].mean(2), "last": states[:, :, -1].contiguous()})
                beside.submit(partial(_finished, pooled, file))  # to the host and the disk while the next one computes
            else:
                beside.submit(partial(_read, file))
            progress.advance(len(tokens[rows]))
    parts = beside.results
    mean, last = (np.concatenate([part[name] for part in parts]).astype(np.float32) for name in ("mean", "last"))
    return mean, last


def _finished(pooled: Callable[[], dict[str, torch.Tensor]], file: Path | None) -> Arrays:
    """The pooled states of a batch on the host, and on disk if they are to be kept."""
    arrays: Arrays = {name: tensor.numpy() for name, tensor in pooled().items()}
    if file is not None:
        _POOLED.write(file, arrays, {})
    return arrays


def _read(file: Path) -> Arrays:
    return _POOLED.read(file)[0]


def _content(model: MusicGen, tokens: NDArray[np.int16], prompts: Sequence[Prompt], layers: Sequence[int]) -> str:
    about = repr((model.name, model.revision, list(prompts), list(layers), tokens.shape)).encode()
    return hashlib.sha256(about + np.ascontiguousarray(tokens).tobytes()).hexdigest()[:16]
