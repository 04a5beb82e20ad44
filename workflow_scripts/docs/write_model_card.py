"""Put the measures of a run into a model card, between its two marks."""

from pathlib import Path

from sonoscope import scorecard, storage
from sonoscope.job import run
from sonoscope.world.card import write_card


def main(rows: Path, card: Path = storage.WORKFLOW / "resources/models/sonoscope-musicgen/README.md") -> None:
    """Write the rows of a scorecard, such as that of measure_musicgen, into ``card``."""
    write_card(card, scorecard.read(rows))


if __name__ == "__main__":
    run(main)
