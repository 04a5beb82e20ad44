"""What the heads have to beat, on the same songs."""

from pathlib import Path
from typing import Any

from sonoscope.affect.annotated import load_corpus
from sonoscope.affect.baselines import baseline_predictions
from sonoscope.contracts.affect import PREDICTIONS
from sonoscope.job import run
from sonoscope.settings.affect import TrainAffect


def main(
    clips: Path, latents: Path, labels: Path, truth: Path, predictions: Path, corpus: str, settings: dict[str, Any],
    seed: int,
) -> None:  # fmt: skip
    """Fit constants, a formula, ridge regression and boosted trees."""
    training = TrainAffect.model_validate(settings["affect.training"])
    found = load_corpus(corpus, clips, latents, labels, truth)
    PREDICTIONS.write(predictions, baseline_predictions(found.clips, training, seed))


if __name__ == "__main__":
    run(main)
