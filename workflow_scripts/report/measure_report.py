"""Measure the report: how fast it opens and is made again, what it weighs, asks for and bars."""

from pathlib import Path
from typing import Any

from sonoscope import scorecard as card
from sonoscope.job import run
from sonoscope.report import measured
from sonoscope.report.results import Results
from sonoscope.settings.report import Report


def main(site: Path, scorecard: Path, preset: str, settings: Report, today: dict[str, Any], threads: int) -> None:
    """Write the site once more beside the clock, open every page of ``site``, and write the rows to ``scorecard``."""
    results = Results(scorecard.parents[1], today, settings)
    seconds = measured.regenerate(results, preset, processes=min(threads, 2))  # as rule report has them
    card.write(scorecard, measured.rows(site, seconds))


if __name__ == "__main__":
    run(main)
