"""The two annotated corpora, each from its own layout to clips with labels."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from sonoscope.affect.dataset import Clip, clip_path, load_clips
from sonoscope.affect.encoding import encode_songs, untrained_like, write_clip
from sonoscope.affect.labels import Label, bar_labels, clip_labels
from sonoscope.affect.raters import agreement
from sonoscope.affect.reading import SongBars, read_songs
from sonoscope.contracts import read_json
from sonoscope.contracts.affect import CLIPS
from sonoscope.corpora.emopia import load_emopia
from sonoscope.corpora.skipped import Skipped
from sonoscope.corpora.vgmidi import load_ratings, load_vgmidi
from sonoscope.errors import SonoscopeError
from sonoscope.musetok.model import MuseTok
from sonoscope.settings.affect import BarReading, LabelMap
from sonoscope.settings.musetok import Encoding


class Corpus(NamedTuple):
    """An annotated corpus in memory."""

    clips: list[Clip]
    musetok: Mapping[str, str]
    """``model`` and ``revision`` of its latents."""
    codes: int
    """At least one more than the largest code, a power of two."""


def clip_list(corpus: str, folder: Path) -> tuple[pd.DataFrame, list[Skipped]]:
    """Clips of a corpus before they are read: clip_id, file, song_id, split, quadrant.

    Raises
    ------
    FileNotFoundError
        The folder does not have the layout of the corpus.
    """
    if corpus == "emopia":
        table, skipped = load_emopia(folder)
        return table[["clip_id", "file", "song_id", "split", "quadrant"]], skipped
    bars, skipped = load_vgmidi(folder)
    pieces = bars.drop_duplicates("piece_id")
    plain = {"clip_id": pieces.piece_id, "file": pieces.file, "song_id": pieces.piece_id, "split": "", "quadrant": 0}
    return pd.DataFrame(plain).reset_index(drop=True), skipped


def encode_corpus(
    corpus: str, folder: Path, target: Path, model: MuseTok, about: Mapping[str, str], encoding: Encoding,
    reading: BarReading, seed: int, threads: int,
) -> tuple[pd.DataFrame, list[Skipped]]:  # fmt: skip
    """Write every clip of a corpus below ``target``; the table fits `CLIPS`.

    Raises
    ------
    SonoscopeError
        No clip could be read.
    """
    table, skipped = clip_list(corpus, folder)
    items: list[tuple[str, Path | bytes]] = [(f, folder / f) for f in table.file]
    songs: dict[str, SongBars] = {}
    for name, found in read_songs(items, encoding.events, reading, threads):
        if isinstance(found, str):
            skipped.append(Skipped(name, found, name))
        else:
            songs[name] = found
    table = table[table.file.isin(songs)].reset_index(drop=True)
    if table.empty:
        raise SonoscopeError(f"{folder}: no clip of {corpus} could be read; the list of what was left out says why")
    shutil.rmtree(target, ignore_errors=True)
    control = untrained_like(model.geometry, seed).to(next(model.parameters()).device) if reading.untrained else None
    read = [songs[f] for f in table.file]
    for row, arrays in zip(
        table.itertuples(index=False), encode_songs(read, model, encoding.batch_tokens, control), strict=True
    ):
        path = clip_path(target, str(row.split), str(row.clip_id))
        write_clip(path, arrays, {**about, "original_midi_path": str(row.file)})
    table["n_bars"] = [len(s.bars) for s in read]
    table["shift"] = [s.shift for s in read]
    table["rebarred"] = [s.rebarred for s in read]
    return table[list(CLIPS.columns)], skipped


def labels_of_corpus(corpus: str, folder: Path, clips: pd.DataFrame, settings: LabelMap) -> dict[str, Label]:
    """Labels as `sonoscope.affect.labels` writes them: by the map for quadrants, from the raters for bars."""
    if corpus == "emopia":
        return clip_labels(clips, settings)
    bars, _ = load_vgmidi(folder)
    return bar_labels(bars[bars.piece_id.isin(set(clips.clip_id))])


def agreement_of_corpus(corpus: str, folder: Path, clips: pd.DataFrame, seed: int) -> dict[str, Any]:
    """How well the raters of a corpus agree; empty for one that does not say who rated."""
    return agreement(load_ratings(folder, set(clips.clip_id)), seed) if corpus == "vgmidi" else {}


def load_corpus(corpus: str, clips: Path, latents: Path, labels: Path, truth: Path) -> Corpus:
    """Clips with tensors, labels and, for a composed corpus, the truth."""
    table = CLIPS.read(clips)
    found, musetok = load_clips(table, latents, read_json(labels), read_json(truth), by_row=corpus == "emopia")
    largest = max(int(c.tensors["codes"].max(initial=0)) for c in found)
    return Corpus(found, musetok, 1 << max(1, largest.bit_length()))
