"""Into how many jobs heavy work is divided."""

from pydantic import Field

from sonoscope.settings.base import Section


class Shares(Section):
    """Jobs that heavy work is divided into; the results have the same bytes whatever the numbers.

    Annotation, latents of speech and gradient embeddings have settings of their own: affect.annotate.shards,
    dynamics.shards and attribution.shards.
    """

    encode: int = Field(1, ge=1, le=1000)
    """Jobs per corpus that turn clips into codec tokens."""
    capture: int = Field(1, ge=1, le=1000)
    """Jobs per corpus that replay its tokens and read hidden states."""
    generate: int = Field(1, ge=1, le=1000)
    """Jobs per experiment that generate steered clips."""
    emotions: int = Field(1, ge=1, le=1000)
    """Jobs that replay pieces and generate clips for the study of emotions."""
    emotion_steering: int = Field(1, ge=1, le=1000)
    """Jobs that generate clips pushed towards emotions, and as many for those pushed along features."""
    queries: int = Field(1, ge=1, le=1000)
    """Jobs that generate the clips whose training songs are asked for."""
