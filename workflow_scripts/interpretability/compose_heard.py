"""Rendered pieces whose causes are known, with counterfactual versions."""

from pathlib import Path
from typing import Any

from sonoscope.contracts.interpretability import PIECES
from sonoscope.interpretability.heard import heard_pieces
from sonoscope.job import run
from sonoscope.settings.interpretability import HeardPieces


def main(pieces: Path, settings: dict[str, Any], seed: int) -> None:
    """Write the pieces."""
    heard = HeardPieces.model_validate(settings["interpretability.heard"])
    PIECES.write(pieces, heard_pieces(heard, settings["musicgen.seconds"], settings["world.sample_rate"], seed))


if __name__ == "__main__":
    run(main)
