"""Utterances to latents, with the energy of each frame; and known-answer processes in the same form."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonoscope.codecs.interface import ContinuousCodec
from sonoscope.contracts.dynamics import LATENTS, SEQUENCES
from sonoscope.dynamics.processes import Process
from sonoscope.settings.codecs import RANDOM_PROJECTION
from sonoscope.sharing import rows_of

log = logging.getLogger(__name__)

SPEECH, KNOWN_TIER, PLUMBING = "speech", "known answer", "untrained model"
"""Tiers of evidence: what a number may be said to be about."""


def tier_of(codec: str) -> str:
    """Tier of evidence of latents of this codec: numbers of untrained weights say nothing about speech."""
    return PLUMBING if codec == "random-encodec" else SPEECH


def unit_of(codec: str) -> str:
    """Unit of the latents."""
    return "nats of mel magnitude" if codec.startswith(("mel-pca-", RANDOM_PROJECTION)) else "codec units"


def frame_energy(audio: Tensor, frames: int, samples_per_frame: float) -> Tensor:
    """Root mean square of the samples under each frame, the tail padded with silence; [frames]."""
    bounds = (torch.arange(frames + 1) * samples_per_frame).round().long().clamp(max=audio.shape[-1])
    sums = torch.cat([torch.zeros(1, dtype=torch.float64), audio.reshape(-1).double().square().cumsum(0)])
    return ((sums[bounds[1:]] - sums[bounds[:-1]]) / samples_per_frame).clamp(min=0).sqrt().float()


@torch.no_grad()
def encode_all(codec: ContinuousCodec, clips: Iterable[Tensor]) -> tuple[list[Tensor], Tensor]:
    """Latents [T, D] of each mono clip [1, 1, S], and the energy of all frames in a row.

    Raises
    ------
    ValueError
        A codec gives NaN or infinity.
    """
    latents, energy = [], []
    for clip in clips:
        found = codec.encode(clip)[0].float().cpu()
        if not bool(torch.isfinite(found).all()):
            raise ValueError(f"{codec.name}: expected finite latents, found NaN or infinity")
        latents.append(found)
        energy.append(frame_energy(clip, len(found), codec.sample_rate / codec.frame_rate))
    return latents, torch.cat(energy) if energy else torch.zeros(0)


def write_shard(
    path: Path, index_path: Path, latents: Sequence[Tensor], energy: Tensor, index: pd.DataFrame, header: dict[str, str]
) -> None:
    """Write sequences one after the other, and the table that names them."""
    lengths = [len(s) for s in latents]
    arrays: dict[str, NDArray[Any]] = {
        "x": torch.cat(list(latents)).numpy().astype(np.float32),
        "energy": energy.numpy().astype(np.float32),
        "offsets": np.cumsum([0, *lengths]).astype(np.int64),
    }
    LATENTS.write(path, arrays, header)
    table = index.assign(n_frames=lengths, duration_sec=[n / float(header["frame_rate"]) for n in lengths])
    SEQUENCES.write(index_path, table[list(SEQUENCES.columns)])


def shard_of(table: pd.DataFrame, shard: int, shards: int) -> pd.DataFrame:
    """Consecutive utterances, so that shards one after the other are the whole in its order, whatever their number."""
    return table.iloc[rows_of(len(table), 1, shard, shards)].reset_index(drop=True)


def speech_index(table: pd.DataFrame, part: str) -> pd.DataFrame:
    """Sequences of encoded utterances."""
    named = table[["utterance_id", "speaker_id", "split"]].assign(part=part, audio_path=table["file"])
    return named.reset_index(drop=True)


def process_index(process: Process, sequences: int) -> pd.DataFrame:
    """Sequences of a process, in groups of 5 that stand where speakers stand: a quarter for test, a sixth to choose."""
    group = np.arange(sequences) // 5
    count = int(group[-1]) + 1
    test, validation = max(1, round(count / 4)), max(1, round(count / 6))
    split = np.where(group < test, "test", np.where(group < test + validation, "validation", "train"))
    return pd.DataFrame(
        {
            "utterance_id": [f"{process.name}-{i:05d}" for i in range(sequences)],
            "speaker_id": [f"{process.name}-{g:04d}" for g in group],
            "split": split,
            "part": process.name,
            "audio_path": pd.Series([None] * sequences, dtype="string"),
        }
    )
