"""GigaMIDI: MIDI files in Parquet shards with metadata (Lee et al., TISMIR 2025), real or composed.

Shards are written with the columns of release 2 that Sonoscope reads, under ``{split}/{split}-00000-of-00002.parquet``.
The loader takes any folder of shards, and both forms of the column ``music``: bytes, or a record with bytes and path.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import symusic

from sonoscope.corpora.skipped import Skipped
from sonoscope.files import replacing
from sonoscope.symbolic.cues import causes_for
from sonoscope.symbolic.midi import MidiError, read_midi
from sonoscope.symbolic.songs import as_transcription, compose_song, drift

CATEGORY = "instrument_category__drums-only__0__all-instruments-with-drums__1_no-drums__2"
STYLES = "music_styles_curated"
EXPRESSIVE = 12
"""NOMML of a performance that keeps to no grid; 0 to 11 are metric levels."""
SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("md5", pa.string()),
        ("music", pa.binary()),
        ("NOMML", pa.list_(pa.int64())),
        ("num_tracks", pa.int64()),
        ("TPQN", pa.int64()),
        ("total_notes", pa.int64()),
        ("avg_note_duration", pa.float64()),
        ("avg_velocity", pa.float64()),
        ("min_velocity", pa.int64()),
        ("max_velocity", pa.int64()),
        ("tempo", pa.string()),
        ("Type", pa.int64()),
        (CATEGORY, pa.int64()),
        (STYLES, pa.list_(pa.string())),
        ("title", pa.string()),
        ("artist", pa.string()),
    ]
)
SPLITS: dict[str, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}


class Style(NamedTuple):
    """A composed style: where its pieces lie, and what plays them."""

    valence: float
    arousal: float
    programs: tuple[int, ...]
    drums: bool


COMPOSED_STYLES: dict[str, Style] = {
    "rock": Style(-0.1, 0.6, (81, 24, 33), True),
    "pop": Style(0.5, 0.3, (73, 4, 33), True),
    "jazz": Style(0.2, 0.0, (65, 0, 33), True),
    "classical": Style(0.1, -0.2, (40, 48, 48), False),
    "ambient": Style(0.3, -0.6, (11, 48, 48), False),
    "blues": Style(-0.5, -0.2, (24, 0, 33), True),
}
"""Invented, so that an analysis by genre has something to find; not a claim about these genres."""


class GigaFile(NamedTuple):
    """One file of the corpus."""

    md5: str
    split: str
    score: symusic.Score
    category: int
    """0 drums only, 1 with drums, 2 without drums; -1 where the shard does not say."""
    styles: tuple[str, ...]
    nomml: tuple[int, ...]
    title: str
    artist: str
    shard: str
    """Shard that it came from, relative to the corpus."""

    @property
    def keeps_a_grid(self) -> bool:
        """Whether bars mean something: no track is a performance off the grid."""
        return EXPRESSIVE not in self.nomml


def compose_gigamidi(folder: Path, files: int, seed: int, *, shards: int = 2, expressive: float = 0.2) -> None:
    """Write composed multi-track pieces as shards in GigaMIDI's schema.

    Parameters
    ----------
    folder : Path
    files : int
        Over all splits.
    seed : int
    shards : int
        Shards of each split.
    expressive : float
        Share of files written as performances off the grid.
    """
    rows = [_row(k, seed, expressive) for k in range(files)]
    which = np.random.default_rng((seed, 1)).permutation(files) / max(files, 1)
    edges = np.cumsum(list(SPLITS.values()))
    for number, split in enumerate(SPLITS):
        chosen = [r for r, w in zip(rows, which, strict=True) if np.searchsorted(edges[:-1], w, "right") == number]
        for shard in range(shards):
            part = [{**row, "split": split} for row in chosen[shard::shards]]
            with replacing(folder / split / f"{split}-{shard:05d}-of-{shards:05d}.parquet") as temporary:
                pq.write_table(pa.Table.from_pylist(part, schema=SCHEMA), temporary)


def _row(k: int, seed: int, expressive: float) -> dict[str, Any]:
    rng = np.random.default_rng((seed, 0, k))
    name = list(COMPOSED_STYLES)[int(rng.integers(len(COMPOSED_STYLES)))]
    style = COMPOSED_STYLES[name]
    valence, arousal = np.clip(np.array(style[:2]) + 0.25 * rng.standard_normal(2), -1, 1).tolist()
    causes = causes_for(valence, arousal, rng, programs=style.programs, drums=style.drums)
    score = compose_song(drift(causes, int(rng.integers(2, 9)), rng), int(rng.integers(2**31))).score
    off_grid = bool(rng.random() < expressive)
    score = as_transcription(score, rng) if off_grid else score
    music = score.dumps_midi()
    notes = [t.notes.numpy() for t in score.tracks]
    velocity = np.concatenate([n["velocity"] for n in notes]).astype(np.int64)
    quarters = np.concatenate([n["duration"] for n in notes]) / score.ticks_per_quarter
    return {
        "md5": hashlib.md5(music, usedforsecurity=False).hexdigest(),
        "music": music,
        "NOMML": [EXPRESSIVE if off_grid else _metric_level(n["time"], score.ticks_per_quarter) for n in notes],
        "num_tracks": len(score.tracks),
        "TPQN": score.ticks_per_quarter,
        "total_notes": score.note_num(),
        "avg_note_duration": float(quarters.mean()),
        "avg_velocity": float(velocity.mean()),
        "min_velocity": int(velocity.min()),
        "max_velocity": int(velocity.max()),
        "tempo": json.dumps([round(float(t.qpm), 3) for t in score.tempos]),
        "Type": 1,
        CATEGORY: 1 if any(t.is_drum for t in score.tracks) else 2,
        STYLES: [name],
        "title": f"{name} piece {k}",
        "artist": f"{name} band {int(rng.integers(8))}",
    }


def _metric_level(onset: np.ndarray[Any, np.dtype[np.int32]], quarter: int) -> int:
    """Median metric level of onsets: 0 on quarters, 1 on eighths, 2 on sixteenths, up to 11 off all of them."""
    level = np.full(len(onset), 11)
    for depth in (2, 1, 0):
        level[onset % (quarter >> depth) == 0] = depth
    return int(np.median(level))


def load_gigamidi(folder: Path, skipped: list[Skipped], *, split: str | None = None) -> Iterator[GigaFile]:
    """Read shards one row group at a time.

    Files that hold drums only, are damaged, or stand twice are left out.

    Parameters
    ----------
    folder : Path
        Holds ``*.parquet`` at any depth.
    skipped : list of Skipped
        Gets a line for every shard or file that is left out.
    split : str, optional
        Only files of this split.

    Raises
    ------
    FileNotFoundError
        There is no shard.
    """
    shards = sorted(folder.rglob("*.parquet"))
    if not shards:
        raise FileNotFoundError(f"{folder}: expected Parquet shards of GigaMIDI, found none")
    seen: set[str] = set()
    for path in shards:
        name = str(path.relative_to(folder))
        try:
            yield from _shard(path, name, split, seen, skipped)
        except (pa.ArrowException, OSError) as error:
            skipped.append(Skipped(name, f"not a readable Parquet file: {error}", name))


def _shard(path: Path, name: str, split: str | None, seen: set[str], skipped: list[Skipped]) -> Iterator[GigaFile]:
    with pq.ParquetFile(path) as file:
        columns = [
            c
            for c in ("split", "md5", "music", CATEGORY, STYLES, "NOMML", "title", "artist")
            if c in file.schema_arrow.names
        ]
        if not {"md5", "music"} <= set(columns):
            skipped.append(
                Skipped(name, f"expected columns md5 and music, found {', '.join(file.schema_arrow.names)}", name)
            )
            return
        for group in range(file.num_row_groups):
            for row in file.read_row_group(group, columns=columns).to_pylist():
                if split is not None and (row.get("split") or path.name.split("-")[0]) != split:
                    continue
                try:
                    yield _file(row, name, path, seen)
                except MidiError as error:
                    skipped.append(Skipped(str(row["md5"]), error.problem, name))


def _file(row: dict[str, Any], name: str, path: Path, seen: set[str]) -> GigaFile:
    md5, music = str(row["md5"]), row["music"]
    if md5 in seen:
        raise MidiError(md5, "stands twice; the first is used")
    seen.add(md5)
    content = music.get("bytes") if isinstance(music, dict) else music
    if row.get(CATEGORY) == 0:
        raise MidiError(md5, "drums only: no pitched notes to annotate")
    if not isinstance(content, bytes):
        raise MidiError(md5, f"expected MIDI bytes, found {type(content).__name__}")
    return GigaFile(
        md5,
        row.get("split") or path.name.split("-")[0],
        read_midi(content, name=md5),
        -1 if row.get(CATEGORY) is None else int(row[CATEGORY]),
        tuple(row.get(STYLES) or ()),
        tuple(row.get("NOMML") or ()),
        row.get("title") or "",
        row.get("artist") or "",
        name,
    )
