"""Write the report of whatever results lie on disk, without making any."""

import logging
from pathlib import Path
from typing import Any

from sonoscope.job import run
from sonoscope.report.results import Results
from sonoscope.report.site import build
from sonoscope.settings.report import Report

logger = logging.getLogger(__name__)


def main(site: Path, results: Path, preset: str, settings: Report, today: dict[str, Any], threads: int) -> None:
    """Write the pages into the folder ``site``; missing parts name the target that makes them, old ones say so."""
    page = build(site, Results(results, today, settings), preset=preset, snapshot=True, processes=threads)
    logger.info("open %s", page)


if __name__ == "__main__":
    run(main)
