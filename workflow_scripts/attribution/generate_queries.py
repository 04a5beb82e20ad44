"""Clips whose training songs are asked for: generated with captions and without, and real ones that were held out."""

from pathlib import Path
from typing import Any

import pandas as pd

from sonoscope.attribution import kinds, queries
from sonoscope.attribution.songs import songs_of
from sonoscope.attribution.training import find
from sonoscope.attribution.variants import FULL
from sonoscope.contracts import read_json
from sonoscope.contracts.corpora import SONGS
from sonoscope.job import run
from sonoscope.musicgen.interface import Sampling
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.attribution import Attribution
from sonoscope.settings.musicgen import MusicGen


def main(
    songs: Path, language_model: Path, of_songs: Path, of_pairs: Path, clips: Path, tokens: Path, audio: Path,
    model: str, folder: str, settings: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Write the table of ``clips``, their ``tokens``, and FLAC files into ``audio``."""
    s, musicgen = Attribution.model_validate(settings["attribution"]), MusicGen.model_validate(settings["musicgen"])
    known = {song.song_id: song for song in songs_of(SONGS.read(songs), Path(folder))}
    choice = read_json(of_songs)
    trained = [known[i] for i in choice["trained"]]
    pairs = [[known[i] for i in pair] for pair in choice["pairs"][: s.counterfactuals.pairs]]
    plans = [(find(of_songs, f"{FULL}-seed0"), queries.of_many(trained, s))]
    for number, two in enumerate(pairs):
        plans.append((find(of_pairs, f"pair-{number}-ab-seed0"), queries.of_pair(two, number, s)))
    sampling = Sampling(musicgen.top_k, musicgen.temperature, s.queries.guidance)
    parts = []
    for found, wishes in plans:
        loaded = load_musicgen(found.folder / "state_dict.bin", model)
        parts.append(queries.generate(loaded, wishes, sampling, musicgen.batch, audio))
    base = load_musicgen(language_model, model)
    parts.append(queries.held_out(base, trained, s, kinds.HELD_OUT, s.queries.held_out, audio))
    for number, two in enumerate(pairs):
        kind = f"pair-{number}-{kinds.HELD_OUT}"
        parts.append(queries.held_out(base, two, s, kind, s.queries.pair_held_out, audio))
    frame = pd.concat([f for f, _ in parts if len(f)], ignore_index=True)
    codes = [c for _, some in parts for c in some]
    queries.write(clips, tokens, frame, codes, model)
    return {"clips": len(codes)}


if __name__ == "__main__":
    run(main)
