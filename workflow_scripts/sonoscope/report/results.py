"""The results of one run as the report sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sonoscope.report.sources import Source, source_of
from sonoscope.settings.report import Report


@dataclass(frozen=True)
class Results:
    """Where a run's results lie, today's settings by section, and how much of them is shown.

    ``today`` serves only to tell which results were made with other settings; what is shown comes from the files.
    """

    root: Path
    today: Mapping[str, Any] = field(default_factory=dict)
    settings: Report = field(default_factory=Report)

    def source(self, path: Path) -> Source | None:
        """The job that made ``path``, if a sidecar tells."""
        return source_of(path, self.root, self.today)

    def find(self, pattern: str) -> list[Path]:
        """Files below the results that fit a pattern, sorted."""
        return sorted(p for p in self.root.glob(pattern) if p.is_file())
