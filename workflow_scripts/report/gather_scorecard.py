"""Bring the scorecard rows of all studies together."""

from pathlib import Path

from sonoscope import scorecard
from sonoscope.job import run


def main(parts: list[Path], rows: Path) -> None:
    """Write the rows of all ``parts``, sorted by name, to ``rows``; a name that stands twice is an error."""
    scorecard.write(rows, scorecard.gather(parts))


if __name__ == "__main__":
    run(main)
