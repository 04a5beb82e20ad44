"""Shapes of small MusicGens."""

from pydantic import Field

from sonoscope.settings.base import Section


class CodecGeometry(Section):
    """Shape of an EnCodec: a SEANet autoencoder around a residual vector quantiser."""

    sample_rate: int = Field(16000, gt=0)
    """Audio samples per second, in hertz."""
    ratios: tuple[int, ...] = (8, 5, 4, 2)
    """Strides of the encoder, last first; their product is the number of samples per frame."""
    filters: int = Field(8, gt=0)
    """Channels of the first convolution; each stride doubles them."""
    dim: int = Field(64, gt=0)
    """Size of a latent frame before quantisation."""
    lstm_layers: int = Field(1, ge=0)
    """Recurrent layers at the bottleneck."""
    codebooks: int = Field(4, gt=0)
    """Residual quantisers per frame."""
    cardinality: int = Field(256, gt=1)
    """Entries of each codebook."""


class LanguageModelGeometry(Section):
    """Shape of a MusicGen language model with text by cross-attention."""

    dim: int = Field(192, gt=0)
    """Width of the residual stream."""
    heads: int = Field(6, gt=0)
    """Attention heads per block."""
    layers: int = Field(8, gt=0)
    """Blocks."""
    max_seconds: float = Field(30.0, gt=18)
    """Longest generation, in seconds; audiocraft's default stride asks for more than 18."""
    condition_dropout: float = Field(0.1, ge=0, le=1)
    """Share of training rows whose text is dropped, for classifier-free guidance."""
    guidance: float = Field(1.0, ge=0)
    """Guidance coefficient used when none is given."""
    codebook_cardinality: int = Field(256, gt=1)
    """Entries of each of the codec's codebooks."""
    codebooks: int = Field(4, gt=0)
    """Codebooks of the codec."""
