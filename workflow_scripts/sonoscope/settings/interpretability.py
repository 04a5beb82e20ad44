"""Settings of the interpretability study."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sonoscope.settings.base import Section
from sonoscope.settings.directions import EstimatorName


class HeardPieces(Section):
    """Rendered pieces whose causes are known, replayed under null text."""

    controlled: int = Field(default=400, ge=24)
    """Pieces that differ in mode, tempo and dynamics alone, drawn independently: what the judged probes read."""

    count: int = Field(default=400, ge=24)
    """Pieces in which all other causes are drawn as well, but for those that are held."""

    held: list[Literal["density", "metre", "articulation", "register", "key"]] = Field(
        default_factory=lambda: list[Literal["density", "metre", "articulation", "register", "key"]](
            ["density", "metre"]
        )
    )
    """Causes that are the same in all of these. Where density and metre vary freely, tempo cannot be heard: a fast
    piece of few notes sounds as a slow one of many."""

    swapped: int = Field(default=80, ge=8)
    """Of the controlled pieces, how many are also replayed under texts that say one thing or its opposite."""

    units: int = Field(default=60, ge=6)
    """Pieces that are composed in three counterfactual versions for the mediation analysis."""

    @model_validator(mode="after")
    def _some_are_left(self) -> Self:
        if 2 * self.swapped > self.controlled:
            raise ValueError(
                f"swapped: expected at most half of the {self.controlled} controlled pieces, since readings are "
                f"learned from the others; found {self.swapped}"
            )
        return self


class EmotionClips(Section):
    """Clips that the model generates from prompts that name an emotion."""

    words: list[str] = Field(default_factory=lambda: ["happy", "sad", "calm", "energetic"], min_length=2)
    """Emotions; the first two are compared in the first experiment."""

    prompts: int = Field(default=5, ge=2)
    """Prompts per emotion."""

    seeds: list[Annotated[int, Field(ge=0)]] = Field(default_factory=lambda: [0, 1], min_length=2)
    """Seeds of every prompt; pairs of seeds of one prompt are the control beside every difference."""


class Probing(Section):
    """Probes, geometry and their nulls."""

    folds: int = Field(default=5, ge=2)
    """Outer folds; penalty and layer are chosen on as many folds less one inside each."""

    permutations: int = Field(default=1000, ge=50)
    """Permutations of every null."""

    null_repeats: int = Field(default=200, ge=20)
    """Permuted labels that are put through the whole test, to count its false positives."""

    resamples: int = Field(default=1000, ge=100)
    """Bootstrap resamples of every interval."""

    picture: Literal["tsne", "umap"] = "tsne"
    """How the illustration of the states is made; umap needs the package umap-learn. Nothing is measured in it."""


class Dictionary(Section):
    """Sparse autoencoders of one layer."""

    kinds: list[Literal["topk", "batch_topk", "jumprelu", "matryoshka"]] = Field(
        default_factory=lambda: list[Literal["topk", "batch_topk", "jumprelu", "matryoshka"]](
            ["topk", "batch_topk", "jumprelu", "matryoshka"]
        ),
        min_length=1,
    )
    """Kinds that are trained."""

    depth: float = Field(default=0.5, ge=0, le=1)
    """Relative depth of the layer whose states are kept frame by frame."""

    expansion: int = Field(default=4, ge=1, le=64)
    """Features per dimension of the residual stream."""

    k: int = Field(default=48, ge=1)
    """Active features per frame."""

    steps: int = Field(default=4000, ge=10)
    """Optimiser steps."""

    batch: int = Field(default=512, ge=16)
    """Frames per step."""

    rate: float = Field(default=2e-3, gt=0)
    """Peak learning rate."""

    seeds: list[Annotated[int, Field(ge=0)]] = Field(default_factory=lambda: [0, 1], min_length=2)
    """Seeds of training, whose dictionaries are compared."""


class Patching(Section):
    """Activation patching between two texts on the same tokens."""

    clips: int = Field(default=16, ge=2)
    """Pieces whose tokens are replayed under both texts."""

    heads: list[Literal["cross", "self"]] = Field(default_factory=lambda: list[Literal["cross", "self"]](["cross"]))
    """Kinds of attention whose heads are patched one by one; none leaves heads out."""

    random: int = Field(default=20, ge=3)
    """Random directions beside each patched direction; their 95th percentile is the null."""


class Features(Section):
    """Pages of single features of a dictionary."""

    kind: Literal["topk", "batch_topk", "jumprelu", "matryoshka"] = "topk"
    """Dictionary whose features are described; it must be among dictionary.kinds."""

    shown: int = Field(default=6, ge=1, le=50)
    """Features that get a dashboard: the most selective for an emotion."""

    clips: int = Field(default=4, ge=1, le=12)
    """Clips of each dashboard: those with the largest activations."""

    permutations: int = Field(default=200, ge=50)
    """Permutations of the emotions over the clips, for the null of selectivity."""


class EmotionSteering(Section):
    """Pushing the model towards valence, arousal and emotions, scored by a listener that never saw its states."""

    estimator: EstimatorName = "difference_in_means"
    """Estimator of the directions, of the steering study."""

    targets: list[Literal["valence", "arousal", "happy", "sad", "calm", "energetic"]] = Field(
        default_factory=lambda: list[Literal["valence", "arousal", "happy", "sad", "calm", "energetic"]](
            ["valence", "arousal", "happy", "sad", "calm", "energetic"]
        ),
        min_length=1,
    )
    """What is pushed towards."""

    coefficients: list[Annotated[float, Field(gt=0)]] = Field(default_factory=lambda: [0.05, 0.1], min_length=1)
    """Sizes of the push, as shares of the mean norm of the layer's states; each is tried with both signs."""

    prompts: int = Field(default=12, ge=2, le=39)
    """Prompts that name no emotion."""

    seeds: list[Annotated[int, Field(ge=0)]] = Field(default_factory=lambda: [0], min_length=1)
    """Seeds of every prompt; all arms share them."""

    random: int = Field(default=8, ge=2)
    """Random directions at the largest coefficient; the largest of their effects is the null."""

    features: int = Field(default=2, ge=0)
    """Features of a dictionary that are pushed along, the most selective ones."""


class Interpretability(Section):
    """Whether the model represents emotion or echoes the prompt."""

    heard: HeardPieces = HeardPieces()
    """Rendered pieces."""

    emotions: EmotionClips = EmotionClips()
    """Generated clips."""

    probing: Probing = Probing()
    """Probes and geometry."""

    corpora: list[Literal["pmemo", "deam"]] = Field(default_factory=lambda: list[Literal["pmemo", "deam"]]())
    """Rated corpora, real or composed, whose audio features are computed; none by default, both at preset laptop."""

    dictionary: Dictionary = Dictionary()
    """Sparse autoencoders."""

    patching: Patching = Patching()
    """Activation patching."""

    features: Features = Features()
    """Features of a sparse autoencoder."""

    steering: EmotionSteering = EmotionSteering()
    """Emotion steering."""

    @model_validator(mode="after")
    def _trained(self) -> Self:
        if self.features.kind not in self.dictionary.kinds:
            raise ValueError(
                f"features.kind: expected one of dictionary.kinds ({', '.join(self.dictionary.kinds)}), "
                f"found {self.features.kind}"
            )
        return self
