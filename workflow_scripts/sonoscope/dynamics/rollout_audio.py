"""Rollouts between true frames, decoded: experiments 7, 10 and 11."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sonoscope.audio.files import AudioArray, write_audio
from sonoscope.audio.objective import resampled, scores
from sonoscope.codecs.interface import ContinuousCodec
from sonoscope.dynamics.bottlenecks import decode_path
from sonoscope.dynamics.experiment3b import choose_utterances
from sonoscope.dynamics.listening import Trial
from sonoscope.dynamics.phase0 import read_index
from sonoscope.dynamics.rollout import Plan, StepModel, roll
from sonoscope.dynamics.store import FrameStore

TRUTH = "GT"


@dataclass(frozen=True)
class Rollout:
    """One way to go on from a true prefix."""

    name: str
    model: StepModel
    count: int
    plan: Callable[[], Plan]
    """Made anew for each rollout, so that its chance begins anew."""


@dataclass(frozen=True)
class Place:
    """A starting point in an utterance."""

    utterance: str
    speaker: str
    path: Tensor
    """True frames [T, D]."""
    start: int
    """First rolled frame."""


def places(
    latents: Sequence[Path], index: Sequence[Path], utterances: int, starts: int, max_frames: int, window: int,
    horizon: int, longest: int,
) -> list[Place]:  # fmt: skip
    """Starting points of test utterances: the first a third into the utterance and a window on (published).

    Utterances that have no room for the longest rollout and a frame behind it are passed over.
    """
    store, found = FrameStore.open(latents), []
    for row in choose_utterances(read_index(index), 1_000_000).itertuples(index=False):
        length = min(int(str(row.n_frames)), max_frames)
        first = max(length // 3 + window, window - 1 + horizon)
        last = length - longest - 1
        if last < first:
            continue
        frames = store.take(torch.arange(int(str(row.start)), int(str(row.start)) + length))
        chosen = dict.fromkeys(np.linspace(first, last, starts).astype(int).tolist() if starts > 1 else [first])
        found += [Place(str(row.utterance_id), str(row.speaker_id), frames, int(start)) for start in chosen]
        if len({p.utterance for p in found}) == utterances:
            break
    return found


def spliced(place: Place, rolled: Tensor) -> Tensor:
    """True prefix, rolled frames [k, D], true suffix; [T, D]."""
    path = place.path.clone()
    path[place.start : place.start + len(rolled)] = rolled
    return path


def roll_from(place: Place, rollout: Rollout, steps: int, window: int, horizon: int, seed: int) -> Tensor:
    """Frames [k, D] of the first model of a stack from a true prefix."""
    before = window - 1 + horizon
    frames = place.path[place.start - before : place.start + steps][None]
    generator = torch.Generator().manual_seed(seed)
    trace = roll(rollout.model, frames, steps, window, horizon, rollout.plan(), generator, rollout.count)
    return trace.states[0, 0]


def controls(place: Place, steps: int, mean: Tensor) -> dict[str, Tensor]:
    """What a rollout has to beat, each [k, D]: the last frame held, a line to the next true one, and the mean frame."""
    before, after = place.path[place.start - 1], place.path[place.start + steps]
    share = (torch.arange(1, steps + 1) / (steps + 1))[:, None]
    return {
        "hold": before.expand(steps, -1),
        "interpolate": before * (1 - share) + after * share,
        "mean": mean.expand(steps, -1),
    }


def render(
    codec: ContinuousCodec, found: Sequence[Place], rollouts: Sequence[Rollout], lengths: Sequence[int], mean: Tensor,
    window: int, horizon: int, margin: int, audio: Path, sample_rate: int, seed: int, with_controls: bool = True,
) -> tuple[pd.DataFrame, list[Trial]]:  # fmt: skip
    """Decode and write everything; scores are of the rolled frames and ``margin`` frames around them alone.

    Returns
    -------
    DataFrame
        One row per clip: what it is, its scores against the decoded true path, and its file.
    list of Trial
        For a listening page.
    """
    rows: list[dict[str, Any]] = []
    trials: list[Trial] = []
    hop = codec.sample_rate / codec.frame_rate
    audio.mkdir(parents=True, exist_ok=True)
    for i, place in enumerate(found):
        folder = audio / f"utt_{i:03d}_{place.utterance}"
        named: list[tuple[str, int, Tensor]] = []
        for k in lengths:
            made = {r.name: roll_from(place, r, k, window, horizon, seed + i) for r in rollouts}
            if with_controls:
                made |= controls(place, k, mean)
            named += [(name, k, spliced(place, frames)) for name, frames in made.items()]
        usable = [bool(torch.isfinite(p).all()) for *_, p in named]
        sounds = iter(
            decode_path(codec, [place.path, *(p for (*_, p), fine in zip(named, usable, strict=True) if fine)])
        )
        truth = next(sounds)
        _write(folder / f"{TRUTH}.wav", truth, codec.sample_rate, sample_rate)
        about = {"utterance_id": place.utterance, "speaker_id": place.speaker, "rollout_start": place.start}
        about |= {"total_frames": len(place.path)}
        for (name, k, path), fine in zip(named, usable, strict=True):
            sound = next(sounds) if fine else np.zeros_like(truth)
            file = folder / f"{name}_k{k:02d}.wav"
            _write(file, sound, codec.sample_rate, sample_rate)
            span = slice(max(0, round((place.start - margin) * hop)), round((place.start + k + margin) * hop))
            away = path[place.start : place.start + k] - place.path[place.start : place.start + k]
            rows.append(
                {
                    **about, "kind": name, "rollout_length": k, "finite": fine,
                    "latent_error": float(away.norm(dim=1).mean()) if fine else None,
                    **_scores(sound[span], truth[span], codec.sample_rate),
                    "wav_path": file.relative_to(audio.parent).as_posix(),
                }
            )  # fmt: skip
            shown = slice(max(0, round((place.start - 12) * hop)), round((place.start + k + 12) * hop))
            trials.append(Trial(place.utterance, f"{name}_k{k:02d}", sound[shown], truth[shown]))
    return pd.DataFrame(rows), trials


def _scores(sound: AudioArray, truth: AudioArray, rate: int) -> Mapping[str, float | None]:
    return scores(sound, truth, rate)


def manifest(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """``manifest.json``, published keys first."""
    keys = ["utterance_id", "rollout_length", "rollout_start", "total_frames", "wav_path", "kind"]
    return frame[keys].to_dict("records")  # type: ignore[return-value]


def _write(path: Path, sound: AudioArray, rate: int, wanted: int) -> None:
    write_audio(path, resampled(sound, rate, wanted), wanted)
