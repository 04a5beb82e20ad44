"""Train the language model of the shipped MusicGen, and write its folder in audiocraft's layout."""

from pathlib import Path

from sonoscope.contracts.world import LESSONS, TOKENS
from sonoscope.job import run
from sonoscope.settings.training import Training
from sonoscope.train.export import train_and_export


def main(lessons: Path, tokens: Path, codec_weights: Path, language_model: Path, settings: Training, seed: int) -> None:
    """Train on prompts and tokens of the training split; a killed job goes on from its last checkpoint."""
    codes = TOKENS.read(tokens)[0]["tokens"]
    train_and_export(LESSONS.read(lessons), codes, codec_weights, language_model.parent, settings, seed)


if __name__ == "__main__":
    run(main)
