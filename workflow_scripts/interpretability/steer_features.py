"""Clips pushed along single features of a dictionary, in the manner of emotion steering."""

from pathlib import Path
from typing import Any

from sonoscope.interpretability.steering_shares import feature_share, merge_shares
from sonoscope.job import run


def main(
    pieces: Path, heard: Path, features: Path, dictionaries: Path, language_model: Path, parts: list[Path], clips: Path,
    model: str, settings: dict[str, Any], seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Write the clips; the unsteered ones of the same prompts and seeds are those of emotion steering.

    Where they were generated in shares, ``parts`` are the tables of these, and nothing is left but to merge them.
    """
    if parts:
        return {"revision": merge_shares(parts, clips, heard)}
    revision = feature_share(pieces, heard, features, dictionaries, language_model, clips, model, settings, seed, 0, 1)
    return {"revision": revision}


if __name__ == "__main__":
    run(main)
