"""Codec tokens of one share of one corpus."""

from pathlib import Path
from typing import Any

from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.musicgen.shares import encode_share


def main(
    clips: Path, language_model: Path, tokens: Path, skipped: Path, model: str, batch: int, shard: int, shards: int
) -> dict[str, Any]:
    """Write the files that `encode_clips` writes, for the batches of share ``shard`` of ``shards``."""
    musicgen = load_musicgen(language_model, model)
    encode_share(musicgen, clips, tokens, skipped, batch, shard, shards)
    return {"revision": musicgen.revision}


if __name__ == "__main__":
    run(main)
