"""Generate the clips whose training songs are asked for: with songs' captions, and for the experiments."""

from pathlib import Path
from typing import Any

import pandas as pd

from sonoscope.attribution import queries
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
    songs: Path, of_songs: Path, of_pairs: Path, clips: Path, tokens: Path, audio: Path,
    model: str, settings: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Write the table of ``clips``, their ``tokens``, and FLAC files into ``audio``."""
    s, musicgen = Attribution.model_validate(settings["attribution"]), MusicGen.model_validate(settings["musicgen"])
    known = {song.song_id: song for song in songs_of(SONGS.read(songs), Path())}
    choice = read_json(of_songs)
    sampling = Sampling(musicgen.top_k, musicgen.temperature, s.queries.guidance)
    plans = [
        (
            find(of_songs, f"{FULL}-seed0"),
            queries.of_songs([known[i] for i in choice["trained"]], s, "songs", s.queries.seeds),
        )
    ]
    for number, pair in enumerate(choice["pairs"][: s.counterfactuals.pairs]):
        two = [known[i] for i in pair]
        wishes = queries.of_songs(two, s, f"pair-{number}", s.queries.pair_seeds)
        if number == 0:
            wishes += [w for e in s.experiments.run for w in queries.of_experiment(e, two, s)]
        plans.append((find(of_pairs, f"pair-{number}-ab-seed0"), wishes))
    frames, codes = [], []
    for trained, wishes in plans:
        loaded = load_musicgen(trained.folder / "state_dict.bin", model)
        frame, more = queries.generate(loaded, wishes, sampling, musicgen.batch, audio)
        frames.append(frame)
        codes += more
    queries.write(clips, tokens, pd.concat(frames, ignore_index=True), codes, model)
    return {"clips": len(codes)}


if __name__ == "__main__":
    run(main)
