"""Clips pushed towards emotions along directions of rendered music, and along controls, with one load of the model."""

from pathlib import Path
from typing import Any

from sonoscope.interpretability.steering_shares import emotion_share, merge_shares
from sonoscope.job import run


def main(
    pieces: Path, heard: Path, tokens: Path, language_model: Path, parts: list[Path], clips: Path, listened: Path,
    model: str, settings: dict[str, Any], seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Write the clips, and the pieces that the listener learns from: not those that directions are fitted to.

    Where they were generated in shares, ``parts`` are the tables of these, and nothing is left but to merge them.
    """
    if parts:
        return {"revision": merge_shares(parts, clips, heard, listened)}
    revision = emotion_share(pieces, heard, tokens, language_model, clips, listened, model, settings, seed, 0, 1)
    return {"revision": revision}


if __name__ == "__main__":
    run(main)
