"""One share of the hidden states of pieces that are replayed and of clips that are generated."""

from pathlib import Path
from typing import Any

from sonoscope.interpretability import emotion_shares as library
from sonoscope.job import run


def main(
    pieces: Path, prompts: Path, language_model: Path, heard: Path, tokens: Path, clips: Path, states: Path,
    speed: Path, store: Path, model: str, settings: dict[str, Any], shard: int, shards: int,
) -> dict[str, Any]:  # fmt: skip
    """Write the files that `capture_emotions` writes, for the batches of share ``shard`` of ``shards``."""
    files = library.Captured(heard, tokens, clips, states, speed, store)
    return {"revision": library.capture_share(pieces, prompts, language_model, files, model, settings, shard, shards)}


if __name__ == "__main__":
    run(main)
