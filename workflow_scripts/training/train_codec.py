"""Train the codec of the shipped MusicGen."""

from pathlib import Path

from sonoscope.contracts.world import LESSON_AUDIO, LESSONS
from sonoscope.job import run
from sonoscope.settings.training import Training
from sonoscope.train.codec import train_codec
from sonoscope.train.schedule import save_weights


def main(lessons: Path, audio: Path, weights: Path, settings: Training, seed: int) -> None:
    """Train on the clips of the training split; a killed job goes on from its last checkpoint."""
    split = LESSONS.read(lessons)["split"].to_numpy()
    sound = LESSON_AUDIO.read(audio)[0]["audio"]
    training, validation = ((split == name).nonzero()[0] for name in ("train", "validation"))
    checkpoint = weights.with_name("checkpoint.pt")
    codec = train_codec(sound, training, validation, settings.codec_geometry, settings.codec, checkpoint, seed)
    save_weights(weights, codec)
    checkpoint.unlink()  # a later run with other settings must not take it for its own


if __name__ == "__main__":
    run(main)
