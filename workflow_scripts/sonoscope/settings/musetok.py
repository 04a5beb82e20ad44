"""Symbolic music as MuseTok events, the autoencoder that reads them, and its training from nothing."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from sonoscope.settings.base import Section
from sonoscope.settings.training import Optimiser


class Events(Section):
    """What becomes of a MIDI file on its way to MuseTok's events."""

    drums: Literal["drop", "merge"] = "drop"
    """Drum tracks: left out, or read as if they were piano notes (as published)."""
    metres: Literal["each", "first"] = "each"
    """Time signatures: bars begin anew at each change, or the first one holds for the whole piece (as published)."""
    pitches: Literal["drop", "fold", "refuse"] = "drop"
    """Notes beyond the piano's keys: left out, moved by octaves, or a reason to refuse the file (as published)."""
    long_bars: Literal["thin", "cut", "keep"] = "thin"
    """Bars of more tokens than the encoder reads: inner voices left out, the end cut off (as published), or kept."""
    longest_bar: int = Field(128, ge=8)
    """Most tokens of a bar."""
    end: bool = False
    """Whether a token ends the last bar (as published); it gives equal music at the end another latent."""


PUBLISHED = Events(drums="merge", metres="first", pitches="refuse", long_bars="cut", end=True)
"""As the published code reads a file."""


class Geometry(Section):
    """Shape of a MuseTok model; the defaults are those of `sonoscope-musetok`."""

    tokens: int = Field(168, ge=2)
    """Embeddings: the vocabulary and the padding."""
    dim: int = Field(128, ge=2, multiple_of=2)
    """Width of the transformers."""
    heads: int = Field(4, ge=1)
    """Attention heads."""
    dim_feedforward: int = Field(512, ge=1)
    """Width of the feed-forward layers."""
    encoder_layers: int = Field(2, ge=1)
    """Layers that read a bar."""
    decoder_layers: int = Field(2, ge=1)
    """Layers that write bars."""
    dim_latent: int = Field(64, ge=1)
    """Width of a bar's latent."""
    codebooks: int = Field(8, ge=1)
    """Levels of the residual quantiser."""
    codes: int = Field(512, ge=2)
    """Codes of each level."""
    decoder_bars: int = Field(1, ge=1)
    """Bars in a row that the decoder writes; with one, it can lean on nothing but the bar's own latent."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of activations dropped in training."""


PUBLISHED_GEOMETRY = Geometry(
    dim=512, heads=8, dim_feedforward=2048, encoder_layers=12, decoder_layers=12, dim_latent=128, codebooks=16,
    codes=2048, decoder_bars=16, dropout=0.1,
)  # fmt: skip
"""Shape of the published model."""


class Scores(Section):
    """What `sonoscope-musetok` learns from."""

    composer: str | None = "bach"
    """Whose scores to learn from, among those that the package music21 carries; null for composed pieces alone."""
    most: int | None = Field(None, ge=2)
    """Most real scores; null takes all."""
    pieces: int = Field(300, ge=0)
    """Composed pieces besides, of eight bars."""
    held_out: float = Field(0.1, gt=0, lt=0.5)
    """Share of scores, and of pieces, that is never trained on."""


class TrainMuseTok(Section):
    """Training of `sonoscope-musetok` from nothing."""

    corpus: Scores = Scores()
    """What it learns from."""
    geometry: Geometry = Geometry()
    """Its shape."""
    optimiser: Optimiser = Optimiser(steps=5500, batch=24, learning_rate=1.5e-3, warmup=200, checkpoint_every=250)
    """Schedule; a batch counts stretches of `decoder_bars` bars."""
    transposition: int = Field(6, ge=0, le=12)
    """Stretches are moved by up to so many semitones."""
    continuous_steps: int = Field(500, ge=0)
    """First steps, in which the decoder gets vectors that are not quantised and the codebooks only follow."""
    token_dropout: float = Field(0.1, ge=0, lt=1)
    """Share of the decoder's input tokens that are hidden, so that it needs the latent."""


class Pieces(Section):
    """The corpus `pieces`: composed, with every cause recorded."""

    count: int = Field(200, ge=1)
    """Pieces."""
    bars: int = Field(8, ge=1)
    """Length of each, in bars."""


class Encoding(Section):
    """How corpora become latents."""

    events: Events = Events()
    """From MIDI to events."""
    batch_tokens: int = Field(16384, ge=128)
    """Tokens per batch of bars of like length, padding included."""


class MuseTok(Section):
    """Symbolic music as MuseTok reads it."""

    name: Literal["sonoscope-musetok", "musetok"] = "sonoscope-musetok"
    """`sonoscope-musetok` (shipped), or `musetok` (published, by `fetch_models`)."""
    pieces: Pieces = Pieces()
    """Composed pieces to encode."""
    folders: dict[str, str] = Field(default_factory=dict)
    """Further corpora to encode: folders of MIDI files, or tables with `piece_id` and `midi`, by name."""
    encoding: Encoding = Encoding()
    """How they are encoded."""
    training: TrainMuseTok = TrainMuseTok()
    """Training of the shipped model; nothing here is read by the studies."""

    def weights(self, shipped: Path, downloads: Path) -> str:
        """Path of the model's weights."""
        if self.name == "musetok":
            return str(downloads / "models" / "musetok" / "ckpt" / "best_tokenizer" / "model.pt")
        return str(shipped / self.name / "model.safetensors")

    def corpus(self, name: str, results: Path) -> str:
        """Path of the corpus ``name``."""
        return self.folders.get(name) or str(results / "world" / f"{name}.parquet")
