"""Scorecard rows of the report itself: how fast it opens and is made again, what it weighs, asks for and bars."""

import logging
import statistics
import tempfile
import time
from pathlib import Path

from sonoscope import scorecard
from sonoscope.report import browser
from sonoscope.report.results import Results
from sonoscope.report.site import build

logger = logging.getLogger(__name__)

_SOURCES = ("rule measure_report",)


def regenerate(results: Results, preset: str, processes: int = 1) -> float:
    """Seconds that writing the whole site from stored results takes ``processes`` side by side."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        build(Path(folder) / "report", results, preset=preset, processes=processes)
        return time.perf_counter() - start


def rows(site: Path, regenerated: float, repeats: int = 3) -> list[scorecard.Row]:
    """Rows ``report.…`` of a site; those that need a browser are left out, with a line in the log, where there is none.

    Parameters
    ----------
    site
        Folder of a finished report.
    regenerated
        Seconds from `regenerate`.
    repeats
        Times that each page is opened; the median counts.
    """
    pages = sorted(site.glob("*.html"))
    weight = max(map(browser.megabytes, pages))
    found = [
        _row("regenerate_seconds", regenerated, 20.0),
        _row("page_megabytes", weight, 30.0, n=len(pages)),
    ]
    problem = browser.obstacle()
    if problem:
        logger.warning("rows of the report that need a browser are left out: %s", problem)
        return found
    with browser.started() as running:
        visits = {page: [browser.visit(running, page, scan=i == 0) for i in range(repeats)] for page in pages}
        visits |= {page: [*visits[page], browser.visit(running, page, width=390, dark=True)] for page in pages}
    for page, seen in visits.items():
        for finding in (*seen[0].findings, *seen[-1].findings, *(e for v in seen for e in v.errors)):
            logger.warning("%s: %s", page.name, finding)
    slowest = max(statistics.median(v.seconds for v in seen[:repeats]) for seen in visits.values())
    asked = sum(len(v.requests) for seen in visits.values() for v in seen)
    barred = sum(len(v.findings) for seen in visits.values() for v in seen)
    return [
        *found,
        _row("open_seconds", slowest, 2.0, n=repeats),
        _row("external_requests", asked, 0, n=len(pages)),
        _row("accessibility_serious", barred, 0, n=len(pages)),
    ]


def _row(name: str, value: float, target: float, n: int | None = None) -> scorecard.Row:
    return scorecard.measure(f"report.{name}", value, n=n, target=target, better="lower", sources=_SOURCES)
