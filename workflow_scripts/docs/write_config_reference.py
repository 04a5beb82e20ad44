"""Write resources/config.schema.json and the configuration table of README.md from the settings models."""

from pathlib import Path

from sonoscope import storage
from sonoscope.job import run
from sonoscope.settings import schema


def main(root: Path = storage.WORKFLOW) -> None:
    """Write both below the workflow's folder."""
    schema.write(root)


if __name__ == "__main__":
    run(main)
