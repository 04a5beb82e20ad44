"""One share of the clips pushed towards emotions, and of the pieces that a listener learns from."""

from pathlib import Path
from typing import Any

from sonoscope.interpretability.steering_shares import emotion_share
from sonoscope.job import run


def main(
    pieces: Path, heard: Path, tokens: Path, language_model: Path, clips: Path, listened: Path, model: str,
    settings: dict[str, Any], seed: int, shard: int, shards: int,
) -> dict[str, Any]:  # fmt: skip
    """Write the files that `steer_emotions` writes, for the batches of share ``shard`` of ``shards``."""
    revision = emotion_share(
        pieces, heard, tokens, language_model, clips, listened, model, settings, seed, shard, shards
    )
    return {"revision": revision}


if __name__ == "__main__":
    run(main)
