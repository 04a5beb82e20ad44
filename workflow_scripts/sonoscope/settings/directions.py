"""Settings of the fit of directions and of classification by them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sonoscope.settings.base import Section

Positive = Annotated[float, Field(gt=0)]
Pooling = Literal["mean", "last"]
EstimatorName = Literal[
    "rfm", "difference_in_means", "ridge", "logistic", "lda", "pca", "sae", "random", "shuffled_rfm"
]


class RFMSettings(Section):
    """Recursive Feature Machine: search and fit of one direction per layer."""

    iterations: int = Field(default=4, ge=0, le=15)
    """Largest number of updates of the metric; the best iterate on held-out folds is kept (published: 15)."""

    search_points: int = Field(default=10, ge=0, le=500)
    """Random hyperparameter points tried beside the default one (published: 100 per layer)."""

    bandwidth: tuple[Positive, Positive] = (0.3, 30.0)
    """Range of the kernel's bandwidth L, log-uniform, in root-mean-square distances of the training clips."""

    exponent: tuple[Annotated[float, Field(gt=0, le=2)], Annotated[float, Field(gt=0, le=2)]] = (0.7, 1.4)
    """Range of the kernel's exponent q, uniform, no unit."""

    penalty: tuple[Positive, Positive] = (1e-5, 10.0)
    """Range of the ridge penalty λ, log-uniform, relative to a kernel of 1 on the diagonal."""

    criterion: Literal["projection", "predictor"] = "projection"
    """What the search maximises on held-out folds: score of the projection, which is injected, or of the predictor."""

    normalisation: Literal["spread", "trace", "max_entry"] = "spread"
    """How the learned metric is scaled: equal mean squared distance, equal trace, or largest entry 1 (as published)."""

    components: int = Field(default=1, ge=1, le=64)
    """Eigenvectors kept per layer; the first is injected (published: 8 to 24)."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("bandwidth", "exponent", "penalty"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: expected [low, high] with low <= high, found [{low}, {high}]")
        return self


class SAEFeatureSettings(Section):
    """Sparse autoencoder of the hidden states of a corpus, whose most selective feature is a direction."""

    kind: Literal["topk", "batch_topk", "jumprelu", "matryoshka"] = "batch_topk"
    """Gate of the autoencoder."""

    expansion: int = Field(default=2, ge=1, le=64)
    """Features per dimension of the hidden states."""

    active: int = Field(default=8, ge=1)
    """Features active per hidden state, on average."""

    steps: int = Field(default=600, ge=1)
    """Batches of the training; each layer trains one autoencoder, and one more for each outer fold."""

    batch: int = Field(default=64, ge=2)
    """Hidden states per batch."""

    rate: float = Field(default=5e-3, gt=0)
    """Peak learning rate of Adam."""


class Fit(Section):
    """Fit of directions to the hidden states of a corpus."""

    estimators: list[EstimatorName] = Field(
        default_factory=lambda: list[EstimatorName](
            ["rfm", "difference_in_means", "ridge", "logistic", "lda", "pca", "sae", "random", "shuffled_rfm"]
        ),
        min_length=1,
    )
    """Estimators of directions that are fitted and scored; for a number, such as a tempo, without logistic and lda."""

    layers: list[Annotated[int, Field(ge=0)]] | None = None
    """Layers to read, counted from 0; null for all."""

    clips: int | None = Field(default=480, ge=24)
    """Largest number of clips of one fit, half of them positives; null for all."""

    folds: int = Field(default=3, ge=2, le=20)
    """Outer folds of the reported score; no group of clips stands on two sides."""

    inner_folds: int = Field(default=3, ge=2, le=20)
    """Folds within each outer fold in which hyperparameters and iterate are chosen."""

    rfm: RFMSettings = RFMSettings()
    """Recursive Feature Machine."""

    sae: SAEFeatureSettings = SAEFeatureSettings()
    """Sparse autoencoder."""

    precision: Literal["float64", "float32"] = "float64"
    """Precision of the fits; float32 halves the time and is enough for centred states unless clips nearly coincide."""

    seed: int = Field(default=0, ge=0)
    """Seed of folds, search and bootstrap."""

    resamples: int = Field(default=1000, ge=100, le=100_000)
    """Bootstrap resamples of the interval of a layer's score."""

    layer_group: int = Field(default=8, ge=1)
    """Layers fitted between two savings; a killed fit goes on at the last one."""

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len(set(self.estimators)) != len(self.estimators):
            raise ValueError(f"estimators: expected each value once, found {self.estimators}")
        return self


class Multiclass(Section):
    """The classification table: which classes of a concept hidden states tell apart, by which probe."""

    concepts: list[str] | None = None
    """Concepts of the table; null for those that are steered."""

    pooling: Pooling = "mean"
    """How the frames of a clip become one hidden state (published: mean, and last beside it)."""

    splits: list[Literal["group", "random"]] = Field(
        default_factory=lambda: list[Literal["group", "random"]](["group", "random"]), min_length=1
    )
    """group: clips of one render, instrument or root stay together; random: single clips, as published."""

    n_components: list[Annotated[int, Field(ge=1)]] = Field(default_factory=lambda: [2, 4, 8, 12, 24], min_length=1)
    """Numbers of eigenvectors whose projections a ridge readout gets (published: 2 to 24)."""

    layer_candidates: int = Field(default=2, ge=1)
    """Layers, best by the linear probe on validation clips, at which RFM and MLP are fitted."""

    search_points: int = Field(default=6, ge=0, le=500)
    """Random hyperparameter points of RFM beside the default one, chosen on validation clips."""

    iterations: int = Field(default=4, ge=0, le=15)
    """Largest number of updates of the metric."""

    hidden: int = Field(default=512, ge=1)
    """Width of the MLP's hidden layer (published by SynTheory: 512)."""

    max_clips: int | None = Field(default=1200, ge=60)
    """Clips of one table, evenly chosen; null for all."""

    seed: int = Field(default=0, ge=0)
    """Seed of splits, search and MLP."""
