"""Hidden states of pieces that are replayed and of clips that are generated, with one load of the model."""

from pathlib import Path
from typing import Any

from sonoscope.interpretability.emotion_shares import Captured, capture_share, merge_shares
from sonoscope.job import run


def main(
    pieces: Path, prompts: Path, language_model: Path, parts: list[Path], heard: Path, tokens: Path, clips: Path,
    states: Path, speed: Path, shards: Path, model: str, settings: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Write pooled states, tokens, and the frame-level store of one layer.

    Where that was done in shares, ``parts`` are the tables of these, and nothing is left but to merge them.
    """
    files = Captured(heard, tokens, clips, states, speed, shards)
    if parts:
        return {"revision": merge_shares([files.within(part.parent) for part in parts], files)}
    return {"revision": capture_share(pieces, prompts, language_model, files, model, settings, 0, 1)}


if __name__ == "__main__":
    run(main)
