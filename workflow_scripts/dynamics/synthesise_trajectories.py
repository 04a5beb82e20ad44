"""Experiment 3B: latents changed in direction or in magnitude, at equal error, decoded to listen to."""

from pathlib import Path

from sonoscope.contracts.csv import write_csv
from sonoscope.device import device
from sonoscope.dynamics.experiment3b import synthesise
from sonoscope.dynamics.loading import load, place
from sonoscope.job import run
from sonoscope.settings.dynamics import Trajectories


def main(
    codec_file: Path, latents: list[Path], index: list[Path], scores: Path, audio: Path, listen: Path, codec: str,
    settings: Trajectories, seed: int,
) -> None:  # fmt: skip
    """Write the clips, their ``scores``, and the blind listening test."""
    where = place(codec, device())
    model = load(codec, codec_file, where)
    write_csv(scores, synthesise(model, latents, index, audio, listen, settings, seed, where))


if __name__ == "__main__":
    run(main)
