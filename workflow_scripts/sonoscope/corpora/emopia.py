"""EMOPIA: piano clips with one of four quadrants (Hung et al., ISMIR 2021), real or composed.

Layout of release 2.x: ``midis/Q{1-4}_{11-character song id}_{segment}.mid``, ``label.csv`` (ID, 4Q, annotator),
``metadata_by_song.csv`` (songID, num_Q1 .. num_Q4, DominantQ) and ``split/{train,val,test}_clip.csv`` (an index column
and clip_name with extension). Song ids may hold ``_`` and ``-``, so names are cut by position.

The composed corpus adds ``truth.csv``: what each clip's causes express, and whether its label is noise.
"""

import re
import string
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sonoscope.contracts import Column, Table
from sonoscope.corpora.skipped import Skipped
from sonoscope.corpora.text import LabelFileError, read_rows, write_rows
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.cues import affect_of, causes_for, quadrant_of, with_expression
from sonoscope.symbolic.midi import MidiError, read_midi
from sonoscope.symbolic.songs import as_transcription

CLIPS = Table(
    "emopia_clips",
    {
        "clip_id": Column("string", "File name without extension"),
        "file": Column("string", "MIDI file, relative to the corpus"),
        "song_id": Column("string", "Song that the clip is from; splits never divide a song"),
        "segment": Column("int64", "Number of the clip in its song"),
        "quadrant": Column("int64", "Russell's quadrant, 1 to 4, as annotated"),
        "split": Column("string", "train, val, test, or empty where the official lists do not name the clip"),
    },
    key=("clip_id",),
)
SPLITS = ("train", "val", "test")
SPLIT_SHARES = (0.75, 0.16, 0.09)
"""Shares of songs, about those of the published split (290, 63 and 32)."""
_NAME = re.compile(r"Q[1-4]_.{11}_\d+")
_ID_LETTERS = np.array(list(string.ascii_letters + string.digits + "-_"))
_WORDS = {1: (0.5, 0.5), 2: (-0.5, 0.5), 3: (-0.5, -0.5), 4: (0.5, -0.5)}
_CLASS_SHARES = (0.23, 0.25, 0.23, 0.29)


class Composed(NamedTuple):
    """One composed clip."""

    name: str
    midi: bytes
    valence: float
    arousal: float
    label_is_noise: bool
    song: int


def compose_emopia(
    folder: Path, songs: int, seed: int, *, seconds: float = 32.0, label_noise: float = 0.1, transcribed: float = 0.25
) -> None:
    """Write a composed corpus in EMOPIA's layout.

    Clips of a song share key, metre, chords and motifs (one seed), so that a split by clips leaks and one by songs does
    not; their expression differs, and some songs reach two quadrants.

    Parameters
    ----------
    folder : Path
        Is created.
    songs : int
        Each gives 2 to 4 clips.
    seed : int
    seconds : float
        Length of a clip, at least.
    label_noise : float
        Share of clips that carry another quadrant than their causes express.
    transcribed : float
        Share of songs written as transcriptions, whose bars mean nothing.
    """
    clips = [c for k in range(songs) for c in _song(k, seed, seconds, label_noise, transcribed)]
    (folder / "midis").mkdir(parents=True, exist_ok=True)
    for clip in clips:
        (folder / "midis" / f"{clip.name}.mid").write_bytes(clip.midi)
    write_rows(folder / "label.csv", ("ID", "4Q", "annotator"), [(c.name, c.name[1], "composer") for c in clips])
    truth = [(c.name, f"{c.valence:.6f}", f"{c.arousal:.6f}", int(c.label_is_noise)) for c in clips]
    write_rows(folder / "truth.csv", ("ID", "valence", "arousal", "label_is_noise"), truth)
    by_song = pd.crosstab([c.name[3:14] for c in clips], [int(c.name[1]) for c in clips]).reindex(
        columns=[1, 2, 3, 4], fill_value=0
    )
    rows = [
        (song, *counts, int(np.argmax(counts)) + 1)
        for song, counts in zip(by_song.index, by_song.to_numpy().tolist(), strict=True)
    ]
    write_rows(folder / "metadata_by_song.csv", ("songID", "num_Q1", "num_Q2", "num_Q3", "num_Q4", "DominantQ"), rows)
    which = np.searchsorted(
        np.cumsum(SPLIT_SHARES[:2]), np.random.default_rng((seed, 1)).permutation(songs) / songs, "right"
    )
    for number, split in enumerate(SPLITS):
        names = [(k, f"{c.name}.mid") for k, c in enumerate(c for c in clips if which[c.song] == number)]
        write_rows(folder / "split" / f"{split}_clip.csv", ("", "clip_name"), names)


def _song(k: int, seed: int, seconds: float, label_noise: float, transcribed: float) -> list[Composed]:
    rng = np.random.default_rng((seed, 0, k))
    song_id, piece_seed = "".join(rng.choice(_ID_LETTERS, 11)), int(rng.integers(2**31))
    quadrant, is_transcribed = int(rng.choice(4, p=_CLASS_SHARES)) + 1, bool(rng.random() < transcribed)
    valence, arousal = np.clip(np.array(_WORDS[quadrant]) + 0.25 * rng.standard_normal(2), -1, 1).tolist()
    song = causes_for(valence, arousal, rng, metre=("4/4", "3/4")[int(rng.random() < 0.25)])
    clips = []
    for segment in range(int(rng.integers(2, 5))):
        causes = with_expression(song, 0.2 * rng.standard_normal())
        score = compose(causes, piece_seed, seconds=seconds)
        score = as_transcription(score, rng) if is_transcribed else score
        expressed = affect_of(causes)
        true = int(quadrant_of(*expressed)[1])
        noisy = bool(rng.random() < label_noise)
        label = (true + int(rng.integers(1, 4)) - 1) % 4 + 1 if noisy else true
        clips.append(Composed(f"Q{label}_{song_id}_{segment}", score.dumps_midi(), *expressed, noisy, k))
    return clips


def load_emopia(folder: Path) -> tuple[pd.DataFrame, list[Skipped]]:
    """Read a corpus in EMOPIA's layout.

    Returns
    -------
    DataFrame
        Fits `CLIPS`, sorted by clip.
    list of Skipped
        A line for every file, label or split entry that is not in the table.

    Raises
    ------
    FileNotFoundError
        There is no folder ``midis``.
    """
    if not (folder / "midis").is_dir():
        raise FileNotFoundError(f"{folder}: expected a folder midis with MIDI files, as in EMOPIA 2.x")
    skipped: list[Skipped] = []
    labels = _labels(folder, skipped)
    split_of = _splits(folder, skipped)
    rows = []
    for path in sorted((folder / "midis").glob("*.mid")):
        reason = _problem(path, labels)
        if reason:
            skipped.append(Skipped(path.stem, reason, f"midis/{path.name}"))
            continue
        name = path.stem
        segment = int(name.rsplit("_", 1)[1])
        rows.append((name, f"midis/{path.name}", name[3:14], segment, int(name[1]), split_of.get(name, "")))
    found = {path.stem for path in (folder / "midis").glob("*.mid")}
    absent = sorted({*(labels or {}), *split_of} - found)
    skipped += [Skipped(name, "a label or split list names it, but there is no MIDI file") for name in absent]
    table = pd.DataFrame(rows, columns=list(CLIPS.columns))
    divided = table[table.split != ""].groupby("song_id").split.nunique()
    for song in divided.index[divided > 1]:
        skipped.append(Skipped(str(song), "the split lists divide this song; all of its clips are left out"))
        table = table[table.song_id != song]
    table = table.reset_index(drop=True)
    CLIPS.check(table)
    return table, skipped


def _problem(path: Path, labels: dict[str, str] | None) -> str:
    """Why a clip cannot be used; empty if it can."""
    if not _NAME.fullmatch(path.stem):
        return "expected a name such as Q1_0vLPYiPN7qY_0: quadrant, song id of 11 characters, segment"
    if labels is not None and path.stem not in labels:
        return "label.csv does not name it"
    if labels is not None and labels[path.stem] not in ("", path.stem[1], f"Q{path.stem[1]}"):
        return f"label.csv says quadrant {labels[path.stem]}, the file name says {path.stem[1]}"
    try:
        read_midi(path)
    except (MidiError, OSError) as error:
        return str(error)
    return ""


def _labels(folder: Path, skipped: list[Skipped]) -> dict[str, str] | None:
    path = folder / "label.csv"
    if not path.is_file():
        return None
    try:
        return {row["ID"].removesuffix(".mid"): row["4Q"] for row in read_rows(path, ("ID", "4Q"))}
    except LabelFileError as error:
        skipped.append(Skipped("label.csv", f"{error}; quadrants are taken from file names", "label.csv"))
        return None


def _splits(folder: Path, skipped: list[Skipped]) -> dict[str, str]:
    split_of: dict[str, str] = {}
    for split in SPLITS:
        name = f"split/{split}_clip.csv"
        if not (folder / name).is_file():
            continue
        try:
            rows = read_rows(folder / name, ("clip_name",))
        except LabelFileError as error:
            skipped.append(Skipped(name, str(error), name))
            continue
        split_of |= {row["clip_name"].rsplit(".", 1)[0]: split for row in rows if row["clip_name"]}
    return split_of
