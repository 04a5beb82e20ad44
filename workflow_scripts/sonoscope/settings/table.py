"""Settings of the table of results."""

from pydantic import Field

from sonoscope.settings.base import Section


class ResultsTable(Section):
    """What stands in the table of results."""

    latest_only: bool = True
    """Keep only the last run of each job; false lists every run that the manifest knows."""

    study: str | None = Field(None, pattern="^[a-z_0-9]+$")
    """Keep only the jobs of this study, such as ``steering``; null keeps all."""
