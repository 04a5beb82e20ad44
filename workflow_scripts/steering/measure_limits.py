"""What limits steering to one concept whatever the direction: the codec, and whether the model can play it."""

from pathlib import Path
from typing import Any

from sonoscope import scorecard
from sonoscope.contracts.steering import CALIBRATION
from sonoscope.contracts.world import CLIPS, TOKENS
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.provenance import portable
from sonoscope.settings.musicgen import MusicGen
from sonoscope.steering.limits import limit_rows, limits


def main(
    clips: Path, tokens: Path, language_model: Path, table: Path, rows: Path,
    model: str, concept: str, settings: dict[str, Any], seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Write the shares heard right of renders through the codec and of clips that the model was asked for."""
    loaded, count = load_musicgen(language_model, model), settings["steering.listening.limits"]
    codes = TOKENS.read(tokens)[0]["tokens"]
    musicgen = MusicGen.model_validate(settings["musicgen"])
    found = limits(loaded, CLIPS.read(clips), codes, concept, count, musicgen, seed)
    CALIBRATION.write(table, found)
    scorecard.write(rows, limit_rows(found, concept, ("rule measure_limits", portable(table))))
    return {"revision": loaded.revision}


if __name__ == "__main__":
    run(main)
