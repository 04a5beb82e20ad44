"""Write the report of a run from its stored results."""

from pathlib import Path
from typing import Any

from sonoscope.job import run
from sonoscope.report.results import Results
from sonoscope.report.site import build
from sonoscope.report.studies import STUDIES
from sonoscope.settings.report import Report


def main(site: Path, results: Path, settings: Report, today: dict[str, Any], preset: str = "", snapshot: bool = False) -> None:
    """Write the pages and what they need beside them.

    Parameters
    ----------
    site
        Folder of the site, to write.
    results
        Folder of the run's results.
    settings
        How much the pages show.
    today
        All settings by section, to tell which results were made with others.
    preset
        Name of the preset.
    snapshot
        Say that the pages show what lay on disk, finished or not.
    """
    build(site, Results(results, today, settings), tuple(STUDIES), preset=preset, snapshot=snapshot)


if __name__ == "__main__":
    run(main)
