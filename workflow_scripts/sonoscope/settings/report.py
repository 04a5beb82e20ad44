"""Settings of the report. They change what is shown, never a result."""

from pydantic import Field

from sonoscope.settings.base import Section


class Report(Section):
    """How much the pages show."""

    clip_rows: int = Field(default=6, ge=1, le=200)
    """Rows of an audio grid: pairs of prompt and seed, the first ones in the order of the table."""
    clip_coefficients: int = Field(default=3, ge=1, le=12)
    """Steered columns of an audio grid: coefficients, spread over those that were tried."""
    table_rows: int = Field(default=500, ge=10, le=5000)
    """Rows of a table shown on a page; the CSV beside it always holds all of them."""
