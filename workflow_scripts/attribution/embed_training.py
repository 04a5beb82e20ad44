"""Gradient embeddings of songs, trained and decoys: one job's share of them, under every model of the study."""

from functools import partial
from pathlib import Path
from typing import Any

from sonoscope.attribution.embed import share_out
from sonoscope.attribution.songs import Window, songs_of, windows_of
from sonoscope.attribution.tasks import embed_tasks, tasks_of, training_windows
from sonoscope.contracts import read_json
from sonoscope.contracts.corpora import SONGS
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.attribution import Attribution


def main(
    songs: Path, language_model: Path, of_songs: Path, of_pairs: Path, stores: Path, model: str, shard: int,
    shards: int, folder: str, settings: Attribution,
) -> dict[str, Any]:  # fmt: skip
    """Write the share of job ``shard`` of each store beside ``stores``, which lists what belongs to it."""
    choice = read_json(of_songs)
    known = {song.song_id: song for song in songs_of(SONGS.read(songs), Path(folder))}
    chosen = sorted({*choice["trained"], *choice["decoys"]})
    size, window = settings.embedding.songs_per_shard, settings.embedding.window
    mine = [song for group in share_out(chosen, size, shard, shards) for song in group]
    loaded = load_musicgen(language_model, model)
    windows, _ = windows_of(loaded, [known[i] for i in mine], window, settings.seconds)
    curvature: list[Window] = []
    if "ekfac" in settings.embedding.features:
        curvature, _ = windows_of(loaded, [known[i] for i in choice["trained"]], window, settings.seconds)
    of = partial(training_windows, windows, choice["pairs"], settings)
    tasks = tasks_of(language_model, loaded.name, of_songs, of_pairs, of, settings)
    return embed_tasks(loaded, tasks, stores, curvature, shard, shards, chosen)


if __name__ == "__main__":
    run(main)
