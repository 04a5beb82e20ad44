"""Generation of planned clips in batches, each kept as soon as it is done."""

import hashlib
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.audio.files import write_audio
from sonoscope.contracts import Tensor, Tensors
from sonoscope.contracts.steering import CLIPS, REPLAYED
from sonoscope.contracts.tensors import Arrays
from sonoscope.files import replacing
from sonoscope.logs import Progress
from sonoscope.musicgen.interface import Injection, MusicGen, Sampling
from sonoscope.settings.musicgen import MusicGen as MusicGenSettings
from sonoscope.sharing import empty, merge_tensors, share_of
from sonoscope.steering.plan import Planner

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


def write_share(
    model: MusicGen, parts: Sequence[pd.DataFrame], share: tuple[int, int], planner: Planner, probing: Probing,
    musicgen: MusicGenSettings, clips: Path, audio: Path, replayed: Path,
) -> None:  # fmt: skip
    """Generate one share of a plan: one FLAC file per clip in ``audio``, the table ``clips``, and what was read.

    Likelihood and divergence are those under the unsteered model.

    Parameters
    ----------
    parts : sequence of DataFrame
        The whole plan in batches, in the order of generation.
    share : (int, int)
        Which share, and of how many.
    clips : Path
        Finished batches are kept in a folder beside it, under names that change with anything that changes them; a
        killed job that runs again does not generate them anew.
    """
    own, kept = share_of(parts, *share), clips.parent / "kept"
    number = sum(map(len, parts[: len(parts) * share[0] // share[1]]))  # clips of the shares before
    tables, out = [parts[0][:0].assign(audio="", nll=0.0, divergence=0.0)], []
    audio.mkdir(parents=True, exist_ok=True)
    with Progress(sum(map(len, own)), "clips") as progress:
        for rows in own:
            found = _generated(model, rows, planner, probing, musicgen, kept)
            names = [f"audio/{number + k:04d}.flac" for k in range(len(rows))]
            sound = model.decode(torch.from_numpy(found["tokens"].astype("int64"))).cpu().numpy()[:, 0]
            for name, clip in zip(names, sound, strict=True):
                write_audio(audio.parent / name, clip, model.sample_rate)
            tables.append(rows.assign(audio=names, nll=found["nll"], divergence=mean_divergence(found["divergence"])))
            out.append(found)
            number += len(rows)
            progress.advance(len(rows))
    header = {"model": model.name, "revision": model.revision, "layer": str(probing.layer)}
    header |= {"frame_rate": str(model.frame_rate)}
    read = {name: np.concatenate([b[name] for b in out]) for name in REPLAYED.tensors} if out else empty(REPLAYED)
    REPLAYED.write(replayed, read, header)
    table = pd.concat(tables[1:] or tables, ignore_index=True).drop(columns="sampling_seed")
    CLIPS.write(clips, table[list(CLIPS.columns)])
    shutil.rmtree(kept, ignore_errors=True)


def merge_shares(folders: Sequence[Path], clips: Path, audio: Path, replayed: Path) -> str:
    """What `write_share` wrote in several folders as one; gives the revision of the model."""
    tables = [CLIPS.read(folder / clips.name) for folder in folders]
    merge_tensors(REPLAYED, [folder / replayed.name for folder in folders], replayed)
    audio.mkdir(parents=True, exist_ok=True)
    for folder, table in zip(folders, tables, strict=True):
        for name in table["audio"]:
            with replacing(audio.parent / name) as temporary:
                shutil.copyfile(folder / name, temporary)
    CLIPS.write(clips, pd.concat([t for t in tables if len(t)], ignore_index=True))
    return REPLAYED.read(replayed)[1]["revision"]


def _generated(
    model: MusicGen, rows: pd.DataFrame, planner: Planner, probing: Probing, musicgen: MusicGenSettings, kept: Path
) -> Arrays:
    injections = planner.injections(rows)
    file = kept / f"{_key(model, rows, injections, probing, musicgen)}.safetensors"
    if not file.exists():
        _BATCH.write(file, _generate(model, rows, injections, probing, musicgen), {})
    return _BATCH.read(file)[0]


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
