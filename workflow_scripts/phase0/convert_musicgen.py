"""Convert a MusicGen from audiocraft's layout to that of transformers."""

from pathlib import Path

from sonoscope.job import run
from sonoscope.musicgen.conversion import convert_folder


def main(language_model: Path, config: Path) -> None:
    """Write the model in whose folder ``language_model`` stands into the folder of ``config``."""
    convert_folder(language_model.parent, config.parent)


if __name__ == "__main__":
    run(main)
