"""Gather jobs, settings, costs and numbers of a run in one table, as CSV and Markdown."""

import logging
from pathlib import Path

from sonoscope import results_table
from sonoscope.job import run
from sonoscope.settings.table import ResultsTable

logger = logging.getLogger(__name__)


def main(results: Path, settings: ResultsTable) -> None:
    """Write results_table.csv, results_table.md and failed_jobs.csv into the results folder of the run."""
    results_table.write(results, settings, without=("results_table",))
    logger.info("wrote %s", results / "results_table.md")


if __name__ == "__main__":
    run(main)
