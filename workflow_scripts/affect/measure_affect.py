"""Speed of reading and of encoding, side by side with the published rules written out."""

from pathlib import Path
from typing import Any

from sonoscope import scorecard
from sonoscope.affect.speed import measure_speed
from sonoscope.contracts import write_json
from sonoscope.job import run
from sonoscope.musetok.loading import load_musetok
from sonoscope.settings.musetok import Encoding


def main(weights: Path, speed: Path, rows: Path, settings: dict[str, Any], seed: int) -> None:
    """Write what was measured, and the rows of the scorecard."""
    musetok, _ = load_musetok(weights)
    encoding = Encoding.model_validate(settings["musetok.encoding"])
    found = measure_speed(
        musetok, encoding.events, encoding.batch_tokens, settings["affect.evaluation.compared_files"], seed
    )
    write_json(speed, found)
    sources, n = ("rule measure_affect", f"reference read with {found['reference_reader']}"), found["compared_files"]
    scorecard.write(
        rows,
        [
            scorecard.measure("affect.events_speedup", found["events_speedup"], target=20.0, sources=sources),
            scorecard.measure("affect.events_equal", found["equal_files"] / n, n=n, target=1.0, sources=sources),
            scorecard.measure("affect.files_per_second", found["files_per_second"], target=100.0, sources=sources),
            scorecard.measure("affect.bars_per_second", found["bars_per_second"], sources=sources),
        ],
    )


if __name__ == "__main__":
    run(main)
