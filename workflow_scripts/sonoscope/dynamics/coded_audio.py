"""Test utterances through codebooks, in open and closed loop, decoded and compared with the decoded true path."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from sonoscope.audio.files import write_audio
from sonoscope.audio.objective import log_mel_distance, resampled
from sonoscope.codecs.interface import ContinuousCodec
from sonoscope.dynamics.bottlenecks import decode_path
from sonoscope.dynamics.experiment3b import choose_utterances
from sonoscope.dynamics.experiment8 import code_path, divergence
from sonoscope.dynamics.phase0 import read_index
from sonoscope.dynamics.store import FrameStore, Part
from sonoscope.settings.bottlenecks import Codebook


def code_utterances(
    codec: ContinuousCodec, part: Part, latents: Sequence[Path], index: Sequence[Path],
    codebooks: Mapping[str, Sequence[Mapping[str, Any]]], settings: Codebook, audio: Path,
) -> pd.DataFrame:  # fmt: skip
    """``eval_results.json``: one row per utterance, codebook and loop; sound only of the smallest and largest."""
    store = FrameStore.open(latents)
    chosen = choose_utterances(read_index(index), settings.n_utterances)
    heard = {min(settings.k_values), max(settings.k_values)}
    rows: list[dict[str, Any]] = []
    audio.mkdir(parents=True, exist_ok=True)
    for row in chosen.itertuples(index=False):
        start, frames = int(str(row.start)), min(int(str(row.n_frames)), settings.max_frames)
        x = store.take(torch.arange(start, start + frames))
        paths, own = [x], []
        for kind, entries in codebooks.items():
            for entry in entries:
                for loop in ("open", "closed")[: 1 if kind == "state_vq" else 2]:
                    path = code_path(x, entry["codes"], kind, loop == "closed")
                    own.append(
                        {"utterance_id": row.utterance_id, "speaker_id": row.speaker_id, "kind": kind, "k": entry["k"],
                         "loop": loop, **divergence(path, x, part.scale), "wav_path": None}
                    )  # fmt: skip
                    if entry["k"] in heard:
                        paths.append(path)
        sounds = iter(decode_path(codec, paths))
        reference = next(sounds)
        folder = audio / str(row.utterance_id)
        _write(folder / "truth.wav", reference, codec.sample_rate, settings.sample_rate)
        for entry in own:
            entry["log_mel_distance"] = None
            if entry["k"] in heard:
                sound, name = next(sounds), f"{entry['kind']}_K{entry['k']:04d}_{entry['loop']}.wav"
                entry["log_mel_distance"] = log_mel_distance(sound, reference, codec.sample_rate)
                _write(folder / name, sound, codec.sample_rate, settings.sample_rate)
                entry["wav_path"] = f"{audio.name}/{row.utterance_id}/{name}"
        rows += own
    return pd.DataFrame(rows)


def _write(path: Path, sound: Any, rate: int, wanted: int) -> None:
    write_audio(path, resampled(sound, rate, wanted), wanted)
