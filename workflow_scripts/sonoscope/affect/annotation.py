"""Valence and arousal of many files, in parts that are written whole or not at all.

A part holds one row per file of a unit, annotated or not, and is the only record that the unit is done. A job that was
killed repeats the unit that it was in, and nothing else.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sonoscope import storage
from sonoscope.affect.bundle import Bundle
from sonoscope.affect.encoding import encode_songs
from sonoscope.affect.evaluation import running_median
from sonoscope.affect.features import HAND
from sonoscope.affect.reading import SongBars, read_songs
from sonoscope.affect.sources import Item, Source, Unit
from sonoscope.codehash import code_hash
from sonoscope.contracts.affect import SONGS
from sonoscope.logs import Progress
from sonoscope.musetok.model import MuseTok
from sonoscope.settings.affect import BarReading
from sonoscope.settings.musetok import Encoding

log = logging.getLogger(__name__)

_LISTS = ("bar_number", "second", "valence", "arousal", "ood_score", "shift", "n_notes", "n_kept", "disagreement")
_MEANS = ("tempo", "notes_per_beat", "velocity", "pitch", "mode")


@dataclass(frozen=True)
class Annotator:
    """Everything that turns files into annotations."""

    model: MuseTok
    bundle: Bundle
    encoding: Encoding
    reading: BarReading
    smoothing: int = 1
    threads: int = 1

    def annotate(self, items: Sequence[Item]) -> pd.DataFrame:
        """One row per file, as `SONGS` declares; bars of all files share batches."""
        wanted: list[tuple[str, Path | bytes]] = [
            (str(i.order), i.content) for i in items if i.content and not i.problem
        ]
        found = dict(read_songs(wanted, self.encoding.events, self.reading, self.threads))
        good = [(order, song) for order, song in found.items() if isinstance(song, SongBars)]
        clips = encode_songs([s for _, s in good], self.model, self.encoding.batch_tokens) if good else []
        said = {
            order: _lists(song, clip, prediction.affect, prediction.disagreement, prediction.ood_score, self.smoothing)
            for (order, song), clip, prediction in zip(good, clips, self.bundle.predict(clips), strict=True)
        }
        rows = []
        for item in items:
            outcome = found.get(str(item.order), item.problem or "the file is empty (0 bytes)")
            song = outcome if isinstance(outcome, SongBars) else None
            reason = outcome if isinstance(outcome, str) else ""
            rows.append(_row(item, song, said.get(str(item.order)), reason, self.reading.off_grid))
        return pd.DataFrame(rows, columns=list(SONGS.columns))


def _lists(
    song: SongBars, clip: dict[str, Any], affect: np.ndarray[Any, Any], disagreement: np.ndarray[Any, Any],
    ood_score: np.ndarray[Any, Any], smoothing: int,
) -> dict[str, Any]:  # fmt: skip
    smooth = running_median(affect, smoothing)
    features = dict(zip(HAND, song.features.T, strict=True))
    return {
        "bar_number": clip["bar_number"].tolist(),
        "second": clip["second"].round(4).tolist(),
        "valence": smooth[:, 0].round(6).tolist(),
        "arousal": smooth[:, 1].round(6).tolist(),
        "ood_score": ood_score.round(4).tolist(),
        "shift": clip["shift"].round(3).tolist(),
        "n_notes": clip["n_notes"].tolist(),
        "n_kept": clip["n_kept"].tolist(),
        "disagreement": disagreement.round(6).tolist(),
        "tempo": round(float(2 ** np.median(features["tempo"])), 3),
        "notes_per_beat": round(float(features["notes_per_beat"].mean()), 4),
        "velocity": round(float(features["velocity_mean"].mean()), 3),
        "pitch": round(float(features["pitch_mean"].mean()), 3),
        "mode": round(float(features["mode"].mean()), 5),
    }


def _row(
    item: Item, song: SongBars | None, said: dict[str, Any] | None, reason: str, off_grid: float
) -> dict[str, Any]:
    on_grid = song is not None and (song.rebarred or (not item.expressive and song.shift < off_grid))
    empty: dict[str, Any] = {**{name: [] for name in _LISTS}, **dict.fromkeys(_MEANS, np.nan)}
    return {
        "md5": item.md5,
        "name": item.name,
        "order": item.order,
        "reason": reason,
        **(said or empty),
        "keeps_a_grid": on_grid,
        "styles": list(item.styles),
        "title": item.title,
        "artist": item.artist,
    }


def work_key(bundle: str, musetok: str, settings: list[Any]) -> str:
    """Name of the folder of parts, which belong to one model, MuseTok, way to read, and state of the code."""
    scripts = storage.WORKFLOW / "workflow_scripts"
    code = code_hash(scripts / "affect" / "annotate_shard.py", scripts)
    return hashlib.sha256(json.dumps([bundle, musetok, settings, code], sort_keys=True).encode()).hexdigest()[:12]


def annotate_units(
    source: Source, units: Sequence[Unit], annotator: Annotator, parts: Path,
    started: Callable[[Unit], None] = lambda _: None,
) -> int:  # fmt: skip
    """Write a part for every unit that has none; gives the number of units done now.

    ``started`` is told of each unit before it is computed.
    """
    done = 0
    with Progress(sum(u.stop - u.start for u in units), "files") as progress:
        for unit in units:
            path = parts / f"{unit.key}.parquet"
            if not path.is_file():
                started(unit)
                SONGS.write(path, annotator.annotate(source.items(unit)))
                done += 1
            progress.advance(unit.stop - unit.start)
    log.info("%d of %d units were there already", len(units) - done, len(units))
    return done


def gathered(units: Sequence[Unit], parts: Path) -> pd.DataFrame:
    """The rows of all units, in the order of the corpus."""
    frames = []
    for unit in units:
        frame = SONGS.read(parts / f"{unit.key}.parquet")
        frame["order"] = frame["order"] - int(frame["order"].iloc[0]) + unit.order  # a grown corpus moves later files
        frames.append(frame)
    if not frames:
        return pd.DataFrame({c: pd.Series(dtype=object) for c in SONGS.columns})
    return pd.concat(frames, ignore_index=True)
