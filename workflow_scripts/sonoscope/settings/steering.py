"""Settings of the steering study."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from sonoscope.settings.base import Section
from sonoscope.settings.concepts import CONCEPTS, TEMPO, VALUES
from sonoscope.settings.directions import EstimatorName, Fit, Multiclass, Pooling
from sonoscope.settings.injection import Experiment, Handling, Push, check_target

EVERY = "every"
"""Stands for all values of a concept."""


class SteeredConcept(Section):
    """A concept of the corpus and the value of it to steer to: one direction, and one dose-response curve."""

    concept: str = Field(default="notes", min_length=1, examples=["notes", "tempos"])
    """Concept of SynTheory: notes, intervals, scales, chords, simple_progressions, tempos, time_signatures."""

    target: str = Field(default="C", min_length=1, examples=["C", "major", "bpm", "every"])
    """Value to steer to, as folders name it: C, 6 (semitones), dorian, major, ionian-1451, 3-4. Clips with it are
    positives, as many, drawn evenly from the rest, negatives. bpm is a regression; every makes one curve per value."""

    pooling: Pooling = "mean"
    """How the frames of a clip become one hidden state; last is recommended for tempos."""

    coefficients: list[float] | None = None
    """Coefficients beside 0; null for steering.coefficients, for tempos with their negatives."""

    steer_with: list[EstimatorName] | None = None
    """Estimators that are injected; null for steering.steer_with."""

    count: int | None = Field(default=None, ge=1, le=10_000)
    """Number of prompts; null for steering.prompts."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        check_target(self.concept, next(iter(VALUES.get(self.concept, ("",)))) if self.target == EVERY else self.target)
        return self


class Listening(Section):
    """How clips are heard and compared."""

    clips: int = Field(default=240, ge=24)
    """Renders of each concept on which its measure is checked and its classifier on log-mel is trained."""

    limits: int = Field(default=48, ge=0)
    """Renders put through the codec, and as many clips asked for in words, per concept, which say what limits steering
    whatever the direction; 0 leaves them out."""

    trees: int = Field(default=200, ge=10)
    """Trees of the classifier on log-mel."""

    probe_depth: float = Field(default=0.77, ge=0, le=1)
    """Depth of the layer, as a share of the last, whose states of generated clips the circular probe reads (published:
    layer 37 of 48)."""

    divergence_seeds: int = Field(default=1, ge=0)
    """First seeds whose clips get a divergence from the unsteered model per step; costs half of their generation."""

    embedding: Literal["spectral", "clap"] = "spectral"
    """Embedding of the Fréchet distance: spectral statistics, made here, or CLAP, which also tells how well a clip
    goes with its prompt."""

    embedding_folder: str | None = None
    """Folder of a CLAP model in transformers' layout; null for the one that fetch_models fetches (clap)."""

    window: float = Field(default=0.5, gt=0)
    """Length of the windows of time traces, in seconds."""

    resamples: int = Field(default=1000, ge=100, le=100_000)
    """Bootstrap resamples of every interval."""

    budget: float = Field(default=0.2, gt=0)
    """Increase of the negative log-likelihood, in nats per token, at which estimators and schemes are compared."""

    @classmethod
    def given(cls, settings: Mapping[str, Any]) -> Self:
        """What a rule was given of this section, under dotted names; the rest, which it does not use, is default."""
        part = {name: value for name, value in settings.items() if name.startswith("steering.listening.")}
        return cls.model_validate({name.rpartition(".")[2]: value for name, value in part.items()})


class Steering(Section):
    """The steering study: find directions, push along them, measure what happens."""

    concepts: list[SteeredConcept] = Field(default_factory=lambda: [SteeredConcept()])
    """Concepts and the values to steer to; each makes an experiment called concept-target."""

    experiments: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")], Experiment] = Field(default_factory=dict)
    """Further experiments by name: schedules, layers, gates, crossfades, pairs, erasure."""

    choose: list[str] | None = Field(default=None, examples=[["notes-C", "crossfade"]])
    """Names of those experiments, of concepts (such as notes-C) and of experiments, that are made; null for all."""

    fit: Fit = Fit()
    """Fit of directions."""

    multiclass: Multiclass = Multiclass()
    """The classification table."""

    steer_with: list[EstimatorName] = Field(
        default_factory=lambda: list[EstimatorName](["rfm", "difference_in_means", "random"]), min_length=1
    )
    """Estimators whose directions are injected; random is the control that every steering claim needs."""

    coefficients: list[float] = Field(default_factory=lambda: [0.02, 0.05, 0.10], min_length=1)
    """Coefficients of the dose-response curve, in coefficient_unit; 0, the unsteered run, is always there beside."""

    headline: float = 0.1
    """The coefficient that the scorecard judges, named before anything is generated; one of coefficients. The default
    comes from a pilot with seeds 0 and 1, which the presets do not use again."""

    handling: Handling = Handling()
    """How directions are written to the residual stream in the dose-response curves."""

    prompts: int = Field(default=8, ge=1, le=10_000)
    """Number of prompts; each is generated at every coefficient with every seed."""

    seeds: list[Annotated[int, Field(ge=0)]] = Field(default_factory=lambda: [2, 3], min_length=1)
    """Seeds of generation; the same at every coefficient, so that clips are paired."""

    listening: Listening = Listening()
    """How clips are heard and compared."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.headline not in self.coefficients or self.headline == 0:
            raise ValueError(f"headline: expected one of coefficients other than 0, found {self.headline}")
        for name in ("coefficients", "seeds", "steer_with"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ValueError(f"{name}: expected each value once, found {values}")
        wanted = {
            e
            for x in self.all_experiments().values()
            for e in (*(x.estimators or ()), *(p.estimator for p in x.pushes))
            if e
        }
        missing = sorted(wanted - set(self.fit.estimators))
        if missing:
            raise ValueError(f"steer_with: {', '.join(missing)} must also stand in fit.estimators")
        taken = sorted(set(self.experiments) & set(self._curves()))
        for name, one in self.all_experiments().items():
            numbers = any(p.target == TEMPO for p in one.pushes)
            wrong = [e for e in ("logistic", "lda") if numbers and e in (one.estimators or ())]
            if wrong:
                raise ValueError(f"{name}: {wrong[0]} needs classes and {TEMPO} is a number; use ridge")
        if not wanted:
            raise ValueError("expected at least one experiment, by concepts or experiments, found none")
        if taken:
            raise ValueError(f"experiments: {taken[0]} is the name of a curve of concepts; choose another")
        return self

    def all_experiments(self) -> dict[str, Experiment]:
        """Every experiment by name, complete: the curves of ``concepts``, then ``experiments``."""
        every = self._curves() | self.experiments
        unknown = sorted(set(self.choose or ()) - set(every))
        if unknown:
            raise ValueError(f"choose: expected some of {', '.join(every)}, found {unknown[0]}")
        return {n: self._completed(n, one) for n, one in every.items() if self.choose is None or n in self.choose}

    def table_concepts(self) -> list[str]:
        """Concepts of the classification table."""
        chosen = self.multiclass.concepts
        return list(dict.fromkeys(c.concept for c in self.concepts)) if chosen is None else list(chosen)

    def _curves(self) -> dict[str, Experiment]:
        found: dict[str, Experiment] = {}
        for one in self.concepts:
            targets = VALUES[one.concept] if one.target == EVERY else (one.target,)
            for target in targets:
                first = not any(x.pushes[0].concept == one.concept for x in found.values())
                plain = f"{one.concept}-{target}"
                name = plain if plain not in found else f"{plain}-{one.pooling}"
                found[name] = Experiment(
                    pushes=[Push(concept=one.concept, target=target, pooling=one.pooling)],
                    estimators=one.steer_with, coefficients=self._doses(one), count=one.count,
                    key=one.concept if first else name, **dict(self.handling),
                )  # fmt: skip
        return found

    def _doses(self, one: SteeredConcept) -> list[float]:
        if one.coefficients is not None:
            return one.coefficients
        return sorted({c for x in self.coefficients for c in ((x, -x) if one.target == TEMPO else (x,))})

    def _completed(self, name: str, one: Experiment) -> Experiment:
        coefficients = [c for c in (self.coefficients if one.coefficients is None else one.coefficients) if c != 0]
        if not coefficients:
            raise ValueError(f"experiments.{name}.coefficients: expected one other than 0, found {one.coefficients}")
        headline = self.headline if one.headline is None else one.headline
        return one.model_copy(
            update={
                "estimators": list(self.steer_with if one.estimators is None else one.estimators),
                "coefficients": coefficients,
                "headline": headline if headline in coefficients else max(coefficients, key=abs),
                "count": self.prompts if one.count is None else one.count,
                "seeds": list(self.seeds if one.seeds is None else one.seeds),
                "key": one.key or name,
            }
        )


__all__ = ["CONCEPTS", "EVERY", "Listening", "SteeredConcept", "Steering"]
