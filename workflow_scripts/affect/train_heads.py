"""Heads of all variants: predictions of unseen songs, and a model of each to keep."""

import shutil
from pathlib import Path
from typing import Any

from sonoscope.affect.annotated import load_corpus
from sonoscope.affect.fitting import Fitting, fit_variants
from sonoscope.contracts.affect import HISTORY, PREDICTIONS
from sonoscope.job import run
from sonoscope.settings.affect import LabelMap, TrainAffect


def main(
    clips: Path, latents: Path, labels: Path, truth: Path, bundles: list[Path], predictions: Path, history: Path,
    corpus: str, settings: dict[str, Any], seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Train; a killed job goes on with the next variant."""
    training, label_map = (
        TrainAffect.model_validate(settings["affect.training"]),
        LabelMap.model_validate(settings["affect.labels"]),
    )
    found = load_corpus(corpus, clips, latents, labels, truth)
    about = {"corpus": corpus, "labels": label_map.model_dump(mode="json")}
    kept = predictions.parent / "kept"
    job = Fitting(found.clips, training, found.codes, found.musetok, about, settings["affect.evaluation.level"], seed)
    said, course = fit_variants(job, kept / "bundles", kept)
    PREDICTIONS.write(predictions, said)
    HISTORY.write(history, course)
    for path in bundles:
        (kept / "bundles" / path.name).replace(path)
    shutil.rmtree(kept)
    return {"variants": len(training.compare), **found.musetok}


if __name__ == "__main__":
    run(main)
