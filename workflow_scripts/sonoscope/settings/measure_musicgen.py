"""How well a MusicGen learned the known world: how many clips it is asked for."""

from pydantic import Field

from sonoscope.settings.base import Section


class MeasureMusicGen(Section):
    """Clips asked of the model, and scored by measures that know nothing of it."""

    in_every_run: bool = True
    """Whether a plain call measures the model too; `snakemake world_measures` always does."""
    notes: int = Field(36, ge=12)
    """Notes, asked for by prompts that training never had."""
    new_notes: int = Field(24, ge=12)
    """Notes on instruments that training never combined with them."""
    modes: int = Field(36, ge=6)
    """Major and minor chords, progressions and pieces, a third each."""
    tempos: int = Field(24, ge=4)
    """Click tracks at a tempo in beats per minute, asked for by prompts that training never had."""
    new_tempos: int = Field(16, ge=4)
    """Click tracks at a tempo that training never combined with the click."""
    pairs: int = Field(12, ge=2)
    """Pairs of soft and loud clips, and as many pairs of low and high ones."""
    open_notes: int = Field(36, ge=12)
    """Notes whose pitch the prompt leaves open."""
    codec_notes: int = Field(72, ge=4)
    """Rendered notes sent through the codec alone."""
    classifier_clips: int = Field(288, ge=144)
    """Rendered notes that the classifier of instrument families learns from."""
    seconds: float = Field(4.0, ge=2, le=30)
    """Length of every clip, in seconds."""
    resamples: int = Field(1000, ge=100, le=100_000)
    """Bootstrap resamples of every interval."""
