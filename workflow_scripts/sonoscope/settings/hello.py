"""The first two clips."""

from pydantic import Field

from sonoscope.settings.base import Section


class Hello(Section):
    """What `snakemake hello` generates."""

    prompts: tuple[str, ...] = Field(
        ("happy upbeat electronic dance music", "sad melancholic piano ballad"), min_length=1
    )
    """One clip each."""
    seconds: float = Field(4.0, gt=0, le=30)
    """Length of each clip, in seconds."""
    loudness: float | None = Field(-23.0, ge=-70, le=0)
    """Loudness of the files, in dB (root mean square, full scale = 0), never clipping; null keeps the model's."""
