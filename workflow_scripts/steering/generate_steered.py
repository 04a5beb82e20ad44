"""Clips of the same prompts and seeds, unsteered and in every arm of one experiment."""

from pathlib import Path
from typing import Any

from sonoscope.job import run
from sonoscope.settings.injection import Experiment
from sonoscope.steering import shares as library
from sonoscope.steering.generation import merge_shares


def main(
    directions: list[Path], language_model: Path, parts: list[Path], clips: Path, audio: Path, replayed: Path,
    model: str, experiment: str, design: Experiment, settings: dict[str, Any], seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Write one FLAC file per planned clip into ``audio``, the table of ``clips``, and what was read on the way.

    Where the clips were generated in shares, ``parts`` are the tables of these, and nothing is left but to merge them.
    """
    if parts:
        return {"revision": merge_shares([part.parent for part in parts], clips, audio, replayed)}
    revision = library.generate_share(
        directions, language_model, clips, audio, replayed, model, experiment, design, settings, seed, 0, 1
    )
    return {"revision": revision}


if __name__ == "__main__":
    run(main)
