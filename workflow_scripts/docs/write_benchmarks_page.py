"""Write docs/benchmarks.md from the stored runs of `make bench`, and the rows that every scorecard takes up."""

from pathlib import Path

from sonoscope import storage
from sonoscope.contracts import read_json
from sonoscope.job import run
from sonoscope.scale.benchmarks import read_runs, write_page, write_rows

MEASURED = storage.WORKFLOW / "docs/measured"


def main(
    runs: Path = MEASURED / "benchmarks",
    scale: Path = MEASURED / "scale.json",
    page: Path = storage.WORKFLOW / "docs/benchmarks.md",
    rows: Path = storage.WORKFLOW / "resources/measured/scorecard.json",
) -> None:
    """Write ``page`` and ``rows`` from ``runs``, and from the outcome of the tests that ``scale`` holds."""
    found, outcome = read_runs(runs), read_json(scale) if scale.exists() else {}
    write_page(page, found)
    if found or outcome:
        write_rows(rows, found, outcome)


if __name__ == "__main__":
    run(main)
