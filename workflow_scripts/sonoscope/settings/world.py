"""The known world: which of it is composed and rendered."""

from typing import Literal

from pydantic import Field

from sonoscope.settings.base import Section

Concept = Literal["notes", "intervals", "scales", "chords", "simple_progressions", "tempos", "time_signatures"]


class World(Section):
    """Composed clips whose every cause is recorded."""

    concepts: tuple[Concept, ...] = ("notes",)
    """SynTheory concepts to compose."""
    syntheory: str | None = None
    """Published SynTheory instead of a composed one: its folder, or `meganwei/syntheory` to stream it (148 GB)."""
    size: Literal["compact", "full"] = "compact"
    """`compact` has 12 instruments and 4,682 clips, `full` all 92 and 104,585, with 16 GB of memory for the largest."""
    octave: Literal["corrected", "faithful"] = "corrected"
    """`faithful` keeps the published octave of augmented triads, which gives the chord type away by register."""
    max_clips: int | None = Field(None, ge=24)
    """Clips kept of each concept, evenly chosen; null keeps the whole compact subset."""
    sample_rate: int = Field(16000, ge=8000, le=48000)
    """Rate at which scores are rendered, in hertz."""
