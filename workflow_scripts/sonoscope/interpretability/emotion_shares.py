"""One share of what is captured for the study of emotions, from the files and settings of a job; all shares as one."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.contracts import read_json, write_json
from sonoscope.contracts.corpora import PROMPTS
from sonoscope.contracts.interpretability import GENERATED, GENERATED_STATES, HEARD, PIECES
from sonoscope.contracts.tensors import Arrays
from sonoscope.contracts.world import TOKENS
from sonoscope.interpretability.capture import clip_plan, generate_clips, replay_pieces, swap_texts, token_histogram
from sonoscope.interpretability.describe import STATISTICS, lags_of, repetition
from sonoscope.interpretability.heard import all_texts, chosen_prompts
from sonoscope.interpretability.shards import ShardWriter, merge_stores
from sonoscope.musicgen.interface import MusicGen, Sampling
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.musicgen.replay import encode_clips, read_clips
from sonoscope.settings.interpretability import EmotionClips
from sonoscope.settings.musicgen import MusicGen as MusicGenSettings
from sonoscope.sharing import empty, merge_tables, merge_tensors, rows_of


@dataclass(frozen=True)
class Captured:
    """Where one share, or all of it, lies."""

    heard: Path
    tokens: Path
    clips: Path
    states: Path
    speed: Path
    shards: Path
    """Folder of the frame-level store."""

    def within(self, folder: Path) -> Self:
        """Files of the same names in another folder."""
        return type(self)(*(folder / getattr(self, field.name).name for field in fields(self)))


@dataclass(frozen=True)
class Share:
    """Which part of the work, in whole batches."""

    number: int
    count: int
    batch: int

    def rows(self, of: int) -> slice:
        """The rows of this share of ``of`` rows."""
        return rows_of(of, self.batch, self.number, self.count)


def capture_share(
    pieces: Path, prompts: Path, language_model: Path, files: Captured, model: str, settings: dict[str, Any],
    share: int, shares: int,
) -> str:  # fmt: skip
    """Capture share ``share`` of ``shares`` with one load of the model; gives its revision."""
    musicgen = MusicGenSettings.model_validate(settings["musicgen"])
    emotions = EmotionClips.model_validate(settings["interpretability.emotions"])
    loaded, own = load_musicgen(language_model, model), Share(share, shares, musicgen.batch)
    depth, swapped = settings["interpretability.dictionary.depth"], settings["interpretability.heard.swapped"]
    write_heard(loaded, PIECES.read(pieces), musicgen.seconds, swapped, depth, own, files)
    asked = clip_plan(chosen_prompts(PROMPTS.read(prompts), emotions.words, emotions.prompts), list(emotions.seeds))
    write_generated(loaded, asked, musicgen, own, files)
    return loaded.revision


def write_heard(
    model: MusicGen, pieces: pd.DataFrame, seconds: float, swapped: int, depth: float, share: Share, files: Captured
) -> None:
    """Write tokens, mean states and histograms of the pieces of one share, and frame-level states of one layer.

    The first ``swapped`` pieces, each replayed under every text, are divided by themselves: they stand together, and
    whoever held them all would work for several. What of them belongs to another share's pieces is encoded once more.
    """
    own, under = share.rows(len(pieces)), share.rows(min(swapped, len(pieces)))
    codes = _encoded(model, pieces, own, seconds, share.batch)
    header = {"model": model.name, "revision": model.revision, "frame_rate": str(model.frame_rate)}
    TOKENS.write(files.tokens, {"tokens": codes}, header | {"cardinality": str(model.cardinality)})
    shape, texts = (model.num_layers, model.dim), len(all_texts())
    moving = (model.num_layers, model.dim + lags_of(codes.shape[-1]))
    found = {
        "null": np.empty((0, *shape), np.float32),
        "null_movement": np.empty((0, *moving), np.float32),
        "swapped": np.empty((0, texts, *shape), np.float32),
        "swapped_movement": np.empty((0, texts, *moving), np.float32),
        "histogram": token_histogram(codes, model.cardinality),
        "repetition": repetition(codes),
    }
    files.shards.mkdir(parents=True, exist_ok=True)
    if len(codes):
        writer = _writer(model, files.shards, round(depth * (model.num_layers - 1)), codes, share)
        found["null"], found["null_movement"] = replay_pieces(model, codes, share.batch, writer)
    if under.start < under.stop:
        if under.start < own.start or under.stop > own.stop:
            own = slice(under.start, min(-(-under.stop // share.batch) * share.batch, len(pieces)))
            codes = _encoded(model, pieces, own, seconds, share.batch)  # in the same batches, so the same tokens
        some = codes[under.start - own.start : under.stop - own.start]
        found["swapped"], found["swapped_movement"] = swap_texts(model, some, share.batch)
    HEARD.write(files.heard, found, header | {"texts": "\n".join(all_texts())})


def write_generated(
    model: MusicGen, asked: pd.DataFrame, musicgen: MusicGenSettings, share: Share, files: Captured
) -> None:
    """Generate the clips of one share of those that are ``asked`` for; write their table, states and the time taken."""
    own = asked.iloc[share.rows(len(asked))]
    sampling, kept = Sampling(musicgen.top_k, musicgen.temperature, musicgen.guidance), files.states.parent / "kept"
    loudness, arrays, spent = np.empty(0), empty(GENERATED_STATES), {"generation": 0.0, "replay": 0.0}
    if len(own):
        loudness, arrays, spent = generate_clips(model, own, musicgen.seconds, sampling, musicgen.batch, kept)
    header = {"model": model.name, "revision": model.revision, "frame_rate": str(model.frame_rate)}
    GENERATED.write(files.clips, own.assign(energy=loudness))
    GENERATED_STATES.write(files.states, arrays, header | {"statistics": " ".join(STATISTICS)})
    frames = max(_frames(arrays), 1)
    each = {name: value / frames for name, value in spent.items()}
    write_json(files.speed, {"seconds_per_frame": each, "clips": len(own)})
    shutil.rmtree(kept, ignore_errors=True)


def merge_shares(parts: Sequence[Captured], whole: Captured) -> str:
    """Write all parts as one, with the bytes that one job would have left; gives the revision of the model.

    Only the time per frame, which no two jobs share, is a mean: weighted by the parts' clips.
    """
    for contract, name in ((HEARD, "heard"), (TOKENS, "tokens"), (GENERATED_STATES, "states")):
        merge_tensors(contract, [getattr(part, name) for part in parts], getattr(whole, name))
    merge_tables(GENERATED, [part.clips for part in parts], whole.clips)
    speeds = [read_json(part.speed) for part in parts]
    clips = sum(speed["clips"] for speed in speeds)
    names = speeds[0]["seconds_per_frame"]
    each = {n: sum(speed["seconds_per_frame"][n] * speed["clips"] for speed in speeds) / clips for n in names}
    write_json(whole.speed, {"seconds_per_frame": each, "clips": clips})
    merge_stores([part.shards for part in parts], whole.shards)
    return TOKENS.read(whole.tokens)[1]["revision"]


def _encoded(model: MusicGen, pieces: pd.DataFrame, rows: slice, seconds: float, batch: int) -> NDArray[np.int16]:
    """Tokens of some rows, which begin where a batch begins."""
    if rows.start == rows.stop:
        return np.empty((0, model.num_codebooks, 0), np.int16)
    return encode_clips(model, read_clips(pieces.iloc[rows], model.sample_rate, seconds)[0], batch)


def _writer(model: MusicGen, folder: Path, layer: int, codes: NDArray[np.int16], share: Share) -> ShardWriter:
    """The store that stays, or that of a part: one shard per batch, not rounded, since merging cuts and rounds anew."""
    about = {"model": model.name, "revision": model.revision, "condition": "null", "frame_rate": model.frame_rate}
    if share.count == 1:
        return ShardWriter(folder, layer, "null", about)
    return ShardWriter(folder, layer, "null", about, rows=share.batch * codes.shape[-1], dtype="float32")


def _frames(arrays: Arrays) -> int:
    clips, _, frames = arrays["tokens"].shape
    return int(clips * frames)
