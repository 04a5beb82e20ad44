"""How fast the known world is composed and rendered."""

from pathlib import Path

from sonoscope import scorecard
from sonoscope.job import run
from sonoscope.world.speed import speed_rows


def main(rows: Path, seed: int) -> None:
    """Write the rows of both speeds."""
    scorecard.write(rows, speed_rows(seed, ("rule measure_composer",)))


if __name__ == "__main__":
    run(main)
