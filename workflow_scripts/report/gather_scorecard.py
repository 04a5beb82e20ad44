"""Bring the scorecard rows of all studies together."""

from pathlib import Path

from sonoscope import scorecard
from sonoscope.job import run


def main(parts: list[Path], measured: list[Path], rows: Path) -> None:
    """Write the rows of all ``parts`` and of the ``measured`` report to ``rows``; no name may stand twice."""
    scorecard.write(rows, scorecard.gather([*parts, *measured]))


if __name__ == "__main__":
    run(main)
