"""Settings of what is done to the residual stream, and of experiments with it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sonoscope.settings.base import Section
from sonoscope.settings.concepts import VALUES
from sonoscope.settings.directions import EstimatorName, Pooling

CONTROLS: tuple[EstimatorName, ...] = ("random", "shuffled_rfm")
"""Estimators that know nothing of the concept."""


class LayerSelection(Section):
    """Which layers are steered, and how strongly against each other."""

    layers: list[Annotated[int, Field(ge=0)]] | None = None
    """Layers to steer, counted from 0; null for all that directions were fitted to."""

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

    span: Literal["published", "clip"] = "published"
    """Length that parameters left out refer to: 1500 decode steps as published, or those of the clip."""


class Handling(Section):
    """How a direction is written to the residual stream."""

    schedule: ScheduleSettings = ScheduleSettings()
    """Strength over time."""

    gate: float = Field(default=1.0, gt=0, le=1)
    """Probability that a decode step is steered, drawn once per step and clip, equal at all layers (published: 0.3)."""

    layers: LayerSelection = LayerSelection()
    """Layers to steer."""

    branch: Literal["both", "cond", "null"] = "both"
    """Guidance rows that are steered; at guidance g a shift d becomes d (both), g d (cond), (1 - g) d (null)."""

    mode: Literal["add", "erase", "leace"] = "add"
    """add: add the direction; erase: take out the projection on it, of which the coefficient is the share (directional
    ablation); leace: take out all that a linear readout could use."""

    keep_norm: bool = False
    """Scale each hidden state back to its norm after the push."""

    coefficient_unit: Literal["absolute", "relative", "sigma"] = "relative"
    """Unit of a coefficient: that of the hidden states, their mean norm, or the SD of the projection at each layer."""

    orthogonal: bool = False
    """Make the directions of several pushes orthogonal at each layer first, in their order (Gram and Schmidt)."""


class Push(Section):
    """One direction of an experiment."""

    concept: str = Field(default="notes", min_length=1, examples=["notes", "tempos"])
    """Concept of SynTheory: notes, intervals, scales, chords, simple_progressions, tempos, time_signatures."""

    target: str = Field(default="C", min_length=1, examples=["C", "3-4", "bpm"])
    """Value to steer to, as folders name it: C, 6 (semitones), dorian, major, ionian-1451, bpm, 3-4."""

    pooling: Pooling = "mean"
    """How the frames of a clip became the one hidden state that the direction was fitted to."""

    weight: float = 1.0
    """What the coefficient is multiplied by; negative pushes away."""

    estimator: EstimatorName | None = None
    """Estimator of this direction; null for that of the arm."""

    schedule: ScheduleSettings | None = None
    """Strength over time of this direction; null for that of the experiment."""

    gate: float | None = Field(default=None, gt=0, le=1)
    """Gate of this direction; null for that of the experiment."""

    layers: LayerSelection | None = None
    """Layers of this direction; null for those of the experiment."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        check_target(self.concept, self.target)
        return self


class Variant(Section):
    """What one variant of an experiment does otherwise; null keeps what the experiment does."""

    schedule: ScheduleSettings | None = None
    """Strength over time."""

    gate: float | None = Field(default=None, gt=0, le=1)
    """Probability that a decode step is steered."""

    layers: LayerSelection | None = None
    """Layers to steer."""

    branch: Literal["both", "cond", "null"] | None = None
    """Guidance rows that are steered."""

    mode: Literal["add", "erase", "leace"] | None = None
    """Add, erase or leace."""

    keep_norm: bool | None = None
    """Scale each hidden state back to its norm."""

    coefficient_unit: Literal["absolute", "relative", "sigma"] | None = None
    """Unit of a coefficient."""

    orthogonal: bool | None = None
    """Make the directions of several pushes orthogonal."""

    pushes: list[Annotated[int, Field(ge=0)]] | None = None
    """Numbers of the pushes that are on, from 0; null for all."""


class Experiment(Handling):
    """Directions that are pushed along, by which estimators, how hard, and in which variants."""

    pushes: list[Push] = Field(default_factory=lambda: [Push()], min_length=1)
    """Directions of the experiment, written one after the other."""

    estimators: list[EstimatorName] | None = None
    """Estimators of the arms; null for steering.steer_with."""

    coefficients: list[float] | None = None
    """Coefficients of the arms beside 0; null for steering.coefficients."""

    headline: float | None = None
    """The coefficient that is judged; null for steering.headline, or the coefficient furthest from 0 without it."""

    variants: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")], Variant] = Field(
        default_factory=lambda: {"plain": Variant()}, min_length=1
    )
    """What is compared, by name; each variant has an arm for each estimator and coefficient."""

    prompts: Literal["open", "target"] = "open"
    """Prompts that leave the first push's concept open, or that ask for its target (to be pushed away from)."""

    count: int | None = Field(default=None, ge=1, le=10_000)
    """Number of prompts; null for steering.prompts."""

    seeds: list[Annotated[int, Field(ge=0)]] | None = Field(default=None, min_length=1)
    """Seeds of generation; null for steering.seeds."""

    guidance: float | None = Field(default=None, ge=0)
    """Classifier-free guidance coefficient of its clips; null for musicgen.guidance."""

    key: str | None = None
    """What its rows in the scorecard are called; null for its own name."""

    @model_validator(mode="after")
    def _numbered(self) -> Self:
        for name, variant in self.variants.items():
            wrong = [k for k in variant.pushes or () if k >= len(self.pushes)]
            if wrong:
                raise ValueError(f"variants.{name}.pushes: expected 0 to {len(self.pushes) - 1}, found {wrong[0]}")
        if self.headline is not None and self.coefficients is not None and self.headline not in self.coefficients:
            raise ValueError(f"headline: expected one of coefficients, found {self.headline}")
        return self

    @property
    def varies_in_time(self) -> bool:
        """Whether a push changes its strength over a clip."""
        names = [p.schedule.name for p in self.pushes if p.schedule is not None]
        return any(n != "constant" for n in (*names, *(self.handling(v).schedule.name for v in self.variants)))

    @property
    def is_away(self) -> bool:
        """Whether prompts ask for what is pushed away or taken out, so that less of it is wanted."""
        return self.prompts == "target"

    def handling(self, variant: str) -> Handling:
        """How the directions of one variant are written."""
        changes = {k: v for k, v in self.variants[variant] if v is not None and k != "pushes"}
        return Handling(**{k: getattr(self, k) for k in Handling.model_fields} | changes)

    def active(self, variant: str) -> list[int]:
        """Numbers of the pushes that a variant has on."""
        chosen = self.variants[variant].pushes
        return list(range(len(self.pushes))) if chosen is None else list(chosen)


def check_target(concept: str, target: str) -> None:
    """Raise ValueError for a concept or target that there is not."""
    if concept not in VALUES:
        raise ValueError(f"concept: expected one of {', '.join(VALUES)}, found {concept!r}")
    if target not in VALUES[concept]:
        raise ValueError(f"target of {concept}: expected one of {', '.join(VALUES[concept])}, found {target!r}")
