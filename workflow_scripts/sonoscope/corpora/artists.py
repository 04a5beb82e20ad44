"""Composed artists: each with a style of its own, several songs each, in audiocraft's layout of a data set.

Layout: ``{artist}/{title}.flac``, beside each the metadata that audiocraft's MusicDataset reads (``{title}.json``:
title, artist, genre, moods, keywords, description, instrument, key, bpm, duration, …), and ``data.jsonl``, its
manifest. Paths in the manifest are relative to its folder; audiocraft reads them when it is started there.
``truth.csv`` is ours: what each song was made from.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sonoscope.audio.files import write_audio
from sonoscope.audio.soundfont import render
from sonoscope.corpora.text import write_rows
from sonoscope.logs import Progress
from sonoscope.symbolic.causes import DRAWN, Causes, Metre, Mode
from sonoscope.symbolic.cues import affect_of
from sonoscope.symbolic.emotions import nearest_emotion
from sonoscope.symbolic.prompts import SONG_TEMPLATES, instrument_words, prompt
from sonoscope.symbolic.rhythm import bar_seconds
from sonoscope.symbolic.songs import SECTION_BARS, compose_song, drift


@dataclass(frozen=True)
class Genre:
    """What the artists of a genre share."""

    name: str
    mode: Mode
    metre: Metre
    tempo: float
    """Middle of the tempi, in beats per minute."""
    density: float
    articulation: float
    dynamics: int
    register: int
    programs: tuple[tuple[int, ...], ...]
    """Line-ups to choose from."""
    drums: bool


GENRES: tuple[Genre, ...] = (
    Genre("ballad", "minor", "4/4", 66.0, 0.9, 0.98, 50, 0, ((0,), (0, 48), (4, 48)), False),
    Genre("rock", "minor", "4/4", 150.0, 2.0, 0.7, 100, 0, ((24, 24, 33), (81, 24, 33), (65, 24, 33)), True),
    Genre("waltz", "major", "3/4", 120.0, 1.2, 0.6, 72, 12, ((40, 48), (73, 48), (40, 0)), False),
    Genre("march", "major", "4/4", 112.0, 1.4, 0.5, 96, 0, ((56, 56, 33), (56, 16, 33), (65, 56, 33)), True),
    Genre("ambient", "major", "4/4", 58.0, 0.6, 1.0, 44, 0, ((48,), (11, 48), (81, 48)), False),
    Genre("dance", "major", "4/4", 126.0, 2.4, 0.5, 92, 12, ((81, 4, 33), (81, 16, 33), (11, 81, 33)), True),
)
"""Two artists of one genre are near each other in style, and yet not the same."""

_FIRST = ("Ada", "Bruno", "Clara", "Dario", "Elin", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Karla", "Lars")
_SECOND = ("Amber", "Birch", "Cedar", "Dune", "Ember", "Fjord", "Grove", "Harbour", "Iris", "Juniper")
_TITLE = (
    ("Silver", "Quiet", "Broken", "Northern", "Golden", "Hollow", "Distant", "Paper", "Summer", "Velvet"),
    ("River", "Window", "Lantern", "Harbour", "Orchard", "Signal", "Garden", "Mirror", "Staircase", "Tide"),
)


@dataclass(frozen=True)
class Artist:
    """One artist: a genre and what is its own."""

    name: str
    genre: Genre
    tempo: float
    density: float
    articulation: float
    dynamics: int
    programs: tuple[int, ...]
    progressions: tuple[str, ...]
    """The few chord progressions that it keeps using."""
    keys: tuple[int, ...]
    """The few keys that it keeps using."""


def artists(count: int, seed: int) -> list[Artist]:
    """``count`` artists, genres in turn; artist k depends on ``seed`` and k alone."""
    return [_artist(k, np.random.default_rng([seed, 0, k])) for k in range(count)]


def _artist(k: int, rng: np.random.Generator) -> Artist:
    g = GENRES[k % len(GENRES)]
    name = f"{_FIRST[k % len(_FIRST)]} {_SECOND[(k + k // len(_FIRST)) % len(_SECOND)]}"
    generation = k // (len(_FIRST) * len(_SECOND) // 2)  # names repeat after 60
    return Artist(
        f"{name} {generation + 1}" if generation else name,
        g,
        tempo=float(np.clip(g.tempo * 2 ** rng.uniform(-0.2, 0.2), 52, 205)),
        density=float(np.clip(g.density * 2 ** rng.uniform(-0.4, 0.4), 0.5, 3.0)),
        articulation=float(np.clip(g.articulation + rng.uniform(-0.15, 0.15), 0.3, 1.0)),
        dynamics=int(np.clip(g.dynamics + rng.integers(-8, 9), 32, 108)),
        programs=g.programs[(k // len(GENRES)) % len(g.programs)],
        progressions=tuple(str(p) for p in rng.choice(DRAWN[g.mode], size=2, replace=False)),
        keys=tuple(int(x) for x in rng.choice(12, size=2, replace=False)),
    )


def song_causes(artist: Artist, rng: np.random.Generator) -> Causes:
    """Causes of a song's first section: the artist's style, a little disturbed."""
    g = artist.genre
    return Causes(
        mode=g.mode,
        key=int(rng.choice(artist.keys)),
        tempo=round(float(np.clip(artist.tempo * 2 ** rng.uniform(-0.08, 0.08), 50, 210)), 1),
        metre=g.metre,
        register=g.register,
        density=round(artist.density, 2),
        articulation=round(artist.articulation, 2),
        dynamics=artist.dynamics,
        progression=str(rng.choice(artist.progressions)),
        programs=artist.programs,
        drums=g.drums,
    )


def compose_songs(
    folder: Path, count: int, songs: int, seconds: tuple[float, float], sample_rate: int, seed: int
) -> None:
    """Write a corpus of ``count`` artists with ``songs`` songs each, of ``seconds`` (least, most) length.

    Song k of artist j depends on the seed, j and k alone.
    """
    manifest: list[dict[str, Any]] = []
    truth: list[tuple[object, ...]] = []
    with Progress(count * songs, "songs") as progress:
        for j, artist in enumerate(artists(count, seed)):
            for k, title in enumerate(_titles(songs, np.random.default_rng([seed, 1, j]))):
                rng = np.random.default_rng([seed, 2, j, k])
                entry, causes = _write_song(folder, artist, title, float(rng.uniform(*seconds)), sample_rate, rng)
                manifest.append(entry)
                truth.append((entry["path"], artist.name, artist.genre.name, *affect_of(causes), causes.tempo))
                progress.advance()
    write_rows(folder / "truth.csv", ("path", "artist", "genre", "valence", "arousal", "tempo"), truth)
    lines = "".join(json.dumps(entry) + "\n" for entry in manifest)
    (folder / "data.jsonl").write_text(lines, encoding="utf-8")


def _titles(count: int, rng: np.random.Generator) -> Iterator[str]:
    most = len(_TITLE[0]) * len(_TITLE[1])
    for n, pick in enumerate(rng.permutation(most)[np.arange(count) % most]):
        first, second = divmod(int(pick), len(_TITLE[1]))
        yield f"{_TITLE[0][first]} {_TITLE[1][second]}" + (f" {n // most + 1}" if n >= most else "")


def _write_song(
    folder: Path, artist: Artist, title: str, seconds: float, sample_rate: int, rng: np.random.Generator
) -> tuple[dict[str, Any], Causes]:
    """Write one song and its metadata; returns its line of the manifest and the causes of its first section."""
    causes = song_causes(artist, rng)
    sections = max(2, int(np.ceil(seconds / (SECTION_BARS * bar_seconds(causes)))))
    steps = drift(causes, sections, rng, spread=0.05, turn=0.0)
    tempo_kept = [replace(c, tempo=causes.tempo) for c in steps]  # an artist keeps the beat within a song
    score = compose_song(tempo_kept, int(rng.integers(2**31))).score
    audio = render(score, sample_rate, seconds)
    stem = f"{_slug(artist.name)}/{_slug(title)}"
    path = folder / f"{stem}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, audio, sample_rate)
    mood = nearest_emotion(*affect_of(causes)).word
    info = {
        "title": title,
        "artist": artist.name,
        "genre": artist.genre.name,
        "moods": [mood],
        "keywords": [artist.genre.name, mood, causes.mode],
        "description": prompt(SONG_TEMPLATES[int(rng.integers(len(SONG_TEMPLATES)))], causes, mood),
        "name": _slug(title),
        "instrument": instrument_words(causes),
        "key": f"{causes.tonic} {causes.mode}",
        "bpm": causes.tempo,
        "duration": len(audio) / sample_rate,
        "sample_rate": sample_rate,
        "file_extension": "flac",
    }
    path.with_suffix(".json").write_text(json.dumps(info, indent=1) + "\n", encoding="utf-8")
    entry = {"path": f"{stem}.flac", "duration": info["duration"], "sample_rate": sample_rate}
    return entry | {"amplitude": None, "weight": None, "info_path": None}, causes


def _slug(text: str) -> str:
    return text.lower().replace(" ", "_")
