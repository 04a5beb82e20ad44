"""How well bars of unseen songs are predicted, by all models of one corpus."""

from pathlib import Path
from typing import Any

import pandas as pd

from sonoscope import scorecard
from sonoscope.affect.evaluation import evaluate, seed_table
from sonoscope.affect.scoring import ceiling_rows, corpus_rows
from sonoscope.contracts import read_json
from sonoscope.contracts.affect import DIFFERENCES, MEMBERS, METRICS, PREDICTIONS, QUADRANTS, RELIABILITY, SEEDS
from sonoscope.job import run
from sonoscope.provenance import portable
from sonoscope.settings.affect import EvaluateAffect


def main(
    heads: Path, members: Path, baselines: Path, truth: Path, raters: Path, metrics: Path, differences: Path,
    reliability: Path, quadrants: Path, seeds: Path, rows: Path, corpus: str, settings: dict[str, Any], seed: int,
) -> None:  # fmt: skip
    """Write the tables, and the rows of the scorecard."""
    said = pd.concat([PREDICTIONS.read(heads), PREDICTIONS.read(baselines)], ignore_index=True)
    known = read_json(truth)
    found = evaluate(said, known, EvaluateAffect.model_validate(settings["affect.evaluation"]).resamples, seed)
    METRICS.write(metrics, found["metrics"])
    DIFFERENCES.write(differences, found["differences"])
    RELIABILITY.write(reliability, found["reliability"])
    QUADRANTS.write(quadrants, found["quadrants"])
    SEEDS.write(seeds, seed_table(said, MEMBERS.read(members)))
    sources = ("rule evaluate_affect", portable(heads), portable(baselines))
    scorecard.write(rows, [*corpus_rows(corpus, found["metrics"], bool(known), sources),
                           *ceiling_rows(corpus, read_json(raters), ("rule label_clips",))])  # fmt: skip


if __name__ == "__main__":
    run(main)
