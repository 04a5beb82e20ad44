"""PMEmo: choruses of pop songs with valence and arousal (Zhang et al., ICMR 2018; corrected release of 2019).

Layout: ``metadata.csv`` (musicId, fileName, title, artist, album, duration, chorus_start_time, chorus_end_time),
``chorus/{musicId}.mp3``, ``annotations/static_annotations.csv`` (musicId, Arousal(mean), Valence(mean): arousal comes
first) and ``static_annotations_std.csv``, ``dynamic_annotations.csv`` (musicId, frameTime, …) and its like. The scale
is 0 to 1. Numbers have gaps, and some audio has no annotation.

The composed corpus adds ``truth.csv``: what the causes of each clip express, in [-1, 1].
"""

from pathlib import Path

import numpy as np
import pandas as pd

from sonoscope.corpora.rated import RatedSong, made_up_artist, rated_song
from sonoscope.corpora.rated_files import Labels, RatedCorpus, Rating, float_of, index, write_mp3
from sonoscope.corpora.skipped import Skipped
from sonoscope.corpora.text import LabelFileError, read_rows, write_rows
from sonoscope.logs import track

_METADATA = (
    "musicId", "fileName", "title", "artist", "album", "duration", "chorus_start_time", "chorus_end_time",
)  # fmt: skip
_ANNOTATED = 0.95
"""Share of clips with annotation; published: 767 of 794."""
TRUTH = "truth.csv"
"""Written last: it stands for the whole composed corpus."""
_SCALE = (0.5, 0.5)
"""Middle and half-width of the published scale."""


def compose_pmemo(folder: Path, songs: int, seconds: float, seed: int, *, raters: int = 10) -> None:
    """Write a composed corpus in PMEmo's layout; clip k depends on ``seed`` and k alone."""
    names = ("", "_std", "dynamic", "dynamic_std", "meta", "truth")
    columns: dict[str, list[tuple[object, ...]]] = {n: [] for n in names}
    for k in track(range(songs), "clips"):
        rng = np.random.default_rng([seed, k])
        song, number = rated_song(seconds, raters, rng), 1 + k + k // 7  # numbers have gaps
        write_mp3(folder / "chorus" / f"{number}.mp3", song.audio)
        artist, title = made_up_artist(k // 3), f"Chorus {number}"
        ends = f"{(30 + int(seconds)) // 60:02d}:{(30 + int(seconds)) % 60:02d}"
        columns["meta"].append((number, f"{number}.mp3", title, artist, "Known World", seconds, "00:30", ends))
        columns["truth"].append((number, *song.truth.round(6).tolist()))
        if rng.random() < _ANNOTATED:
            _annotate(columns, number, song)
    header = ("Arousal(mean)", "Valence(mean)"), ("Arousal(std)", "Valence(std)")
    places = folder / "annotations"
    write_rows(places / "static_annotations.csv", ("musicId", *header[0]), columns[""])
    write_rows(places / "static_annotations_std.csv", ("musicId", *header[1]), columns["_std"])
    write_rows(places / "dynamic_annotations.csv", ("musicId", "frameTime", *header[0]), columns["dynamic"])
    write_rows(places / "dynamic_annotations_std.csv", ("musicId", "frameTime", *header[1]), columns["dynamic_std"])
    write_rows(folder / "metadata.csv", _METADATA, columns["meta"])
    write_rows(folder / TRUTH, ("musicId", "valence", "arousal"), columns["truth"])


def _annotate(columns: dict[str, list[tuple[object, ...]]], number: int, song: RatedSong) -> None:
    middle, half = _SCALE
    columns[""].append((number, *(middle + half * song.mean[::-1]).round(4).tolist()))
    columns["_std"].append((number, *(half * song.sd[::-1]).round(4).tolist()))
    for t, mean, sd in zip(song.times, song.frames, song.frames_sd, strict=True):
        columns["dynamic"].append((number, float(t), *(middle + half * mean[::-1]).round(4).tolist()))
        columns["dynamic_std"].append((number, float(t), *(half * sd[::-1]).round(4).tolist()))


def load_pmemo(folder: Path, *, decode: bool = True) -> RatedCorpus:
    """Read a corpus in PMEmo's layout; valence and arousal are moved to [-1, 1].

    Parameters
    ----------
    folder : Path
        The folder ``PMEmo2019``, or the one that holds it.
    decode : bool
        Read every audio file to its end, which finds truncated ones; otherwise headers only.

    Raises
    ------
    FileNotFoundError
        There are no static annotations.
    LabelFileError
        The static annotations cannot be read.
    """
    root = next((f for f in (folder, folder / "PMEmo2019", folder / "PMEmo") if (f / "annotations").is_dir()), folder)
    static = root / "annotations" / "static_annotations.csv"
    if not static.is_file():
        raise FileNotFoundError(f"{folder}: expected annotations/static_annotations.csv, as in PMEmo2019; found none")
    skipped: list[Skipped] = []
    ratings = _ratings(static, skipped)
    labels = Labels(ratings, _artists(root, skipped), _frames(root, skipped))
    files = {p.stem: p for p in sorted((root / "chorus").glob("*.mp3"))}
    return index(root, files, labels, skipped, decode=decode)


def _ratings(static: Path, skipped: list[Skipped]) -> dict[str, Rating]:
    where = f"annotations/{static.name}"
    deviations: dict[str, dict[str, str]] = {}
    spread = static.with_name("static_annotations_std.csv")
    try:
        rows = read_rows(spread, ("musicId", "Arousal(std)", "Valence(std)")) if spread.is_file() else []
        deviations = {row["musicId"]: row for row in rows}
    except LabelFileError as error:
        skipped.append(Skipped(spread.name, str(error), f"annotations/{spread.name}"))
    found: dict[str, Rating] = {}
    for row in read_rows(static, ("musicId", "Arousal(mean)", "Valence(mean)")):
        try:
            number = row["musicId"]
            valence, arousal = (_scaled(row[f"{name}(mean)"]) for name in ("Valence", "Arousal"))
            sd = deviations.get(number, {})
            spreads = (float_of(sd.get(f"{n}(std)", ""), 0, 1, empty=True) for n in ("Valence", "Arousal"))
            found[number] = Rating(valence, arousal, *(None if x is None else x / _SCALE[1] for x in spreads))
        except ValueError as error:
            skipped.append(Skipped(row["musicId"], str(error), where))
    return found


def _scaled(cell: str) -> float:
    value = float_of(cell, 0, 1)
    assert value is not None
    return (value - _SCALE[0]) / _SCALE[1]


def _artists(root: Path, skipped: list[Skipped]) -> dict[str, str]:
    path = root / "metadata.csv"
    if not path.is_file():
        skipped.append(Skipped("metadata.csv", "there is none: artists are not known, splits go by clip"))
        return {}
    try:
        return {row["musicId"]: row["artist"] for row in read_rows(path, ("musicId", "artist"))}
    except LabelFileError as error:
        skipped.append(Skipped("metadata.csv", f"{error}; artists are not known, splits go by clip", "metadata.csv"))
        return {}


def _frames(root: Path, skipped: list[Skipped]) -> pd.DataFrame:
    where = "annotations/dynamic_annotations.csv"
    rows: list[tuple[str, float, float, float]] = []
    try:
        cells = ("musicId", "frameTime", "Arousal(mean)", "Valence(mean)")
        for number, row in enumerate(read_rows(root / where, cells) if (root / where).is_file() else [], start=2):
            try:
                time = float_of(row["frameTime"], 0, 86_400)
                assert time is not None
                rows.append((row["musicId"], time, _scaled(row["Valence(mean)"]), _scaled(row["Arousal(mean)"])))
            except ValueError as error:
                skipped.append(Skipped(f"{row['musicId']}, line {number}", str(error), where))
    except LabelFileError as error:
        skipped.append(Skipped(Path(where).name, str(error), where))
    return pd.DataFrame(rows, columns=["clip_id", "time", "valence", "arousal"])
