"""How much memory a MusicGen needs, from its geometry.

For a batch of B clips of S seconds, in bytes, with b bytes per number (2 in half, 4 in single precision)::

    need(B) = weights + overhead + max(B · clip, loading)
    weights = b · parameters(language model) + 4 · (codec + text encoder + stem separator)
    clip    = cache + activations + decoding

The language model has L layers of width D, K codebooks of C entries and T = S · 50 + K/channels positions::

    parameters  = L · (12 or 16) · D² + norms + K · (2C + 1) · D + conditioning   16 with cross-attention, else 12
    cache       = 2 · 2 · L · (T + prepended + text) · D · b    keys and values, with and without the prompt (guidance)
    activations = 2 · T · (16 · D · b + 2 · K · C · 4)          one pass over all positions, and its logits
    decoding    = 6 · channels · S · 32000 · 64 · 4             six buffers of 64 channels at the full rate

The terms are added although they do not peak at once: an allocator that has handed out the cache in growing pieces does
not give it back in the sizes that the decoder asks for. So the figures are on the safe side. Six buffers: 5.6 were
measured in the decoder of the 32 kHz EnCodec, at 6 s and at 12 s. Published geometries: audiocraft's configurations of
MusicGen (Copet et al., "Simple and Controllable Music Generation", 2023).
"""

from dataclasses import dataclass
from typing import Literal

Precision = Literal["fp16", "fp32"]
Place = Literal["cuda", "mps", "cpu"]

BYTES: dict[Precision, int] = {"fp16": 2, "fp32": 4}
SECONDS = 30.0

_FRAME_RATE, _SAMPLE_RATE = 50, 32_000
_CARDINALITY = 2048
_TEXT_TOKENS, _TEXT_DIM = 64, 768
_CHROMA_TOKENS, _CHROMA_DIM = 235, 12
_CODEC = 56_900_000
_TEXT_ENCODER = 109_600_000  # the encoder half of T5-base
_STEM_SEPARATOR = 42_000_000  # Hybrid Transformer Demucs, which melody models run over their reference
_CODEC_FILTERS, _CODEC_BUFFERS = 64, 6
_OVERHEAD: dict[Place, int] = {"cuda": 800_000_000, "mps": 800_000_000, "cpu": 1_000_000_000}


@dataclass(frozen=True)
class Geometry:
    """Size of a MusicGen's language model."""

    layers: int
    dim: int
    channels: int = 1
    melody: bool = False
    """Melody models prepend text and chroma to the sequence instead of attending to the text."""

    @property
    def codebooks(self) -> int:
        """Codebooks: four for each channel."""
        return 4 * self.channels

    @property
    def parameters(self) -> int:
        """Parameters of the language model, conditioning included."""
        d, k, c = self.dim, self.codebooks, _CARDINALITY
        norms = 4 if self.melody else 6
        block = (12 if self.melody else 16) * d * d + norms * d
        conditioning = (_TEXT_DIM + 1) * d + ((_CHROMA_DIM + 1) * d if self.melody else 0)
        return self.layers * block + 2 * d + k * (c + 1) * d + k * c * d + conditioning


MODELS: dict[str, Geometry] = {
    "musicgen-small": Geometry(24, 1024),
    "musicgen-medium": Geometry(48, 1536),
    "musicgen-large": Geometry(48, 2048),
    "musicgen-melody": Geometry(48, 1536, melody=True),
    "musicgen-melody-large": Geometry(48, 2048, melody=True),
    "musicgen-stereo-small": Geometry(24, 1024, channels=2),
    "musicgen-stereo-medium": Geometry(48, 1536, channels=2),
    "musicgen-stereo-large": Geometry(48, 2048, channels=2),
    "musicgen-stereo-melody": Geometry(48, 1536, channels=2, melody=True),
}
"""The published sizes."""


@dataclass(frozen=True)
class Need:
    """Memory that a model needs, in bytes."""

    weights: int
    cache: int
    """Keys and values of one clip."""
    activations: int
    """Of one clip."""
    decoding: int
    """Of one clip."""
    loading: int
    """What stands beside the weights while they are read."""
    overhead: int
    """Of the runtime."""

    @property
    def clip(self) -> int:
        """All that grows with the batch, for one clip."""
        return self.cache + self.activations + self.decoding

    def of(self, batch: int) -> int:
        """Bytes for ``batch`` clips at once."""
        return self.weights + self.overhead + max(batch * self.clip, self.loading)

    def largest_batch(self, available: int) -> int:
        """How many clips at once fit into ``available`` bytes; 0 if not even one does."""
        left = available - self.weights - self.overhead
        return max(left // self.clip, 0) if left >= self.loading else 0


def need(geometry: Geometry, precision: Precision, place: Place, seconds: float = SECONDS) -> Need:
    """Memory that ``geometry`` needs at ``place``, for clips of ``seconds``."""
    g, b = geometry, BYTES[precision]
    positions = round(seconds * _FRAME_RATE) + g.codebooks // g.channels
    beside = _TEXT_TOKENS + (_CHROMA_TOKENS if g.melody else 0)
    others = _CODEC + _TEXT_ENCODER + (_STEM_SEPARATOR if g.melody else 0)
    return Need(
        weights=b * g.parameters + 4 * others,
        cache=2 * 2 * g.layers * (positions + beside) * g.dim * b,
        activations=2 * positions * (16 * g.dim * b + 2 * g.codebooks * _CARDINALITY * 4),
        decoding=_CODEC_BUFFERS * g.channels * round(seconds * _SAMPLE_RATE) * _CODEC_FILTERS * 4,
        # The checkpoint is in half precision; a card of its own reads it piece by piece from the host
        loading=0 if place == "cuda" else 2 * g.parameters,
        overhead=_OVERHEAD[place],
    )
