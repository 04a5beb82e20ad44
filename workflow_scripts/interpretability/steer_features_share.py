"""One share of the clips pushed along single features of a dictionary."""

from pathlib import Path
from typing import Any

from sonoscope.interpretability.steering_shares import feature_share
from sonoscope.job import run


def main(
    pieces: Path, heard: Path, features: Path, dictionaries: Path, language_model: Path, clips: Path, model: str,
    settings: dict[str, Any], seed: int, shard: int, shards: int,
) -> dict[str, Any]:  # fmt: skip
    """Write the table that `steer_features` writes, for the batches of share ``shard`` of ``shards``."""
    revision = feature_share(
        pieces, heard, features, dictionaries, language_model, clips, model, settings, seed, shard, shards
    )
    return {"revision": revision}


if __name__ == "__main__":
    run(main)
