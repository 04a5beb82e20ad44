"""The clips that the shipped MusicGen learns from, with their prompts."""

from pathlib import Path

from sonoscope.contracts.world import LESSON_AUDIO, LESSONS
from sonoscope.job import run
from sonoscope.settings.training import Training
from sonoscope.train.corpus import training_corpus


def main(lessons: Path, audio: Path, settings: Training, seed: int) -> None:
    """Compose and render lessons and pieces."""
    rate = settings.codec_geometry.sample_rate
    table, sound = training_corpus(settings.corpus, rate, seed)
    LESSONS.write(lessons, table)
    LESSON_AUDIO.write(audio, {"audio": sound}, {"sample_rate": str(rate)})


if __name__ == "__main__":
    run(main)
