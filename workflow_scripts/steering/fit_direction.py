"""Directions of one concept at every layer, by every estimator of the settings."""

from pathlib import Path

from sonoscope.contracts import read_json
from sonoscope.contracts.world import CLIPS, HIDDEN_STATES
from sonoscope.directions.files import save_directions
from sonoscope.job import run
from sonoscope.settings.steering import Steering
from sonoscope.steering.fit import fit_directions


def main(
    clips: Path, hidden_states: Path, skipped: Path, directions: Path, concept: str, target: str, settings: Steering
) -> None:
    """Fit directions of ``target`` to the pooled hidden states of ``clips``; a JSON file beside says the rest."""
    states, header = HIDDEN_STATES.read(hidden_states)
    pooled = states[settings.pooling]
    left_out = {entry["item"] for entry in read_json(skipped)}
    fitted = fit_directions(CLIPS.read(clips), pooled, header, concept, target, settings, left_out)
    save_directions(directions, fitted)


if __name__ == "__main__":
    run(main)
