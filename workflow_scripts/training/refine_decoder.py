"""Train the codec's decoder further, with encoder and codebooks fixed."""

from pathlib import Path

from sonoscope.contracts.world import LESSON_AUDIO, LESSONS
from sonoscope.job import run
from sonoscope.settings.training import Training
from sonoscope.train.codec import build_codec, refine_decoder
from sonoscope.train.schedule import load_weights, save_weights


def main(lessons: Path, audio: Path, weights: Path, refined: Path, settings: Training, seed: int) -> None:
    """Refine on the clips of the training split; a killed job goes on from its last checkpoint."""
    split = LESSONS.read(lessons)["split"].to_numpy()
    training, validation = ((split == name).nonzero()[0] for name in ("train", "validation"))
    codec = build_codec(settings.codec_geometry, seed)
    load_weights(weights, codec)
    checkpoint = refined.with_name("checkpoint.pt")
    sound = LESSON_AUDIO.read(audio)[0]["audio"]
    refine_decoder(codec, sound, training, validation, settings.codec, checkpoint, seed)
    save_weights(refined, codec)
    checkpoint.unlink()  # a later run with other settings must not take it for its own


if __name__ == "__main__":
    run(main)
