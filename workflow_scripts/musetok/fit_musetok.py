"""Train sonoscope-musetok."""

from pathlib import Path

from sonoscope.contracts.musetok import SCORES
from sonoscope.job import run
from sonoscope.musetok.checkpoint import save_folder
from sonoscope.settings.musetok import TrainMuseTok
from sonoscope.train.musetok import read_side, train_musetok


def main(scores: Path, weights: Path, settings: TrainMuseTok, seed: int) -> None:
    """Train on the bars of the training split; a killed job goes on from its last checkpoint."""
    table = SCORES.read(scores)
    training, held_out = (read_side(table, side) for side in ("train", "held_out"))
    checkpoint = weights.with_name("checkpoint.pt")
    model = train_musetok(training, held_out, settings, checkpoint, seed)
    save_folder(weights.parent, model)
    checkpoint.unlink()


if __name__ == "__main__":
    run(main)
