"""One share of the clips of one experiment."""

from pathlib import Path
from typing import Any

from sonoscope.job import run
from sonoscope.settings.injection import Experiment
from sonoscope.steering import shares as library


def main(
    directions: list[Path], language_model: Path, clips: Path, audio: Path, replayed: Path,
    model: str, experiment: str, design: Experiment, settings: dict[str, Any], seed: int, shard: int, shards: int,
) -> dict[str, Any]:  # fmt: skip
    """Write the files that `generate_steered` writes, for the batches of share ``shard`` of ``shards``."""
    revision = library.generate_share(
        directions, language_model, clips, audio, replayed, model, experiment, design, settings, seed, shard, shards
    )
    return {"revision": revision}


if __name__ == "__main__":
    run(main)
