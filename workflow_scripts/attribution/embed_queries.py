"""Gradient embeddings of the generated clips, under the same models as those of the songs."""

from pathlib import Path
from typing import Any

from sonoscope.attribution import queries
from sonoscope.attribution.songs import Song, Window, songs_of, windows_of
from sonoscope.attribution.studies import embed_all, embed_prompts
from sonoscope.contracts import read_json
from sonoscope.contracts.corpora import SONGS
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.attribution import Attribution


def main(
    songs: Path, language_model: Path, of_songs: Path, of_pairs: Path, clips: Path, tokens: Path, stores: Path,
    model: str, folder: str, settings: Attribution,
) -> dict[str, Any]:  # fmt: skip
    """Write one store per model under test into the folder of ``stores``, which lists them."""
    loaded = load_musicgen(language_model, model)
    frame, codes = queries.read(clips, tokens)
    windows = queries.windows(frame, codes, settings.embedding.window, loaded.frame_rate)
    kinds = dict(zip(frame.query_id, frame.kind, strict=True))
    curvature: list[Window] = []
    if "ekfac" in settings.embedding.features:  # the curvature is that of the songs, on both sides
        chosen = {*read_json(of_songs)["trained"], *read_json(of_songs)["decoys"]}
        some: list[Song] = [s for s in songs_of(SONGS.read(songs), Path(folder)) if s.song_id in chosen]
        curvature, _ = windows_of(loaded, some, settings.embedding.window, settings.seconds)

    def of(kind: str) -> list[Window]:
        if kind in ("songs", "base"):
            return [w for w in windows if kinds[w.song_id] == "songs"]
        experiments = kind == "pair-0"  # they are about the first pair
        return [w for w in windows if kinds[w.song_id] == kind or (experiments and kinds[w.song_id].startswith("exp"))]

    embed_prompts(loaded, language_model, of_songs, of("songs"), stores, settings)
    return embed_all(loaded, language_model, of_songs, of_pairs, of, stores, settings, curvature)


if __name__ == "__main__":
    run(main)
