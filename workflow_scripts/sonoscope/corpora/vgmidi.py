"""VGMIDI: piano pieces with valence and arousal per bar from many raters (Ferreira & Whitehead, ISMIR 2019).

Layout: ``labelled/annotations/vgmidi_raw_{1,2}.json``, each ``{"annotations": {"piece<i>_<rater>": {"valence": [...],
"arousal": [...], ...}}, "pieces": {"piece<i>": {"name", "midi", "audio", "duration", "measures"}}}``, and MIDI files at
``labelled/midi/<pieces[i].midi>``. Piece numbers start anew in the second file. The composed corpus adds
``labelled/truth.csv``: what the causes of each bar express.
"""

import json
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.contracts import Column, Table, write_json
from sonoscope.corpora.skipped import Skipped
from sonoscope.corpora.text import write_rows
from sonoscope.symbolic.cues import causes_for
from sonoscope.symbolic.midi import MidiError, read_midi
from sonoscope.symbolic.songs import Song, bar_starts, compose_song, drift

BARS = Table(
    "vgmidi_bars",
    {
        "piece_id": Column("string", "Annotation file and piece, such as 1-piece0"),
        "file": Column("string", "MIDI file, relative to the corpus"),
        "bar": Column("int64", "Number of the bar, from 0"),
        "valence": Column("float64", "Mean over raters, in [-1, 1]"),
        "arousal": Column("float64", "Mean over raters, in [-1, 1]"),
        "valence_sd": Column("float64", "Standard deviation over raters"),
        "arousal_sd": Column("float64", "Standard deviation over raters"),
        "raters": Column("int64", "Number of raters whose arrays have the right length"),
    },
    key=("piece_id", "bar"),
)
_DIMENSIONS = ("valence", "arousal")


class Rater(NamedTuple):
    """How composed raters differ: published between-rater standard deviations are .38 and .39."""

    bias: float = 0.25
    noise: float = 0.25
    inertia: float = 0.8
    """Share of the previous bar's rating that is kept."""


def compose_vgmidi(folder: Path, pieces: int, seed: int, *, raters: int = 10, rater: Rater = Rater()) -> None:  # noqa: B008 (frozen)
    """Write a composed corpus in VGMIDI's layout, half of the pieces in each annotation file.

    Raters follow the truth slowly, each with a bias and noise of their own.
    """
    truth: list[tuple[str, int, str, str]] = []
    halves = np.array_split(np.arange(pieces), 2)
    for number, half in enumerate(halves, start=1):
        content: dict[str, dict[str, Any]] = {"annotations": {}, "pieces": {}}
        for k, which in enumerate(half.tolist()):
            rng = np.random.default_rng((seed, which))
            song, name = _song(rng), f"composed_{which:04d}.mid"
            path = folder / "labelled" / "midi" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(song.score.dumps_midi())
            content["pieces"][f"piece{k}"] = {
                "name": path.stem,
                "midi": name,
                "audio": f"{path.stem}.mp3",
                "duration": round(float(song.score.to("second").end()), 2),
                "measures": len(song.affect),
            }
            for r in range(raters):
                content["annotations"][f"piece{k}_{r}"] = _rating(song.affect, rng, rater)
            rows = song.affect.tolist()
            truth += [(f"{number}-piece{k}", bar, f"{v:.6f}", f"{a:.6f}") for bar, (v, a) in enumerate(rows)]
        write_json(folder / "labelled" / "annotations" / f"vgmidi_raw_{number}.json", content)
    write_rows(folder / "labelled" / "truth.csv", ("piece_id", "bar", *_DIMENSIONS), truth)


def _song(rng: np.random.Generator) -> Song:
    valence, arousal = rng.uniform(-0.8, 0.8, 2).tolist()
    causes = causes_for(valence, arousal, rng)
    return compose_song(drift(causes, int(rng.integers(5, 16)), rng), int(rng.integers(2**31)))


def _rating(affect: NDArray[np.float64], rng: np.random.Generator, rater: Rater) -> dict[str, Any]:
    bias = rater.bias * rng.standard_normal(2)
    heard = affect + bias + rater.noise * rng.standard_normal(affect.shape)
    for bar in range(1, len(heard)):
        heard[bar] = rater.inertia * heard[bar - 1] + (1 - rater.inertia) * heard[bar]
    rounded = np.clip(heard, -1, 1).round(2)
    person = {"age": "26-30", "country": "XX", "gender": "Other", "isKnown": False, "musicianship": 1}
    return person | {d: rounded[:, k].tolist() for k, d in enumerate(_DIMENSIONS)}


def load_vgmidi(folder: Path, *, tolerance: int = 1) -> tuple[pd.DataFrame, list[Skipped]]:
    """Read a corpus in VGMIDI's layout.

    Parameters
    ----------
    folder : Path
        Holds ``labelled``.
    tolerance : int
        A piece is left out if the bars of its MIDI file, counted by its time signatures, differ by more from the number
        of annotated ones: its bars cannot be told apart. Repeats written out in one and not the other are the cause.

    Returns
    -------
    DataFrame
        Fits `BARS`; only bars that both the file and the annotation have.
    list of Skipped
        A line for every piece, rating or file that is not used.

    Raises
    ------
    FileNotFoundError
        There is no annotation file.
    """
    files = sorted((folder / "labelled" / "annotations").glob("vgmidi_raw_*.json"))
    if not files:
        raise FileNotFoundError(f"{folder}: expected labelled/annotations/vgmidi_raw_1.json")
    skipped: list[Skipped] = []
    rows = [row for path in files for row in _read(folder, path, tolerance, skipped)]
    table = pd.DataFrame(rows, columns=list(BARS.columns))
    BARS.check(table)
    return table, skipped


def load_ratings(folder: Path, pieces: Collection[str]) -> dict[str, NDArray[np.float64]]:
    """Usable ratings ``(raters, bars, 2)``, valence and arousal, of pieces that `load_vgmidi` gave."""
    found: dict[str, NDArray[np.float64]] = {}
    for path in sorted((folder / "labelled" / "annotations").glob("vgmidi_raw_*.json")):
        number = path.stem.rsplit("_", 1)[1]
        try:
            entries, annotations = _objects(path)
        except ValueError:  # load_vgmidi has said so
            continue
        kept: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
        for key, rating in annotations.items():
            piece = key.rsplit("_", 1)[0]
            name = f"{number}-{piece}"
            if name in pieces and not _reason(rating, int(entries[piece]["measures"])):
                kept[name].append(np.array([rating[d] for d in _DIMENSIONS], np.float64).T)
        found |= {name: np.stack(each) for name, each in kept.items()}
    return found


def _objects(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Pieces and annotations of one file; ValueError where they are not JSON objects."""
    content = json.loads(path.read_text(encoding="utf-8"))
    pieces, annotations = (content.get(n) if isinstance(content, dict) else None for n in ("pieces", "annotations"))
    if isinstance(pieces, dict) and isinstance(annotations, dict):
        return pieces, annotations
    found = f"{type(pieces).__name__} and {type(annotations).__name__}"
    raise ValueError(f"expected a JSON object with the objects pieces and annotations, found {found}")


def _read(folder: Path, path: Path, tolerance: int, skipped: list[Skipped]) -> list[tuple[Any, ...]]:
    where, number = str(path.relative_to(folder)), path.stem.rsplit("_", 1)[1]
    try:
        pieces, annotations = _objects(path)
    except ValueError as error:
        skipped.append(Skipped(path.name, str(error), where))
        return []
    ratings: dict[str, dict[str, Any]] = defaultdict(dict)
    for key, rating in annotations.items():
        ratings[key.rsplit("_", 1)[0]][key] = rating
    skipped += [
        Skipped(f"{number}-{piece}", f"{len(ratings[piece])} ratings, but no entry among the pieces", where)
        for piece in sorted(set(ratings) - set(pieces))
    ]
    rows: list[tuple[Any, ...]] = []
    for piece, entry in pieces.items():
        try:
            rows += _piece(folder, f"{number}-{piece}", entry, ratings[piece], tolerance, skipped, where)
        except (MidiError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            skipped.append(Skipped(f"{number}-{piece}", str(error) or repr(error), where))
    return rows


def _piece(
    folder: Path,
    piece_id: str,
    entry: dict[str, Any],
    ratings: dict[str, Any],
    tolerance: int,
    skipped: list[Skipped],
    where: str,
) -> list[tuple[Any, ...]]:
    measures, file = int(entry["measures"]), f"labelled/midi/{entry['midi']}"
    bars = len(bar_starts(read_midi(folder / file)))
    if abs(bars - measures) > tolerance:
        raise ValueError(f"{file} has {bars} bars by its time signatures, the annotation {measures}")
    kept: list[NDArray[np.float64]] = []
    for key, rating in ratings.items():
        reason = _reason(rating, measures)
        if reason:
            skipped.append(Skipped(f"{piece_id} rating {key}", reason, where))
        else:
            kept.append(np.array([rating[d] for d in _DIMENSIONS], np.float64).T)
    if not kept:
        raise ValueError("no rating of it can be used")
    values = np.stack(kept)[:, : min(bars, measures)]  # (raters, bars, 2)
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=min(1, len(kept) - 1))
    return [
        (piece_id, file, bar, *m, *s, len(kept))
        for bar, (m, s) in enumerate(zip(mean.tolist(), spread.tolist(), strict=True))
    ]


def _reason(rating: Any, measures: int) -> str:
    """Why a rating cannot be used; empty if it can."""
    for dimension in _DIMENSIONS:
        values = rating.get(dimension) if isinstance(rating, dict) else None
        if not isinstance(values, list):
            return f"expected a list of {dimension}, found {type(values).__name__}"
        if len(values) != measures:
            return f"expected {measures} values of {dimension}, one per bar, found {len(values)}"
        if not all(isinstance(v, int | float) and abs(v) <= 1 for v in values):
            return f"expected {dimension} in [-1, 1]"
    return ""
