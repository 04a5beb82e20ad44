"""Attribution scores of all songs for all clips by every method, from stored embeddings, tokens and audio."""

from pathlib import Path
from typing import Any

from sonoscope.attribution.studies import score_all
from sonoscope.contracts.attribution import SCORES
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.attribution import Attribution


def main(
    songs: Path, language_model: Path, of_songs: Path, of_pairs: Path, song_stores: Path, query_stores: Path,
    clips: Path, tokens: Path, scores: Path, pair_scores: Path, model: str, folder: str,
    settings: Attribution, seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Write the table of ``scores`` of the many songs, and that of the pairs."""
    loaded = load_musicgen(language_model, model)
    many, pairs = score_all(
        loaded, language_model, model, songs, Path(folder), of_songs, of_pairs, song_stores, query_stores, clips,
        tokens, settings, seed,
    )  # fmt: skip
    SCORES.write(scores, many)
    SCORES.write(pair_scores, pairs)
    return {"scores": len(many) + len(pairs)}


if __name__ == "__main__":
    run(main)
