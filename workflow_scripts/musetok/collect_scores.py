"""The scores that sonoscope-musetok learns from: real ones of an installed package, and composed pieces."""

from pathlib import Path

from sonoscope.contracts import write_json
from sonoscope.contracts.musetok import SCORES
from sonoscope.job import run
from sonoscope.settings.musetok import Scores
from sonoscope.train.musetok_corpus import training_scores


def main(scores: Path, skipped: Path, settings: Scores, seed: int) -> None:
    """Read, compose and split."""
    table, left_out = training_scores(settings, seed)
    SCORES.write(scores, table)
    write_json(skipped, [item._asdict() for item in left_out])


if __name__ == "__main__":
    run(main)
