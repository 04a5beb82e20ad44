"""Measure what one unit of each heavy kind of work costs on one core of this machine, with the shipped models."""

from pathlib import Path

from sonoscope import storage
from sonoscope.job import run
from sonoscope.scale.constants import measure_constants


def main(constants: Path = storage.WORKFLOW / "docs/measured/constants.json", repeats: int = 5) -> None:
    """Write ``constants``; give the machine some quiet minutes."""
    measure_constants(constants, repeats)


if __name__ == "__main__":
    run(main)
