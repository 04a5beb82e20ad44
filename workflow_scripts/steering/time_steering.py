"""How long the jobs of steering took, and what a push adds to the time of generation."""

from pathlib import Path

from sonoscope import manifest, storage
from sonoscope.job import run
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.scorecard import write
from sonoscope.steering.timing import busy_seconds, slowdown, timing_rows


def main(language_model: Path, rows: Path, model: str, run_name: str, preset: str, concepts: list[str]) -> None:
    """Write the rows; the manifest of the run says how long its jobs took."""
    busy = busy_seconds(manifest.read(storage.results(run_name) / manifest.NAME), concepts)
    ratio = slowdown(load_musicgen(language_model, model))
    write(rows, timing_rows(ratio, busy, preset, ("rule time_steering", manifest.NAME)))


if __name__ == "__main__":
    run(main)
