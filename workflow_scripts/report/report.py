"""Write the report of a run from its stored results."""

from pathlib import Path
from typing import Any

from sonoscope.job import run
from sonoscope.report.results import Results
from sonoscope.report.site import build
from sonoscope.settings.report import Report


def main(site: Path, preset: str, settings: Report, today: dict[str, Any], threads: int) -> None:
    """Write the pages, and what they need beside them, into the folder ``site`` among the results.

    ``today`` holds all settings by section: it tells which results were made with others, and nothing else.
    """
    build(site, Results(site.parent, today, settings), preset=preset, processes=threads)


if __name__ == "__main__":
    run(main)
