"""How well bars of unseen songs are predicted when songs are divided anew, several times."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from sonoscope import scorecard
from sonoscope.affect.annotated import load_corpus
from sonoscope.affect.fitting import Fitting
from sonoscope.affect.repeats import repeat_rows, repeat_table, repeated_predictions
from sonoscope.contracts.affect import REPEATS
from sonoscope.files import sha256
from sonoscope.job import run
from sonoscope.settings.affect import RepeatAffect, TrainAffect


def main(
    clips: Path, latents: Path, labels: Path, truth: Path, repeats: Path, rows: Path, corpus: str,
    settings: dict[str, Any], seed: int,
) -> None:  # fmt: skip
    """Train and judge; a killed job goes on with the next division."""
    s, found = (
        RepeatAffect.model_validate(settings["affect.repeats"]),
        load_corpus(corpus, clips, latents, labels, truth),
    )
    training = TrainAffect.model_validate(settings["affect.training"]).model_copy(update={"tracker": "none"})
    training = training.model_copy(update={"seeds": training.seeds[:1]})
    key = [settings, seed, *(sha256(p) for p in (clips, labels, truth)), found.musetok]
    kept = repeats.parent / "kept" / hashlib.sha256(json.dumps(key).encode()).hexdigest()[:12]
    job = Fitting(found.clips, training, found.codes, found.musetok, {}, settings["affect.evaluation.level"], seed)
    table = repeat_table(repeated_predictions(job, s, kept), settings["affect.evaluation.resamples"], seed)
    REPEATS.write(repeats, table)
    scorecard.write(rows, repeat_rows(corpus, table, ("rule repeat_folds",)))
    shutil.rmtree(kept.parent)


if __name__ == "__main__":
    run(main)
