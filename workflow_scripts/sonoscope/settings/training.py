"""How the shipped models are trained from nothing."""

from typing import Self

from pydantic import Field, model_validator

from sonoscope.settings.base import Section
from sonoscope.settings.geometry import CodecGeometry, LanguageModelGeometry


class Corpus(Section):
    """The clips that the shipped MusicGen learns from."""

    lessons: int = Field(12000, ge=8)
    """SynTheory-like clips with prompts."""
    pieces: int = Field(4000, ge=0)
    """Composed pieces with prompts."""
    open_prompts: float = Field(0.2, ge=0, lt=1)
    """Share of lessons whose prompt leaves the value open: "a repeated note on flute"."""
    seconds: float = Field(4.0, gt=0)
    """Length of every clip, in seconds."""
    validation: float = Field(0.05, gt=0, lt=0.5)
    """Share of clips, besides the held-out combinations, that is never trained on."""


class Optimiser(Section):
    """AdamW with linear warm-up and cosine decay."""

    steps: int = Field(10000, ge=1)
    """Updates."""
    batch: int = Field(8, ge=1)
    """Clips per update."""
    learning_rate: float = Field(1e-3, gt=0)
    """Peak learning rate."""
    final_learning_rate: float = Field(0.05, ge=0, le=1)
    """Learning rate after the last step, as a share of the peak."""
    warmup: int = Field(200, ge=0)
    """Steps of linear warm-up."""
    weight_decay: float = Field(0.0, ge=0)
    """Decoupled weight decay per unit of learning rate."""
    clip_norm: float = Field(1.0, gt=0)
    """Largest norm of the gradient."""
    checkpoint_every: int = Field(250, ge=1)
    """Steps between resumable checkpoints, at which held-out measures are logged."""


class TrainCodec(Section):
    """Training of the codec."""

    optimiser: Optimiser = Optimiser(steps=12000, batch=8, learning_rate=1.5e-3, clip_norm=5.0)
    """Schedule."""
    decoder_optimiser: Optimiser = Optimiser(steps=6000, batch=8, learning_rate=6e-4, clip_norm=5.0)
    """Schedule of the decoder's refinement, after encoder and codebooks are fixed."""
    crop: float = Field(1.0, gt=0)
    """Length of a training crop, in seconds."""
    continuous_steps: int = Field(500, ge=0)
    """First steps, trained without the quantiser, whose codebooks would collapse onto an untrained encoder."""
    waveform_weight: float = Field(1.0, ge=0)
    """Weight of the relative waveform error, which pins the phase. Sounds of this world repeat exactly, so phase can be
    learned, and learning it speeds up everything else."""
    spectral_weight: float = Field(1.0, ge=0)
    """Weight of the multi-scale STFT loss."""
    mel_weight: float = Field(1.0, ge=0)
    """Weight of the difference of log-mel spectra, which carries timbre."""
    commitment_weight: float = Field(0.5, ge=0)
    """Weight of the quantiser's commitment loss."""


class TrainLanguageModel(Section):
    """Training of the language model on the codec's tokens."""

    optimiser: Optimiser = Optimiser(steps=10000, batch=8, learning_rate=1e-3, weight_decay=0.01)
    """Schedule."""
    beginnings: tuple[float, ...] = (0.25, 0.2, 0.25)
    """Shares of updates on the first halves of twice as many clips, the first quarters of four times as many, and so
    on: what a prompt asks for is heard early, and what follows is mostly repetition."""
    half_precision: bool = True
    """Whether matrix products run in bfloat16 (weights and losses stay in float32)."""

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if min(self.beginnings, default=0) < 0 or sum(self.beginnings) > 1:
            raise ValueError(f"beginnings: expected shares that sum to at most 1, got {self.beginnings}")
        return self


class Training(Section):
    """Training of the shipped MusicGen from nothing; nothing here is read by the studies."""

    corpus: Corpus = Corpus()
    """What it learns from."""
    codec: TrainCodec = TrainCodec()
    """Its codec."""
    codec_geometry: CodecGeometry = CodecGeometry()
    """Shape of its codec."""
    language_model: TrainLanguageModel = TrainLanguageModel()
    """Its language model."""
    language_model_geometry: LanguageModelGeometry = LanguageModelGeometry()
    """Shape of its language model."""
