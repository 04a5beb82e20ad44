"""What the measure of one concept hears in true renders, and descriptions of these for a classifier."""

import json
from pathlib import Path
from typing import Any

from sonoscope.contracts.steering import CALIBRATION, LISTENER
from sonoscope.contracts.world import CLIPS
from sonoscope.job import run
from sonoscope.settings.steering import Listening
from sonoscope.steering.listener import calibrate


def main(clips: Path, listener: Path, table: Path, concept: str, settings: dict[str, Any], seed: int) -> None:
    """Write the shares heard right, and the descriptions with their values."""
    s = Listening.given(settings)
    found, features, labels = calibrate(CLIPS.read(clips), concept, settings["musicgen.seconds"], s, seed)
    CALIBRATION.write(table, found)
    LISTENER.write(listener, {"features": features}, {"concept": concept, "labels": json.dumps(labels)})


if __name__ == "__main__":
    run(main)
