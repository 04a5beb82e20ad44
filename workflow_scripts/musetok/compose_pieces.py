"""Composed pieces with every cause recorded."""

from pathlib import Path

from sonoscope.job import run
from sonoscope.settings.musetok import Pieces
from sonoscope.symbolic.pieces import PIECES, piece_table


def main(pieces: Path, settings: Pieces, seed: int) -> None:
    """Compose."""
    PIECES.write(pieces, piece_table(settings.count, seed, bars=settings.bars))


if __name__ == "__main__":
    run(main)
