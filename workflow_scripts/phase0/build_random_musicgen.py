"""Make a MusicGen with random weights, for tests of the machinery."""

from pathlib import Path

from sonoscope.job import run
from sonoscope.musicgen.random_model import build_random_musicgen


def main(language_model: Path, seed: int) -> None:
    """Write the folder in which ``language_model`` stands."""
    build_random_musicgen(language_model.parent, seed)


if __name__ == "__main__":
    run(main)
