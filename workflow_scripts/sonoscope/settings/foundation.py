"""Settings of what the workflow measures about itself."""

from pydantic import Field

from sonoscope.settings.base import Section


class Foundation(Section):
    """How the cost of running nothing, and of running everything, is measured."""

    noop_repeats: int = Field(3, ge=2, le=20)
    """How often a dry run with nothing to do is timed."""
