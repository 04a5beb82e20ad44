"""Measure what a call of snakemake with nothing to do costs, and how long this run took."""

from pathlib import Path
from typing import Any

from sonoscope import foundation, manifest, storage
from sonoscope.job import run
from sonoscope.scorecard import write
from sonoscope.settings.foundation import Foundation


def main(
    scorecard: Path, target: str, config: dict[str, Any], run_name: str, preset: str, settings: Foundation
) -> None:
    """Time dry runs of a target whose results are all there, and read the wall clock of the run from its manifest."""
    runs = [foundation.dry_run(target, config) for _ in range(settings.noop_repeats)]
    lines = manifest.read(storage.results(run_name) / manifest.NAME)
    clock = foundation.wall_clock(lines, without=("measure_noop", "results_table", "report_now"))
    write(scorecard, foundation.noop_rows(runs) + foundation.wall_clock_rows(clock, preset))


if __name__ == "__main__":
    run(main)
