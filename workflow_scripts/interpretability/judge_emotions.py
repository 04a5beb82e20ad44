"""What emotion steering did: a listener of audio features, physical cues, cost, and the scorecard."""

from pathlib import Path

import numpy as np
import pandas as pd

from sonoscope import scorecard
from sonoscope.contracts import emotion_steering as files
from sonoscope.interpretability.emotion_scoring import (
    Listener,
    effect_table,
    heard_clips,
    listen,
    put_aside,
    response_table,
)
from sonoscope.interpretability.rows import steering_rows
from sonoscope.job import run
from sonoscope.provenance import portable


def main(
    clips: Path, features: Path, listened: Path, listener: Path, responses: Path, effects: Path, sound: Path,
    rows: Path, settings: int, seed: int, workers: int,
) -> None:  # fmt: skip
    """Write how good the listener is, dose and response, effects with their null, and the rows."""
    rng, pieces = np.random.default_rng(seed), files.HEARD_AGAIN.read(listened)
    made = pd.concat([files.STEERED.read(clips), files.STEERED.read(features)], ignore_index=True)
    hears = Listener(listen(pieces, workers), pieces, rng)
    quality = hears.quality(settings)
    files.LISTENER.write(listener, quality)
    measured = listen(made, workers)
    heard = heard_clips(made, measured, hears.read(measured))
    put_aside(made, sound)
    files.RESPONSES.write(responses, response_table(heard, settings, rng))
    found = effect_table(heard, settings, rng)
    files.EMOTION_EFFECTS.write(effects, found)
    scorecard.write(rows, steering_rows(found, quality, ("rule judge_emotions", portable(effects))))


if __name__ == "__main__":
    run(main)
