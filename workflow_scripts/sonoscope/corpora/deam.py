"""DEAM: excerpts of free music with valence and arousal (Aljanaki, Yang & Soleymani, PLOS ONE 2017).

Layout: ``MEMD_audio/{song_id}.mp3``; below ``annotations/annotations averaged per song/``, in ``song_level/``, two
files ``static_annotations_averaged_songs_1_2000.csv`` and ``…_2000_2058.csv``, on a scale from 1 to 9, whose headers
have spaces before the names and of which the second has further columns between; and in
``dynamic (per second annotations)/`` ``valence.csv`` and ``arousal.csv``, in [-1, 1], one column per half second
(sample_15000ms, …). Numbers have gaps. Artists stand in ``metadata/metadata_*.csv``, whose columns differ by year.

The composed corpus adds ``truth.csv``: what the causes of each clip express, in [-1, 1].
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from sonoscope.corpora.rated import RatedSong, made_up_artist, rated_song
from sonoscope.corpora.rated_files import Labels, RatedCorpus, Rating, float_of, index, write_mp3
from sonoscope.corpora.skipped import Skipped
from sonoscope.corpora.text import LabelFileError, read_rows, write_rows
from sonoscope.logs import track

AVERAGED = "annotations/annotations averaged per song"
STATIC = f"{AVERAGED}/song_level/static_annotations_averaged_songs_{{}}.csv"
DYNAMIC = f"{AVERAGED}/dynamic (per second annotations)"
_DIMENSIONS = ("valence", "arousal")
_STATIC_COLUMNS = ("song_id", "valence_mean", "valence_std", "arousal_mean", "arousal_std")
_MIDDLE, _HALF = 5.0, 4.0
"""Of the scale from 1 to 9."""
_SAMPLE = re.compile(r"sample_(\d{1,9})ms")
_SECOND_FILE = 2001
"""Numbers from here on stand in the second file."""


def compose_deam(folder: Path, songs: int, seconds: float, seed: int, *, raters: int = 10) -> None:
    """Write a composed corpus in DEAM's layout; clip k depends on ``seed`` and k alone. A tenth are "full songs"."""
    excerpts = songs - songs // 10
    static: dict[str, list[tuple[object, ...]]] = {"1_2000": [], "2000_2058": []}
    dynamic: dict[str, list[tuple[object, ...]]] = {n: [] for n in ("valence", "arousal", "valence_std", "arousal_std")}
    meta, truth = [], []
    times: list[float] = []
    for k in track(range(songs), "clips"):
        song = rated_song(seconds, raters, np.random.default_rng([seed, k]))
        number = 2 + k + k // 5 if k < excerpts else _SECOND_FILE + k - excerpts  # numbers have gaps
        write_mp3(folder / "MEMD_audio" / f"{number}.mp3", song.audio)
        times = song.times.tolist()
        meta.append((number, f"{number}.mp3", made_up_artist(k // 3), f"Excerpt {number}"))
        truth.append((number, *song.truth.round(6).tolist()))
        static["1_2000" if number < _SECOND_FILE else "2000_2058"].append(_static_row(number, song))
        for d, name in enumerate(_DIMENSIONS):
            dynamic[name].append((number, *song.frames[:, d].round(6).tolist()))
            dynamic[f"{name}_std"].append((number, *song.frames_sd[:, d].round(6).tolist()))
    spaced = tuple(name if k == 0 else f" {name}" for k, name in enumerate(_STATIC_COLUMNS))
    write_rows(folder / STATIC.format("1_2000"), spaced, static["1_2000"])
    statistics = ("mean", "std", "max_mean", "max_std", "min_mean", "min_std")
    extra = ("song_id", *(f" {d}_{s}" for d in _DIMENSIONS for s in statistics))
    write_rows(folder / STATIC.format("2000_2058"), extra, [_with_extremes(row) for row in static["2000_2058"]])
    for name, rows in dynamic.items():
        header = ("song_id", *(f"sample_{round(1000 * t)}ms" for t in times))
        write_rows(folder / DYNAMIC / f"{name}.csv", header, rows)
    write_rows(folder / "metadata" / "metadata_2013.csv", ("song_id", "file_name", "Artist", "Song title"), meta)
    write_rows(folder / "truth.csv", ("song_id", *_DIMENSIONS), truth)


def _static_row(number: int, song: RatedSong) -> tuple[object, ...]:
    cells = [c for m, s in zip(_MIDDLE + _HALF * song.mean, _HALF * song.sd, strict=True) for c in (m, s)]
    return number, *(round(float(c), 2) for c in cells)


def _with_extremes(row: tuple[object, ...]) -> tuple[object, ...]:
    number, v, v_sd, a, a_sd = row
    return number, v, v_sd, 9.0, 0.5, 1.0, 0.5, a, a_sd, 9.0, 0.5, 1.0, 0.5


def load_deam(folder: Path, *, decode: bool = True) -> RatedCorpus:
    """Read a corpus in DEAM's layout; static valence and arousal are moved to [-1, 1].

    Parameters
    ----------
    folder : Path
        Holds ``MEMD_audio`` and ``annotations``.
    decode : bool
        Read every audio file to its end, which finds truncated ones; otherwise headers only.

    Raises
    ------
    FileNotFoundError
        There are no static annotations.
    """
    root = next((f for f in (folder, folder / "DEAM") if (f / AVERAGED).is_dir()), folder)
    files = sorted((root / AVERAGED / "song_level").glob("static_annotations_averaged_songs_*.csv"))
    if not files:
        raise FileNotFoundError(f"{folder}: expected {STATIC.format('1_2000')}, as in DEAM; found none")
    skipped: list[Skipped] = []
    ratings: dict[str, Rating] = {}
    for path in files:
        ratings |= _ratings(root, path, skipped)
    labels = Labels(ratings, _artists(root, skipped), _frames(root, skipped))
    audio = {p.stem: p for p in sorted((root / "MEMD_audio").glob("*.mp3"))}
    return index(root, audio, labels, skipped, decode=decode)


def _ratings(root: Path, path: Path, skipped: list[Skipped]) -> dict[str, Rating]:
    where = path.relative_to(root).as_posix()
    found: dict[str, Rating] = {}
    try:
        rows = read_rows(path, _STATIC_COLUMNS)  # by name: the second file has further columns between
    except LabelFileError as error:
        skipped.append(Skipped(path.name, str(error), where))
        return {}
    for row in rows:
        try:
            means = [((float_of(row[f"{d}_mean"], 1, 9) or 0.0) - _MIDDLE) / _HALF for d in _DIMENSIONS]
            spreads = [float_of(row[f"{d}_std"], 0, 8, empty=True) for d in _DIMENSIONS]
            found[row["song_id"]] = Rating(*means, *(None if s is None else s / _HALF for s in spreads))
        except ValueError as error:
            skipped.append(Skipped(row["song_id"], str(error), where))
    return found


def _artists(root: Path, skipped: list[Skipped]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((root / "metadata").glob("metadata*.csv")):
        where = path.relative_to(root).as_posix()
        try:
            for row in read_rows(path):
                cells = {name.lower().strip(): cell for name, cell in row.items()}
                number = cells.get("song_id") or cells.get("id") or ""
                if number and cells.get("artist"):
                    found[number.removesuffix(".0")] = cells["artist"]
        except LabelFileError as error:
            skipped.append(Skipped(path.name, str(error), where))
    if not found:
        skipped.append(Skipped("metadata", "no artist is known: splits go by clip"))
    return found


def _frames(root: Path, skipped: list[Skipped]) -> pd.DataFrame:
    both = [_wide(root, f"{DYNAMIC}/{name}.csv", name, skipped) for name in _DIMENSIONS]
    return both[0].merge(both[1], on=["clip_id", "time"], how="inner")


def _wide(root: Path, where: str, dimension: str, skipped: list[Skipped]) -> pd.DataFrame:
    """One row per number and half second of a file with one column per half second; empty cells are left out."""
    rows: list[tuple[str, float, float]] = []
    try:
        for row in read_rows(root / where, ("song_id",)) if (root / where).is_file() else []:
            try:
                cells = ((_SAMPLE.fullmatch(name), cell) for name, cell in row.items() if cell)
                values = [(int(m[1]) / 1000, float_of(cell, -1, 1) or 0.0) for m, cell in cells if m]
                rows += [(row["song_id"], time, value) for time, value in values]
            except ValueError as error:
                skipped.append(Skipped(row["song_id"], f"{dimension} over time: {error}", where))
    except LabelFileError as error:
        skipped.append(Skipped(Path(where).name, str(error), where))
    return pd.DataFrame(rows, columns=["clip_id", "time", dimension])
