"""Heads of all variants: predictions of unseen songs, and a model of each to keep."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from sonoscope.affect.annotated import load_corpus
from sonoscope.affect.fitting import Fitting, fit_variants
from sonoscope.contracts.affect import HISTORY, MEMBERS, PREDICTIONS
from sonoscope.files import sha256
from sonoscope.job import run
from sonoscope.settings.affect import LabelMap, TrainAffect


def main(
    clips: Path, latents: Path, labels: Path, truth: Path, bundles: list[Path], predictions: Path, members: Path,
    history: Path, corpus: str, settings: dict[str, Any], seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Train; a killed job goes on with the next variant."""
    training, label_map = (
        TrainAffect.model_validate(settings["affect.training"]),
        LabelMap.model_validate(settings["affect.labels"]),
    )
    found = load_corpus(corpus, clips, latents, labels, truth)
    about = {"corpus": corpus, "labels": label_map.model_dump(mode="json")}
    key = [settings, seed, *(sha256(p) for p in (clips, labels, truth)), found.musetok]
    kept = predictions.parent / "kept" / hashlib.sha256(json.dumps(key).encode()).hexdigest()[:12]
    job = Fitting(found.clips, training, found.codes, found.musetok, about, settings["affect.evaluation.level"], seed)
    tables = fit_variants(job, kept / "bundles", kept)
    PREDICTIONS.write(predictions, tables["predictions"])
    MEMBERS.write(members, tables["members"])
    HISTORY.write(history, tables["history"])
    for path in bundles:
        (kept / "bundles" / path.name).replace(path)
    shutil.rmtree(kept.parent)
    return {"variants": len(training.compare), **found.musetok}


if __name__ == "__main__":
    run(main)
