"""One share of the clips whose training songs are asked for, and all shares as one."""

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.attribution import kinds, queries
from sonoscope.attribution.songs import Song, songs_of
from sonoscope.attribution.training import find
from sonoscope.attribution.variants import FULL
from sonoscope.contracts import read_json
from sonoscope.contracts.attribution import QUERIES
from sonoscope.contracts.corpora import SONGS
from sonoscope.files import replacing
from sonoscope.logs import Progress
from sonoscope.musicgen.interface import MusicGen, Sampling
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.attribution import Attribution
from sonoscope.settings.musicgen import MusicGen as MusicGenSettings
from sonoscope.sharing import merge_tables, merge_tensors, share_of

Made = tuple[pd.DataFrame, list[NDArray[np.int16]]]
Unit = tuple[Path, Callable[[MusicGen], Made]]
"""The weights of a model, and what it makes at once: a batch of clips, or the held-out clips of a song."""


def generate_share(
    songs: Path, language_model: Path, of_songs: Path, of_pairs: Path, clips: Path, tokens: Path, audio: Path,
    model: str, folder: str, settings: dict[str, Any], share: int, shares: int,
) -> int:  # fmt: skip
    """Plan all clips and make those of one share; gives their number."""
    known = {song.song_id: song for song in songs_of(SONGS.read(songs), Path(folder))}
    own, musicgen = settings["attribution"], settings["musicgen"]
    units = plan(
        known, language_model, of_songs, of_pairs, audio, Attribution.model_validate(own),
        MusicGenSettings.model_validate(musicgen),
    )  # fmt: skip
    return write_share(share_of(units, share, shares), clips, tokens, audio, model)


def plan(
    known: dict[str, Song], base: Path, of_songs: Path, of_pairs: Path, audio: Path, settings: Attribution,
    musicgen: MusicGenSettings,
) -> list[Unit]:  # fmt: skip
    """Everything that is to be made, in the order of the table."""
    choice, asked = read_json(of_songs), settings.queries
    trained = [known[i] for i in choice["trained"]]
    pairs = [[known[i] for i in pair] for pair in choice["pairs"][: settings.counterfactuals.pairs]]
    plans = [(find(of_songs, f"{FULL}-seed0"), queries.of_many(trained, settings))]
    for number, two in enumerate(pairs):
        plans.append((find(of_pairs, f"pair-{number}-ab-seed0"), queries.of_pair(two, number, settings)))
    sampling, size = Sampling(musicgen.top_k, asked.temperature, asked.guidance), musicgen.batch
    units: list[Unit] = []
    for found, wishes in plans:
        units += [
            (
                found.folder / "state_dict.bin",
                partial(queries.generate, wishes=part, sampling=sampling, batch=size, audio=audio),
            )
            for part in queries.batches(wishes, size)
        ]
    real = [(kinds.HELD_OUT, trained, asked.held_out)]
    real += [(f"pair-{number}-{kinds.HELD_OUT}", two, asked.pair_held_out) for number, two in enumerate(pairs)]
    for kind, some, count in real:
        held_out = partial(queries.held_out, settings=settings, kind=kind, count=count, audio=audio)
        units += [(base, partial(held_out, songs=[song], first=number)) for number, song in enumerate(some)]
    return units


def write_share(units: Sequence[Unit], clips: Path, tokens: Path, audio: Path, model: str) -> int:
    """Make the clips of some units, with one load of each of their models; gives their number."""
    audio.mkdir(parents=True, exist_ok=True)
    parts: list[pd.DataFrame] = []
    codes: list[NDArray[np.int16]] = []
    loaded: tuple[Path, MusicGen] | None = None
    with Progress(len(units), "batches") as progress:
        for weights, make in units:
            if loaded is None or loaded[0] != weights:
                loaded = (weights, load_musicgen(weights, model))
            table, some = make(loaded[1])
            parts += [table] if len(table) else []
            codes += some
            progress.advance(1)
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(QUERIES.columns))
    queries.write(clips, tokens, frame, codes, model)
    return len(codes)


def merge_shares(folders: Sequence[Path], clips: Path, tokens: Path, audio: Path) -> int:
    """Write what `write_share` wrote in several folders as one; gives the number of clips."""
    merge_tensors(queries.TOKENS, [folder / tokens.name for folder in folders], tokens)
    audio.mkdir(parents=True, exist_ok=True)
    for folder in folders:
        for name in QUERIES.read(folder / clips.name)["audio"]:
            with replacing(audio.parent / name) as temporary:
                shutil.copyfile(folder / name, temporary)
    return len(merge_tables(QUERIES, [folder / clips.name for folder in folders], clips))
