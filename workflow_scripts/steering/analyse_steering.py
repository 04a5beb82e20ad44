"""Dose-response with paired intervals, estimators and schemes at equal cost, layers, cosines, and the scorecard."""

from pathlib import Path
from typing import Any

import pandas as pd

from sonoscope import scorecard
from sonoscope.contracts import steering as files
from sonoscope.job import run
from sonoscope.provenance import portable
from sonoscope.settings.injection import Experiment
from sonoscope.settings.steering import Listening
from sonoscope.steering.analysis import divergence_per_step, dose_response, layer_scores
from sonoscope.steering.found import load_found
from sonoscope.steering.matched import matched_quality
from sonoscope.steering.plan import direction_cosines, keys_of
from sonoscope.steering.rows import rows_of


def main(
    clips: Path, replayed: Path, scores: Path, embeddings: Path, directions: list[Path],
    dose: Path, matched: Path, divergences: Path, layers: Path, cosines: Path, rows: Path,
    design: Experiment, settings: dict[str, Any], seed: int,
) -> None:  # fmt: skip
    """Write the tables and the rows of one experiment."""
    s = Listening.given(settings)
    heard, table, found = files.SCORES.read(scores), files.CLIPS.read(clips), load_found(directions)
    (vectors, about), (read, header) = files.EMBEDDINGS.read(embeddings), files.REPLAYED.read(replayed)
    by_clip = pd.DataFrame(vectors["embeddings"], index=table["clip_id"])
    curve = dose_response(heard, design, by_clip, about["embedding"], seed, s.resamples)
    files.DOSE_RESPONSE.write(dose, curve)
    equal = matched_quality(heard.iloc[:0] if design.is_away else heard, s.budget, seed, s.resamples)
    files.MATCHED.write(matched, equal)
    files.DIVERGENCES.write(divergences, divergence_per_step(table, read["divergence"], float(header["frame_rate"])))
    files.LAYER_SCORES.write(layers, layer_scores([found[key] for key in keys_of(design)]))
    files.COSINES.write(cosines, direction_cosines(found, keys_of(design)))
    sources = ("rule analyse_steering", portable(scores), portable(dose))
    scorecard.write(rows, rows_of(curve, equal, heard, design, s, seed, sources))


if __name__ == "__main__":
    run(main)
