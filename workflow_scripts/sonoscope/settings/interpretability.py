"""Settings of the interpretability study."""

from typing import Annotated, Literal

from pydantic import Field

from sonoscope.settings.base import Section


class HeardPieces(Section):
    """Rendered pieces whose causes are known, replayed under null text."""

    count: int = Field(default=400, ge=24)
    """Pieces with independently drawn causes."""

    swapped: int = Field(default=80, ge=8)
    """Of these, how many are also replayed under texts that say one thing or its opposite."""

    units: int = Field(default=60, ge=6)
    """Pieces that are composed in three counterfactual versions for the mediation analysis."""


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

    k: int = Field(default=32, ge=1)
    """Active features per frame."""

    steps: int = Field(default=4000, ge=10)
    """Optimiser steps."""

    batch: int = Field(default=512, ge=16)
    """Frames per step."""

    rate: float = Field(default=2e-3, gt=0)
    """Peak learning rate."""

    seeds: list[Annotated[int, Field(ge=0)]] = Field(default_factory=lambda: [0, 1], min_length=2)
    """Seeds of training, whose dictionaries are compared."""


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
