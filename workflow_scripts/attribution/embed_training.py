"""Gradient embeddings of the songs, trained and decoys, under the checkpoints of the fine-tunes and under the base."""

from pathlib import Path
from typing import Any

from sonoscope.attribution.songs import songs_of, windows_of
from sonoscope.attribution.studies import embed_all
from sonoscope.contracts import read_json
from sonoscope.contracts.corpora import SONGS
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.attribution import Attribution


def main(
    songs: Path, language_model: Path, of_songs: Path, of_pairs: Path, stores: Path, model: str, folder: str,
    settings: Attribution,
) -> dict[str, Any]:  # fmt: skip
    """Write one store per model under test into the folder of ``stores``, which lists them."""
    choice = read_json(of_songs)
    chosen = {*choice["trained"], *choice["decoys"]}
    loaded = load_musicgen(language_model, model)
    some = [song for song in songs_of(SONGS.read(songs), Path(folder)) if song.song_id in chosen]
    windows, _ = windows_of(loaded, some, settings.embedding.window, settings.seconds)
    return embed_all(loaded, language_model, of_songs, of_pairs, lambda kind: windows, stores, settings, windows)


if __name__ == "__main__":
    run(main)
