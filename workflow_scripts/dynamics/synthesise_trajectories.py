"""Experiment 3B: latents changed in direction or in magnitude, at equal error, decoded to listen to."""

from pathlib import Path

from sonoscope.codecs.loading import load_codec
from sonoscope.contracts.csv import write_csv
from sonoscope.dynamics.experiment3b import synthesise
from sonoscope.job import run
from sonoscope.settings.dynamics import Trajectories


def main(
    codec_file: Path, latents: list[Path], index: list[Path], scores: Path, audio: Path, listen: Path, codec: str,
    settings: Trajectories, seed: int,
) -> None:  # fmt: skip
    """Write the clips, their ``scores``, and the blind listening test."""
    model = load_codec(codec_file, codec)
    write_csv(scores, synthesise(model, latents, index, audio, listen, settings, seed))


if __name__ == "__main__":
    run(main)
