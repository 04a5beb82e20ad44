"""Gradient embeddings of the clips: one job's share of them, under the same models as those of the songs."""

from pathlib import Path
from typing import Any

from sonoscope.attribution import kinds, queries
from sonoscope.attribution.songs import Window, songs_of, windows_of
from sonoscope.attribution.tasks import embed_tasks, prompt_controls, tasks_of
from sonoscope.contracts import read_json
from sonoscope.contracts.corpora import SONGS
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.attribution import Attribution


def main(
    songs: Path, language_model: Path, of_songs: Path, of_pairs: Path, clips: Path, tokens: Path, stores: Path,
    model: str, shard: int, shards: int, folder: str, settings: Attribution,
) -> dict[str, Any]:  # fmt: skip
    """Write the share of job ``shard`` of each store beside ``stores``, which lists what belongs to it."""
    loaded = load_musicgen(language_model, model)
    frame, codes = queries.read(clips, tokens)
    windows = queries.windows(frame, codes, settings.embedding.window, loaded.frame_rate)
    curvature: list[Window] = []
    if "ekfac" in settings.embedding.features:  # the curvature is that of the songs, on both sides
        chosen = read_json(of_songs)["trained"]
        known = {s.song_id: s for s in songs_of(SONGS.read(songs), Path(folder))}
        curvature, _ = windows_of(loaded, [known[i] for i in chosen], settings.embedding.window, settings.seconds)

    def of(store: str) -> list[Window]:
        asked = kinds.asked_of(frame, store)
        return [w for w in windows if w.song_id in asked]

    tasks = tasks_of(language_model, loaded.name, of_songs, of_pairs, of, settings)
    prompted = set(frame.query_id[frame.kind == kinds.PROMPTED])
    tasks += prompt_controls(tasks, [w for w in windows if w.song_id in prompted], settings)
    return embed_tasks(loaded, tasks, stores, curvature, shard, shards)


if __name__ == "__main__":
    run(main)
