"""Settings of the steering study."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sonoscope.settings.base import Section

Positive = Annotated[float, Field(gt=0)]
EstimatorName = Literal["rfm", "difference_in_means", "ridge", "logistic", "lda", "pca", "random", "shuffled_rfm"]


class SteeredConcept(Section):
    """A concept of the corpus and the value of it to steer to."""

    concept: str = Field(default="notes", min_length=1, examples=["notes", "tempos"])
    """Concept of SynTheory: notes, intervals, scales, chords, simple_progressions, tempos, time_signatures."""

    target: str = Field(default="C", min_length=1, examples=["C", "major"])
    """Value to steer to; clips with it are positives, as many, drawn evenly from the rest, are negatives."""


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
    def _ordered(self) -> "RFMSettings":
        for name in ("bandwidth", "exponent", "penalty"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: expected [low, high] with low <= high, found [{low}, {high}]")
        return self


class LayerSelection(Section):
    """Which layers are steered, and how strongly against each other."""

    layers: list[Annotated[int, Field(ge=0)]] | None = None
    """Layers to read and steer, counted from 0; null for all."""

    rule: Literal["all", "top_k", "linear", "power", "softmax"] = "power"
    """Weight of a layer from its held-out score; power is the published w0 * s^(1/kappa), there called exponential."""

    top_k: int = Field(default=16, ge=1)
    """Number of layers that top_k keeps."""

    kappa: float = Field(default=0.95, gt=0, le=10)
    """κ of the power rule, no unit; 1 is linear."""

    temperature: float = Field(default=0.1, gt=0)
    """Score difference at which softmax weighs a layer less by the factor e."""

    floor: float = Field(default=0.0, ge=0, le=1)
    """Smallest weight of a kept layer, as a share of the largest."""


class ScheduleSettings(Section):
    """Strength over time, on one clock of decode steps that no gate stops."""

    name: str = Field(default="constant", min_length=1, examples=["linear_rise", "my_package.schedules:swell"])
    """constant, exponential_decay, linear_decay, linear_rise, logistic, sine, or your own package.module:function."""

    parameters: dict[str, float] = Field(default_factory=dict)
    """Arguments of the schedule by name, such as steps: 1500 (in decode steps)."""


class Steering(Section):
    """The steering study: find directions, push along them, measure what happens."""

    concepts: list[SteeredConcept] = Field(default_factory=lambda: [SteeredConcept()], min_length=1)
    """Concepts and the values to steer to."""

    estimators: list[EstimatorName] = Field(
        default_factory=lambda: list[EstimatorName](
            ["rfm", "difference_in_means", "ridge", "logistic", "lda", "pca", "random", "shuffled_rfm"]
        ),
        min_length=1,
    )
    """Estimators of directions that are fitted and scored."""

    steer_with: list[EstimatorName] = Field(
        default_factory=lambda: list[EstimatorName](["rfm", "difference_in_means", "random"]), min_length=1
    )
    """Estimators whose directions are injected; random is the control that every steering claim needs."""

    pooling: Literal["mean", "last", "max"] = "mean"
    """How the frames of a clip become one hidden state."""

    folds: int = Field(default=3, ge=2, le=20)
    """Outer folds of the reported score; no group of clips stands on two sides."""

    inner_folds: int = Field(default=3, ge=2, le=20)
    """Folds within each outer fold in which hyperparameters and iterate are chosen."""

    rfm: RFMSettings = Field(default_factory=RFMSettings)
    """Recursive Feature Machine."""

    layers: LayerSelection = Field(default_factory=LayerSelection)
    """Layers to steer."""

    coefficients: list[float] = Field(default_factory=lambda: [0.0, 0.02, 0.05, 0.10], min_length=2)
    """Coefficients of the dose-response curve, in coefficient_unit; 0 is the unsteered run and must be among them."""

    headline: float = 0.1
    """The coefficient whose result goes into the scorecard, named before anything is generated; one of coefficients.
    The default comes from a pilot with seeds 0 and 1, which the presets do not use again."""

    coefficient_unit: Literal["absolute", "relative", "sigma"] = "relative"
    """Unit of a coefficient: that of the hidden states, their mean norm, or the SD of the projection at each layer."""

    branch: Literal["both", "cond", "null"] = "both"
    """Guidance rows that are steered; at guidance g a shift d becomes d (both), g d (cond), (1 - g) d (null)."""

    gate: float = Field(default=1.0, gt=0, le=1)
    """Probability that a decode step is steered, drawn once per step and clip, equal at all layers (published: 0.3)."""

    schedule: ScheduleSettings = Field(default_factory=ScheduleSettings)
    """Strength over time."""

    prompts: int = Field(default=8, ge=1, le=10_000)
    """Number of prompts; each is generated at every coefficient with every seed."""

    seeds: list[Annotated[int, Field(ge=0)]] = Field(default_factory=lambda: [2, 3], min_length=1)
    """Seeds of generation; the same at every coefficient, so that clips are paired."""

    precision: Literal["float64", "float32"] = "float64"
    """Precision of the fits; float32 halves the time and is enough for centred states unless clips nearly coincide."""

    fit_seed: int = Field(default=0, ge=0)
    """Seed of folds, search and bootstrap."""

    resamples: int = Field(default=1000, ge=100, le=100_000)
    """Bootstrap resamples of every interval."""

    @model_validator(mode="after")
    def _consistent(self) -> "Steering":
        if 0.0 not in self.coefficients:
            raise ValueError(f"coefficients: expected 0 (the unsteered run) among them, found {self.coefficients}")
        if self.headline not in self.coefficients or self.headline == 0:
            raise ValueError(f"headline: expected one of coefficients other than 0, found {self.headline}")
        for name in ("coefficients", "seeds", "estimators", "steer_with"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ValueError(f"{name}: expected each value once, found {values}")
        missing = [e for e in self.steer_with if e not in self.estimators]
        if missing:
            raise ValueError(f"steer_with: {', '.join(missing)} must also stand in estimators")
        return self
