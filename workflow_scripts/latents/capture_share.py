"""Hidden states of a teacher-forced replay of one share of one corpus."""

from pathlib import Path
from typing import Any

from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.musicgen.shares import capture_share


def main(
    tokens: Path, language_model: Path, hidden_states: Path, model: str, batch: int, shard: int, shards: int
) -> dict[str, Any]:
    """Write the file that `capture_hidden_states` writes, for the batches of share ``shard`` of ``shards``."""
    musicgen = load_musicgen(language_model, model)
    capture_share(musicgen, tokens, hidden_states, batch, shard, shards)
    return {"revision": musicgen.revision}


if __name__ == "__main__":
    run(main)
