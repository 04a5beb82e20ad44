"""Songs to look at and to hear, chosen by a rule: the ones nearest to the mean song of each quadrant."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sonoscope.affect.analysis import selections
from sonoscope.affect.metrics import quadrant
from sonoscope.affect.sources import Source
from sonoscope.affect.tally import song_blocks
from sonoscope.audio.files import write_audio
from sonoscope.audio.soundfont import render
from sonoscope.contracts.affect import EXAMPLES
from sonoscope.symbolic.midi import MidiError, read_midi

SAMPLE_RATE = 32000
_CURVES = ("md5", "second", "valence", "arousal", "valence_low", "valence_high", "arousal_low", "arousal_high")


def choose(songs: pd.DataFrame, count: int) -> list[tuple[str, str]]:
    """MD5s and quadrants: from each quadrant in turn, the song nearest to the mean of its songs, then the next."""
    chosen = selections(songs)["trusted"]
    chosen = chosen if len(chosen) else songs
    affect = chosen[["valence", "arousal"]].to_numpy(np.float64)
    which = quadrant(affect)
    queues = []
    for q in np.unique(which):
        own = np.flatnonzero(which == q)
        distance = ((affect[own] - affect[own].mean(0)) ** 2).sum(1)
        queues.append([(str(chosen.md5.iloc[k]), f"Q{q}") for k in own[np.argsort(distance, kind="stable")]])
    picked: list[tuple[str, str]] = []
    for turn in range(max(map(len, queues), default=0)):
        picked += [queue[turn] for queue in queues if turn < len(queue)]
    return picked[:count]


def example_rows(
    songs: pd.DataFrame, bars: Path, source: Source, count: int, seconds: float, audio: Path
) -> pd.DataFrame:
    """Score, sound and curve of the chosen songs, as `EXAMPLES` declares; FLAC files go into ``audio``.

    ``bars`` is the table of bars, which is read once for the few that are wanted.
    """
    audio.mkdir(parents=True, exist_ok=True)
    wanted = dict(choose(songs, count))
    curves = pd.concat(song_blocks(bars, set(wanted), _CURVES), ignore_index=True) if wanted else pd.DataFrame()
    rows = {}
    for md5, content in _contents(source, set(wanted)):
        song = songs[songs.md5 == md5].iloc[0]
        own = curves[(curves.md5 == md5) & (curves.second <= seconds)]
        try:
            score = read_midi(content, md5)
        except MidiError:  # it was annotated, so this cannot be; a picture less is no reason to stop
            continue
        write_audio(audio / f"{md5}.flac", render(score, SAMPLE_RATE, seconds), SAMPLE_RATE)
        half = ((own.valence_high - own.valence_low) / 2, (own.arousal_high - own.arousal_low) / 2)
        rows[md5] = {
            "md5": md5,
            "quadrant": wanted[md5],
            "title": str(song.title) or str(song["name"]),
            "style": ", ".join(song.styles),
            "audio": f"{audio.name}/{md5}.flac",
            **_notes(score, seconds),
            "bar_second": own.second.tolist(),
            "valence": own.valence.tolist(),
            "arousal": own.arousal.tolist(),
            "valence_half_width": half[0].mean() if len(own) else np.nan,
            "arousal_half_width": half[1].mean() if len(own) else np.nan,
        }
    return pd.DataFrame([rows[md5] for md5 in wanted if md5 in rows], columns=list(EXAMPLES.columns))


def _contents(source: Source, wanted: set[str]) -> Iterator[tuple[str, bytes]]:
    """Bytes of the wanted files; the corpus is read up to the last of them."""
    for unit in source.units(64):
        if not wanted:
            return
        for item in source.items(unit):
            if item.md5 in wanted and item.content:
                wanted.discard(item.md5)
                yield item.md5, item.content


def _notes(score: Any, seconds: float) -> dict[str, list[Any]]:
    """Notes of all pitched tracks up to a moment."""
    tracks = [t.notes.numpy() for t in score.to("second").tracks if len(t.notes) and not t.is_drum]
    columns = {
        name: np.concatenate([t[field] for t in tracks]) if tracks else np.zeros(0)
        for name, field in (("onset", "time"), ("duration", "duration"), ("pitch", "pitch"), ("velocity", "velocity"))
    }
    early = columns["onset"] < seconds
    order = np.argsort(columns["onset"][early], kind="stable")
    found = {name: column[early][order] for name, column in columns.items()}
    return {
        "onset": found["onset"].astype(np.float64).round(4).tolist(),
        "duration": found["duration"].astype(np.float64).round(4).tolist(),
        "pitch": found["pitch"].astype(np.int64).tolist(),
        "velocity": found["velocity"].astype(np.int64).tolist(),
    }
