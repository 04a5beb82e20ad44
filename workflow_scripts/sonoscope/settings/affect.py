"""Settings of the affect study: corpora, inputs, heads, evaluation, annotation and its analysis."""

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from sonoscope.settings.base import Section

AnnotatedCorpus = Literal["emopia", "vgmidi"]
"""Corpora with labels of valence and arousal."""
ANNOTATED: tuple[AnnotatedCorpus, ...] = get_args(AnnotatedCorpus)
Inputs = Literal["latents", "side", "both"]
LatentKind = Literal["dequantised", "prequantised", "encoder", "codes", "untrained"]
Unit = Annotated[float, Field(ge=-1, le=1)]
Quadrant = Literal["Q1", "Q2", "Q3", "Q4"]
LossName = Literal["smooth_l1", "mse", "l1", "combined", "ccc", "smooth_l1_ccc"]
BodyName = Literal["mlp", "pooled", "causal", "bidirectional"]


class ComposedEmopia(Section):
    """EMOPIA: piano clips with a quadrant each."""

    folder: str | None = None
    """Folder in EMOPIA's layout (`midis/`, `split/`); null composes one."""
    songs: int = Field(160, ge=6)
    """Songs of the composed corpus; each gives 2 to 4 clips."""
    seconds: float = Field(24.0, ge=4)
    """Least length of a composed clip, in seconds."""
    label_noise: float = Field(0.1, ge=0, lt=1)
    """Share of composed clips that carry another quadrant than their causes express."""
    transcribed: float = Field(0.25, ge=0, le=1)
    """Share of composed songs written as transcriptions, whose bars mean nothing."""


class ComposedVgmidi(Section):
    """VGMIDI: piano pieces with valence and arousal of every bar."""

    folder: str | None = None
    """Folder in VGMIDI's layout (`labelled/annotations`, `labelled/midi`); null composes one."""
    pieces: int = Field(100, ge=6)
    """Pieces of the composed corpus, of 20 to 60 bars."""
    raters: int = Field(12, ge=2)
    """Raters of each composed piece."""


class ComposedGigamidi(Section):
    """GigaMIDI: multi-track files in Parquet shards."""

    folder: str | None = None
    """Folder of Parquet shards or of MIDI files, or an address such as `hf://datasets/Metacreation/GigaMIDI/v2.0.0`,
    which is streamed; null composes shards."""
    files: int = Field(240, ge=4)
    """Files of the composed corpus."""
    expressive: float = Field(0.2, ge=0, le=1)
    """Share of composed files written as performances off the grid."""


class BarReading(Section):
    """From MIDI files to the numbers of every bar."""

    bars: Literal["written", "tracked"] = "written"
    """Bars as the file writes them, or, where its notes keep to no grid, after tracking its beats."""
    off_grid: float = Field(12.0, ge=0)
    """Mean distance of onsets from the grid, in 1/480 quarter note, from which bars are held to mean nothing."""
    untrained: bool = True
    """Also encode every annotated bar by the same architecture with random weights: the control of every latent."""


class LabelMap(Section):
    """Valence and arousal of the four quadrants."""

    name: Literal["four_point", "russell", "own"] = "four_point"
    """The plan's four points, the diagonal points of Russell's circle (±0.707), or your own under `points`."""
    points: dict[Quadrant, tuple[Unit, Unit]] = Field(default_factory=dict)
    """Your own points: valence and arousal of Q1 (happy), Q2 (angry), Q3 (sad) and Q4 (relaxed)."""
    per_bar: bool = False
    """Write one value per bar, all equal, instead of one per clip; VGMIDI's labels always stand per bar."""

    @model_validator(mode="after")
    def _complete(self) -> "LabelMap":
        if self.name == "own" and len(self.points) < 4:
            raise ValueError(f"points: own labels need Q1, Q2, Q3 and Q4, found {', '.join(self.points) or 'none'}")
        return self


class Variant(Section):
    """One way to predict valence and arousal from bars."""

    inputs: Inputs = "both"
    """The bars' latents, the side channel, or both."""
    latent: LatentKind = "encoder"
    """Sum of code vectors, vector before quantisation, encoder output, codes, or encoder output of random weights."""
    side: Literal["all", "expression"] = "all"
    """Tempo, velocity, density, register, articulation and tonality; or the same without tonality."""
    body: BodyName = "bidirectional"
    """Perceptron per bar (d, d/2, 2), the same on the clip's mean, or a transformer over bars, causal or not."""
    tanh: bool = False
    """Whether the output is squashed into [-1, 1]."""
    loss: LossName = "smooth_l1_ccc"
    """Smooth L1, squared, absolute, squared plus absolute, 1 − CCC, or smooth L1 plus 0.3 (1 − CCC)."""
    bag: Literal["copy", "mean", "attention"] = "copy"
    """Labels of clips: copied to every bar, or compared with the mean of its bars, plain or weighted by attention."""
    shuffled: bool = False
    """Train on labels exchanged between clips: the control of every claim."""


def _catalogue() -> dict[str, Variant]:
    both = Variant()
    return {
        "both": both,
        "latents": both.model_copy(update={"inputs": "latents"}),
        "side": both.model_copy(update={"inputs": "side"}),
        "both_expression": both.model_copy(update={"side": "expression"}),
        "side_expression": both.model_copy(update={"inputs": "side", "side": "expression"}),
        "untrained": both.model_copy(update={"latent": "untrained"}),
        "untrained_latents": both.model_copy(update={"latent": "untrained", "inputs": "latents"}),
        "shuffled": both.model_copy(update={"shuffled": True}),
        "plan": Variant(inputs="latents", latent="dequantised", body="mlp", tanh=True, loss="smooth_l1"),
        "plan_pooled": Variant(inputs="latents", latent="dequantised", body="pooled", tanh=True, loss="smooth_l1"),
        "dequantised": both.model_copy(update={"latent": "dequantised"}),
        "prequantised": both.model_copy(update={"latent": "prequantised"}),
        "codes": both.model_copy(update={"latent": "codes"}),
        "mlp": both.model_copy(update={"body": "mlp"}),
        "pooled": both.model_copy(update={"body": "pooled"}),
        "causal": both.model_copy(update={"body": "causal"}),
        "bag_mean": both.model_copy(update={"bag": "mean"}),
        "bag_attention": both.model_copy(update={"bag": "attention"}),
        "loss_smooth_l1": both.model_copy(update={"loss": "smooth_l1"}),
        "loss_mse": both.model_copy(update={"loss": "mse"}),
        "loss_l1": both.model_copy(update={"loss": "l1"}),
        "loss_combined": both.model_copy(update={"loss": "combined"}),
        "loss_ccc": both.model_copy(update={"loss": "ccc"}),
    }


class TrainAffect(Section):
    """Training of the heads."""

    variants: dict[str, Variant] = Field(default_factory=_catalogue)
    """All ways to predict, by name; your own are added to these."""
    compare: list[str] = Field(
        default_factory=lambda: list(_catalogue()), min_length=1, examples=[["both", "latents", "side"]]
    )
    """Variants that are trained and evaluated."""
    seeds: list[Annotated[int, Field(ge=0)]] = Field(default_factory=lambda: [0], min_length=1)
    """Seeds of initial weights and batches; the members of one variant are averaged."""
    ensembles: list[str] = Field(
        default_factory=lambda: ["both", "latents", "side", "both_expression", "untrained", "plan"]
    )
    """Variants that are trained with every seed, so that the spread over seeds is known; the others take the first."""
    folds: int = Field(4, ge=2)
    """Song-disjoint folds of VGMIDI, or of an EMOPIA without its official split; each bar is predicted once."""
    validation: float = Field(0.15, gt=0, lt=0.5)
    """Share of the training songs that early stopping and intervals look at, where no official split says which."""
    epochs: int = Field(60, ge=1)
    """Most passes over the training clips."""
    patience: int = Field(12, ge=1)
    """Passes without a better validation loss before training stops."""
    batch: int = Field(16, ge=1)
    """Clips per update."""
    learning_rate: float = Field(1e-3, gt=0)
    """Learning rate of AdamW."""
    weight_decay: float = Field(1e-2, ge=0)
    """Decoupled weight decay of AdamW."""
    dropout: float = Field(0.1, ge=0, lt=1)
    """Share of activations dropped in training."""
    most_bars: int = Field(64, ge=1)
    """Bars of a clip that are seen at once in training; a longer one is cut at a random place each time."""
    tracker: Literal["none", "wandb"] = "none"
    """Where histories go besides the table of results; wandb has to be installed."""

    @model_validator(mode="after")
    def _known(self) -> "TrainAffect":
        unknown = [name for name in self.compare if name not in self.variants]
        if unknown:
            raise ValueError(f"compare: {', '.join(unknown)} must stand in variants ({', '.join(self.variants)})")
        if len(set(self.compare)) != len(self.compare) or len(set(self.seeds)) != len(self.seeds):
            raise ValueError("compare, seeds: expected each value once")
        return self


class RepeatAffect(Section):
    """Repeated cross-validation: songs are divided anew several times, the official split set aside."""

    times: int = Field(5, ge=0)
    """Divisions; each song is predicted once in each. 0 leaves this out."""
    folds: int = Field(4, ge=2)
    """Song-disjoint folds of each division."""
    variants: list[str] = Field(default_factory=lambda: ["both", "side"], min_length=1)
    """Variants that are trained again in every fold, with one seed; regression on features by hand and the best
    constant always are."""


class EvaluateAffect(Section):
    """Evaluation of all predictions."""

    resamples: int = Field(1000, ge=100)
    """Bootstrap resamples of whole songs."""
    level: float = Field(0.9, gt=0.5, lt=1)
    """Coverage that the conformal intervals aim at."""
    probes: int = Field(24, ge=4)
    """Composed pieces whose mode, tempo, loudness and octave are changed one at a time."""
    compared_files: int = Field(500, ge=5)
    """Files on which the events are compared with the published rules written out."""


class Annotate(Section):
    """Annotation of many files."""

    trained_on: AnnotatedCorpus = "vgmidi"
    """Corpus on which the head was trained."""
    variant: str = "both"
    """Which head, by its name in `training.variants`."""
    shards: int = Field(2, ge=1, le=4096)
    """Jobs over which the corpus is spread."""
    songs: int = Field(32, ge=1)
    """Files that are done together; a killed job repeats at most so many."""
    csv: bool = True
    """Whether to write the table of bars as CSV too: about 60 bytes per bar."""
    smoothing: int = Field(1, ge=1)
    """Bars of the running median laid over the predictions; 1 leaves them as they are."""


class AnalyseAffect(Section):
    """Analysis of annotations."""

    least_songs: int = Field(5, ge=2)
    """Songs that a style needs to be analysed."""
    resamples: int = Field(1000, ge=100)
    """Bootstrap resamples of songs."""
    permutations: int = Field(2000, ge=100)
    """Permutations of every test."""
    exact_below: int = Field(5000, ge=100)
    """Songs up to which intervals and tests resample; beyond it they use the normal approximation."""
    examples: int = Field(4, ge=0, le=20)
    """Songs shown with score, sound and curve: those nearest to the means of the quadrants, in turn."""
    example_seconds: float = Field(20.0, gt=1)
    """Length of their audio, in seconds."""


class Affect(Section):
    """The affect study: valence and arousal of every bar of symbolic music."""

    emopia: ComposedEmopia = ComposedEmopia()
    """Clips with quadrants, to train on."""
    vgmidi: ComposedVgmidi = ComposedVgmidi()
    """Pieces with human labels of every bar, the honest test."""
    gigamidi: ComposedGigamidi = ComposedGigamidi()
    """Files to annotate."""
    reading: BarReading = BarReading()
    """How files are read."""
    labels: LabelMap = LabelMap()
    """What the quadrants mean."""
    training: TrainAffect = TrainAffect()
    """Heads and their training."""
    evaluation: EvaluateAffect = EvaluateAffect()
    """How predictions are judged."""
    repeats: RepeatAffect = RepeatAffect()
    """How they are judged on other divisions of the songs."""
    annotate: Annotate = Annotate()
    """Annotation of many files."""
    analysis: AnalyseAffect = AnalyseAffect()
    """What is asked of the annotations."""

    @model_validator(mode="after")
    def _trained(self) -> "Affect":
        if self.annotate.variant not in self.training.compare:
            known = ", ".join(self.training.compare)
            raise ValueError(f"annotate.variant: {self.annotate.variant!r} is not among training.compare ({known})")
        unknown = [name for name in self.repeats.variants if name not in self.training.variants]
        if unknown:
            raise ValueError(f"repeats.variants: {', '.join(unknown)} must stand in training.variants")
        return self

    @property
    def repeated(self) -> tuple[AnnotatedCorpus, ...]:
        """Corpora whose songs are divided anew: all, or none."""
        return ANNOTATED if self.repeats.times else ()

    def corpus(self, name: str, results: Path) -> str:
        """Folder or address of the corpus ``name``: as named, or where it is composed."""
        folder: str | None = getattr(self, name).folder
        return folder or str(results / "world" / name)
