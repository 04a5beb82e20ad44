"""One share of the clips whose training songs are asked for."""

from pathlib import Path
from typing import Any

from sonoscope.attribution.query_shares import generate_share
from sonoscope.job import run


def main(
    songs: Path, language_model: Path, of_songs: Path, of_pairs: Path, clips: Path, tokens: Path, audio: Path,
    model: str, folder: str, settings: dict[str, Any], shard: int, shards: int,
) -> dict[str, Any]:  # fmt: skip
    """Write the files that `generate_queries` writes, for the batches of share ``shard`` of ``shards``."""
    made = generate_share(
        songs, language_model, of_songs, of_pairs, clips, tokens, audio, model, folder, settings, shard, shards
    )
    return {"clips": made}


if __name__ == "__main__":
    run(main)
