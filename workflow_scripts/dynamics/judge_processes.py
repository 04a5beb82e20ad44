"""The self-test: what models reach on known-answer processes, beside what can be reached at most."""

from pathlib import Path

import pandas as pd

from sonoscope import scorecard
from sonoscope.contracts import read_json
from sonoscope.contracts.csv import write_csv
from sonoscope.dynamics.accuracy import vmf_errors
from sonoscope.dynamics.catalogue import known_processes
from sonoscope.dynamics.self_test import compare, scorecard_rows
from sonoscope.dynamics.store import open_parts
from sonoscope.job import run
from sonoscope.settings.dynamics import KnownProcesses


def main(
    metrics: Path, latents: Path, frames: Path, statistics: Path, answers: Path, accuracy: Path, rows: Path,
    settings: KnownProcesses, seed: int,
) -> None:  # fmt: skip
    """Write the table of ``answers``, the ``accuracy`` of the vMF normaliser, and the scorecard ``rows``."""
    parts = open_parts([latents], frames, statistics)
    found = compare(read_json(metrics), parts, known_processes(settings.dim, seed), settings.scale)
    errors = vmf_errors()
    write_csv(answers, found)
    write_csv(accuracy, pd.DataFrame(errors))
    scorecard.write(rows, scorecard_rows(found, errors))


if __name__ == "__main__":
    run(main)
