"""Experiment 3B: synthetic trajectories of some test utterances, decoded, scored and laid out for listening."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sonoscope.audio.files import write_audio
from sonoscope.audio.objective import resampled, scores
from sonoscope.codecs.interface import ContinuousCodec
from sonoscope.dynamics.listening import Trial, write_page
from sonoscope.dynamics.phase0 import read_index
from sonoscope.dynamics.store import FrameStore
from sonoscope.dynamics.trajectories import all_modes, latent_error
from sonoscope.logs import track
from sonoscope.settings.dynamics import Trajectories

TITLE = "Which change of the latents can be heard?"


def choose_utterances(index: pd.DataFrame, count: int) -> pd.DataFrame:
    """Test utterances, speakers in turn, in the order of the table."""
    test = index[index.split == "test"]
    turn = test.groupby("speaker_id").cumcount()
    return test.assign(turn=turn).sort_values(["turn", "speaker_id"], kind="stable").head(count)


def synthesise(
    codec: ContinuousCodec,
    latents: Sequence[Path],
    index: Sequence[Path],
    audio: Path,
    listen: Path,
    settings: Trajectories,
    seed: int,
) -> pd.DataFrame:
    """Write ``utt_{i:03d}_{id}/{mode}.wav`` below ``audio``, the page into ``listen``; returns the scores.

    Scores are against the decoded true path, so that they hold the change alone and not the codec.
    """
    store, trials, rows = FrameStore.open(latents), [], []
    chosen = choose_utterances(read_index(index), settings.n_utterances)
    named = zip(chosen.utterance_id, chosen.speaker_id, chosen.start, chosen.n_frames, strict=True)
    for i, (utterance, speaker, start, frames) in enumerate(track(list(named), "utterances")):
        x = store.take(torch.arange(start, start + min(frames, settings.max_frames)))
        folder = audio / f"utt_{i:03d}_{utterance}"
        reference: Any = None
        for mode, family, path in all_modes(x, settings.alphas, settings.errors, seed + i):
            sound = decode(codec, path)
            reference = sound if reference is None else reference
            high = resampled(sound, codec.sample_rate, settings.sample_rate)
            write_audio(folder / f"{mode}.wav", high, settings.sample_rate)
            trials.append(Trial(utterance, mode, sound, reference))
            rows.append(
                {
                    "utterance_id": utterance,
                    "speaker_id": speaker,
                    "mode": mode,
                    "family": family,
                    "latent_error": latent_error(path, x),
                    **scores(sound, reference, codec.sample_rate),
                    "wav_path": (folder / f"{mode}.wav").relative_to(audio.parent).as_posix(),
                }
            )
    write_page(listen, TITLE, trials, codec.sample_rate, seed)
    return pd.DataFrame(rows)


@torch.no_grad()
def decode(codec: ContinuousCodec, path: Tensor) -> Any:
    """Mono audio of a path [T, D]."""
    return codec.decode(path[None])[0, 0].float().cpu().numpy().astype(np.float32)
