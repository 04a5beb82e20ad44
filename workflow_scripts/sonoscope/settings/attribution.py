"""Settings of the attribution study."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from sonoscope.settings.base import Section

Feature = Literal["loss", "margin", "adam", "logra", "ekfac", "lora"]
_FEATURES: Final[list[Feature]] = ["loss", "margin", "adam", "logra"]
"""What the study embeds; an embedding by hand, which has no fine-tune's moments, takes less."""
MethodName = Literal[
    "gradient_dot", "gradient_cosine", "margin_cosine", "tracin", "trak", "trak_loss", "logra", "ekfac", "lora_cosine",
    "adam_cosine", "adam_tracin",
    "base_gradient_cosine", "code_ngrams", "log_mel", "caption", "clap", "clmr", "random", "legacy",
]  # fmt: skip
GroupName = Literal["all", "attention", "self_attention", "cross_attention", "feed_forward", "heads", "no_text", "lora"]


class FineTune(Section):
    """Fine-tuning of a MusicGen on a set of songs; every counterfactual set has the same recipe."""

    adaptation: Literal["full", "lora"] = "full"
    """Whether all weights are trained, or low-rank adapters on the matrices of the layers."""
    rank: int = Field(8, ge=1)
    """Rank of the adapters."""
    epochs: int = Field(3, ge=1)
    """Passes over the windows of the set; the default ends where the loss of parts that are held out is least."""
    batch: int = Field(4, ge=1)
    """Windows per update."""
    learning_rate: float = Field(3e-4, gt=0)
    """Learning rate of AdamW after the warm-up; it stays constant."""
    warmup: int = Field(5, ge=0)
    """Updates of linear warm-up."""
    weight_decay: float = Field(0.01, ge=0)
    """Decoupled weight decay per unit of learning rate."""
    clip_norm: float = Field(1.0, gt=0)
    """Largest norm of the gradient."""
    condition_dropout: float = Field(0.2, ge=0, lt=1)
    """Share of rows whose text is dropped, for classifier-free guidance."""
    checkpoints: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        default_factory=lambda: [0.1, 0.4, 0.7, 1.0], min_length=1
    )
    """Where checkpoints are kept, as shares of the updates; the last must be 1."""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.checkpoints != sorted(set(self.checkpoints)) or self.checkpoints[-1] != 1:
            raise ValueError(f"checkpoints: expected rising shares that end with 1, found {self.checkpoints}")
        return self


class FineTunePair(FineTune):
    """Fine-tuning on two songs: with so few windows the rate of many songs would raise the loss of what is held out."""

    epochs: int = Field(10, ge=1)
    """Passes over the windows of the set; the default ends where the loss of parts that are held out is least."""
    learning_rate: float = Field(1e-4, gt=0)
    """Learning rate of AdamW after the warm-up; it stays constant."""


class Embedding(Section):
    """Gradient embeddings: which function of which tokens is differentiated, and how its gradient is projected."""

    window: float = Field(4.0, gt=0, le=30)
    """Length of a row's tokens, in seconds; songs are cut into such windows, one after another."""
    features: list[Feature] = Field(default_factory=lambda: list[Feature](["loss", "margin"]), min_length=1)
    """What is stored per row: projected gradients of loss or margin; of the loss by adam, logra, ekfac, of adapters."""
    projection: Literal["sjlt", "rademacher", "masked"] = "sjlt"
    """Random projection of loss and margin gradients; sjlt has one non-zero per coordinate."""
    dim: int = Field(4096, ge=16, le=2**20)
    """Numbers per row and feature; the error of a cosine is about 1/√dim."""
    seed: int = Field(0, ge=0)
    """Seed of the projection; rows of other seeds are refused."""
    logra_rank: int = Field(8, ge=1)
    """Rank of LoGra's projections of inputs and outputs; a row has rank² numbers per linear part."""
    group: GroupName = "all"
    """Parameters whose gradient is taken; no_text leaves out cross-attention and text projection."""
    last_layers: int | None = Field(None, ge=1)
    """Restricts the group to this many last layers; null is no restriction."""
    prompt: Literal["caption", "empty"] = "caption"
    """Text that the tokens are conditioned on: their own caption, or none."""
    ekfac_windows: int = Field(32, ge=1)
    """Training windows that the EK-FAC curvature is fitted on."""
    damping: float = Field(0.1, gt=0)
    """λ of EK-FAC, relative to the mean eigenvalue of each part; of feature adam, relative to its mean scale."""
    songs_per_shard: int = Field(8, ge=1)
    """Songs whose rows share a file: what is lost at most when a job is killed."""
    coverage: float = Field(0.99, ge=0, le=1)
    """Least share of the group's parameters that must have been seen; below it nothing is stored."""


class Scoring(Section):
    """From embeddings to attribution scores."""

    methods: list[MethodName] = Field(
        default_factory=lambda: list[MethodName](
            ["gradient_cosine", "margin_cosine", "gradient_dot", "tracin", "adam_cosine", "adam_tracin", "trak",
             "trak_loss", "logra", "base_gradient_cosine", "code_ngrams", "log_mel", "caption", "random", "legacy"]
        ),
        min_length=1,
    )  # fmt: skip
    """Methods whose scores are computed and judged; random and the similarities are the null and the baselines."""
    headline: MethodName = "adam_cosine"
    """The method that the targets are held against, named before anything is generated."""
    damping: float = Field(0.1, gt=0)
    """Ridge penalty λ of TRAK and LoGra, relative to the mean eigenvalue of the Gram matrix of the training rows."""
    ngram: int = Field(2, ge=1, le=6)
    """Frames of an n-gram of codes of the first codebook."""
    listeners: dict[Literal["clap", "clmr"], str] = Field(default_factory=dict)
    """Baselines that are fetched: the folder of a CLAP in transformers' layout, the file of a CLMR checkpoint."""
    legacy_damping: float = Field(10.0, gt=0)
    """Absolute λ of the published formula."""
    legacy_guidance: float = Field(3.0, ge=0)
    """Classifier-free guidance coefficient of the published formula."""


class Counterfactuals(Section):
    """Retraining without songs: the truth that scores are judged by."""

    pairs: int = Field(1, ge=0)
    """Pairs of songs for which {}, {A}, {B} and {A, B} are trained."""
    pair_seeds: int = Field(2, ge=1)
    """Trainings of each of these sets."""
    subsets: int = Field(24, ge=0)
    """Random halves of the songs for the linear datamodelling score."""
    subset_seeds: int = Field(2, ge=1)
    """Trainings of each half; two give the noise ceiling."""
    share: float = Field(0.5, gt=0, lt=1)
    """Share of the songs in a subset."""


class Queries(Section):
    """Generated clips whose training songs are asked for."""

    seeds: int = Field(2, ge=1)
    """Clips per trained song's caption."""
    pair_seeds: int = Field(10, ge=1)
    """Clips per song of a pair."""
    unprompted: int = Field(8, ge=0)
    """Clips that are generated, and asked about, without a caption."""
    held_out: int = Field(1, ge=0)
    """Real clips per trained song, of what follows the part that is trained on, asked about without a caption."""
    pair_held_out: int = Field(4, ge=0)
    """The same per song of a pair."""
    seconds: float = Field(4.0, gt=0, le=30)
    """Length of a clip, in seconds."""
    temperature: float = Field(1.0, ge=0)
    """Divides the logits before sampling; low ones bring clips that the model made before its fine-tune too."""
    guidance: float = Field(3.0, ge=0)
    """Classifier-free guidance coefficient of clips with a caption; 1 is none."""
    prompts: list[Literal["empty", "swapped"]] = Field(
        default_factory=lambda: list[Literal["empty", "swapped"]](["empty", "swapped"])
    )
    """Controls: clips are also scored with no caption, and with that of another song, in place of their own."""


class ExperimentSpec(Section):
    """One experiment: its prompts, seeds and durations are crossed."""

    prompts: list[str] = Field(default_factory=list)
    """Texts to generate with; empty takes the captions of the trained songs."""
    seeds: list[Annotated[int, Field(ge=0)]] = Field(default_factory=lambda: [42, 43], min_length=1)
    """Seeds of generation."""
    durations: list[Annotated[float, Field(gt=0, le=30)]] = Field(default_factory=lambda: [4.0], min_length=1)
    """Lengths of generated clips, in seconds."""


class Experiments(Section):
    """The published experiments on a pair of songs; experiment 2, which was left open, is the counterfactual study."""

    run: list[Literal["1", "3", "4"]] = Field(default_factory=lambda: list[Literal["1", "3", "4"]](["1", "3", "4"]))
    """Experiments that are run."""
    one: ExperimentSpec = ExperimentSpec(durations=[4.0, 8.0, 12.0])
    """Experiment 1: one caption, some durations and seeds."""
    three: ExperimentSpec = ExperimentSpec(seeds=[42, 43, 44, 45, 46])
    """Experiment 3: the captions of both songs, some seeds."""
    four: ExperimentSpec = ExperimentSpec(
        prompts=[
            "slow ballad in minor, sad piano",
            "fast dance in major, happy synthesizer",
            "slow dance in minor, sad synthesizer",
            "fast ballad in major, happy piano",
            "a drum roll without melody",
        ]
    )
    """Experiment 4: moods and genres crossed, and a text that is far from both songs."""

    def spec(self, number: str) -> ExperimentSpec:
        """One experiment by its number."""
        return {"1": self.one, "3": self.three, "4": self.four}[number]


class Attribution(Section):
    """The attribution study: which training songs a generated clip is made of."""

    songs: int = Field(24, ge=2)
    """Songs that the model is fine-tuned on, at most; of every artist one song is kept back as a decoy."""
    shards: int = Field(1, ge=1, le=1000)
    """Jobs that the songs and the clips are embedded by, side by side; rows do not depend on it."""
    decoys: int = Field(8, ge=0)
    """Songs of the same artists that are never trained on but scored all the same."""
    seconds: float | None = Field(8.0, gt=0)
    """How much of each song is used, from its start, in seconds; null is the whole song."""
    finetune: FineTune = FineTune()
    """Recipe of the fine-tunes on many songs."""
    finetune_pair: FineTunePair = FineTunePair()
    """Recipe of the fine-tunes on two songs."""
    embedding: Embedding = Embedding(features=_FEATURES)
    """Gradient embeddings."""
    embed_end: bool = False
    """Whether gradients are also taken at the end of a fine-tune that kept other checkpoints; no step began there."""
    scoring: Scoring = Scoring()
    """Attribution scores."""
    counterfactuals: Counterfactuals = Counterfactuals()
    """Retrainings that give the truth."""
    queries: Queries = Queries()
    """Generated clips."""
    experiments: Experiments = Experiments()
    """Experiments 1, 3 and 4."""
    resamples: int = Field(1000, ge=100, le=100_000)
    """Bootstrap resamples of every interval."""

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, given: Any) -> Any:
        """A part of the embedding's settings, as a rule is given it, leaves the features at this study's default."""
        if isinstance(given, Mapping) and isinstance(given.get("embedding"), Mapping):
            return {**given, "embedding": {"features": _FEATURES, **given["embedding"]}}
        return given

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if "adam" in self.embedding.features and "lora" in (self.finetune.adaptation, self.finetune_pair.adaptation):
            raise ValueError("embedding.features: adam needs full fine-tunes; of LoRA ones take loss, margin and lora")
        if self.scoring.headline.startswith("adam_") and "adam" not in self.embedding.features:
            raise ValueError(f"scoring.headline: {self.scoring.headline} needs adam in embedding.features")
        unfetched = [m for m in ("clap", "clmr") if m in self.scoring.methods and m not in self.scoring.listeners]
        if unfetched:
            raise ValueError(f"scoring.methods: {unfetched[0]} needs scoring.listeners.{unfetched[0]}, where it lies")
        if self.scoring.headline not in self.scoring.methods:
            raise ValueError(f"scoring.headline: {self.scoring.headline} must stand in scoring.methods")
        if self.seconds is not None and self.seconds < self.embedding.window:
            raise ValueError(
                f"seconds: expected at least one window, {self.embedding.window:g} s, found {self.seconds:g}"
            )
        return self
