"""The dose-response curve with intervals and null, the scores of the layers, and the scorecard of steering."""

from pathlib import Path

from sonoscope import scorecard
from sonoscope.contracts.steering import DOSE_RESPONSE, LAYER_SCORES, SCORES
from sonoscope.directions.files import load_directions
from sonoscope.job import run
from sonoscope.provenance import portable
from sonoscope.settings.steering import Steering
from sonoscope.steering.analysis import dose_response, layer_scores, note_rows
from sonoscope.steering.scoring import measure_of


def main(
    scores: Path, directions: Path, dose: Path, layers: Path, rows: Path, concept: str, settings: Steering, seed: int
) -> None:
    """Write the curve, the layers and the rows of one concept and target."""
    name, _, chance = measure_of(concept)
    curve = dose_response(SCORES.read(scores), settings, name, chance, seed)
    DOSE_RESPONSE.write(dose, curve)
    LAYER_SCORES.write(layers, layer_scores(load_directions(directions)))
    sources = ("rule analyse_steering", portable(scores), portable(dose))
    scorecard.write(rows, note_rows(curve, settings, sources) if concept == "notes" else [])


if __name__ == "__main__":
    run(main)
