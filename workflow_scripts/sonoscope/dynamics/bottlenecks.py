"""Latents and reconstructions of trained bottlenecks, in the forms that all experiments share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from sonoscope.audio.files import AudioArray, write_audio
from sonoscope.audio.objective import MEASURES, scores
from sonoscope.codecs.bottleneck import BottleneckVae
from sonoscope.codecs.collapse import examine
from sonoscope.codecs.interface import ContinuousCodec
from sonoscope.dynamics.encoding import encode_all, speech_index, tier_of, write_shard
from sonoscope.dynamics.evaluation import number
from sonoscope.dynamics.experiment2 import by_speaker
from sonoscope.dynamics.experiment3b import choose_utterances
from sonoscope.logs import track
from sonoscope.train.speech import clips


def write_latents(vae: BottleneckVae, table: pd.DataFrame, folder: Path, latents: Path, index: Path) -> dict[str, Any]:
    """Encode every utterance as one shard; returns the collapse measures of the training speakers.

    The measures are of the posterior's means on the latents that experiments see.
    """
    found, energy = encode_all(vae, clips(table, folder, vae.sample_rate))
    header = {
        "source": vae.name,
        "frame_rate": f"{vae.frame_rate:g}",
        "unit": "deviations of the prior",
        "tier": tier_of(vae.front.name),
    }
    write_shard(latents, index, found, energy, speech_index(table, vae.name), header)
    training = [x for x, split in zip(found, table.split, strict=True) if split == "train"]
    rows = torch.cat(training)[None]
    steps = torch.cat([x.diff(dim=0) for x in training])[None]
    space = examine(rows)
    return {
        "active_units": space.active_units / space.dim,
        "effective_rank": space.effective_rank,
        "effective_rank_of_steps": examine(steps).effective_rank,
        "lag1": space.lag1,
        "dim": space.dim,
        "n_frames": rows.shape[1],
    }


def measure_reconstruction(
    codec: ContinuousCodec, table: pd.DataFrame, folder: Path, utterances: int, seconds: float, samples: Path | None,
    kept: int, resamples: int, seed: int,
) -> dict[str, Any]:  # fmt: skip
    """A round trip of some test utterances: ``recon_metrics.json``, with the published keys first.

    Parameters
    ----------
    codec : ContinuousCodec
    table : DataFrame
        Utterances of all speakers.
    folder : Path
        The corpus.
    utterances, seconds : int, float
        How many test utterances, and how much of each.
    samples : Path, optional
        Folder for the first ``kept`` pairs, to listen to.
    resamples, seed : int
        Of the bootstrap over speakers.
    """
    chosen = choose_utterances(table, utterances)
    if samples is not None:
        samples.mkdir(parents=True, exist_ok=True)
    rows = []
    for i, clip in enumerate(clips(chosen, folder, codec.sample_rate)):
        audio = clip[..., : round(seconds * codec.sample_rate)]
        made = codec.decode(codec.encode(audio))[0, 0].cpu().numpy().astype(np.float32)
        real = audio[0, 0].numpy()
        length = min(len(made), len(real))
        rows.append(
            {"l1": float(np.abs(made[:length] - real[:length]).mean()), **scores(made, real, codec.sample_rate)}
        )
        if samples is not None and i < kept:
            for kind, sound in (("original", real), ("reconstruction", made)):
                write_audio(samples / f"{chosen.utterance_id.iloc[i]}_{kind}.wav", _audio(sound), codec.sample_rate)
    frame = pd.DataFrame(rows)
    speakers = np.unique(chosen.speaker_id.to_numpy(dtype=str), return_inverse=True)[1]
    found: dict[str, Any] = {
        "n_utterances": len(frame),
        "l1_mean": number(frame.l1.mean()),
        "l1_std": number(frame.l1.std(ddof=0)),
        "mel_distance_mean": number(frame.log_mel_distance.mean()),
        "mel_distance_std": number(frame.log_mel_distance.std(ddof=0)),
        "n_speakers": int(speakers.max()) + 1,
    }
    for name in MEASURES:
        values = frame[name].to_numpy(dtype=float)
        there = np.isfinite(values)
        found[name] = number(values[there].mean()) if there.any() else None
        ends = None
        if there.any():
            codes = np.unique(speakers[there], return_inverse=True)[1]
            ends = by_speaker(values[there], codes, resamples, seed)
        found[f"{name}_interval"] = ends
    return found


def decode_path(codec: ContinuousCodec, paths: Sequence[torch.Tensor]) -> list[AudioArray]:
    """Mono audio of each path [T, D]."""
    with torch.no_grad():
        return [
            codec.decode(path[None])[0, 0].float().cpu().numpy().astype(np.float32) for path in track(paths, "clips")
        ]


def _audio(sound: Any) -> AudioArray:
    return np.asarray(sound, dtype=np.float32)
