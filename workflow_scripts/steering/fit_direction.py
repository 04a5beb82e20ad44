"""Directions of one concept at every layer, by every estimator of the settings."""

import shutil
from pathlib import Path

from sonoscope.contracts import read_json
from sonoscope.contracts.world import CLIPS, HIDDEN_STATES
from sonoscope.directions.files import save_directions
from sonoscope.job import run
from sonoscope.settings.directions import Fit
from sonoscope.steering.fit import fit_directions


def main(
    clips: Path, hidden_states: Path, skipped: Path, directions: Path,
    concept: str, target: str, pooling: str, settings: Fit,
) -> None:  # fmt: skip
    """Fit directions of ``target`` to the pooled hidden states of ``clips``; a JSON file beside says the rest."""
    states, header = HIDDEN_STATES.read(hidden_states)
    left_out = {entry["item"] for entry in read_json(skipped)}
    kept = directions.parent / "kept"
    fitted = fit_directions(
        CLIPS.read(clips), states[pooling], header, concept, target, pooling, settings, left_out, kept
    )
    save_directions(directions, fitted)
    shutil.rmtree(kept)


if __name__ == "__main__":
    run(main)
