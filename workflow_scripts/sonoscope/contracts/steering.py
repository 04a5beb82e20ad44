"""Files of the steering study: clips, their scores, curves, comparisons, and the scores of the layers."""

from sonoscope.contracts.tables import Column, Table
from sonoscope.contracts.tensors import Tensor, Tensors

_ARM = {
    "experiment": Column("string", "name of the experiment"),
    "variant": Column("string", "what was varied; none for unsteered clips"),
    "estimator": Column("string", "how the direction was found: rfm, difference_in_means, random, …; none: unsteered"),
    "coefficient": Column("float64", "how far the hidden state was pushed; 0 is unsteered", "see coefficient_unit"),
}
_TARGET = {
    "concept": Column("string", "concept that is listened for, such as notes"),
    "target": Column("string", "value of the concept that was steered towards, such as C"),
}
_CLIP = {
    "clip_id": Column("string", "name of the clip, unique in the experiment"),
    **_ARM,
    "prompt_id": Column("string", "name of the prompt"),
    "prompt": Column("string", "text that conditioned the model"),
    "seed": Column("int64", "seed of the sampling; clips that share prompt and seed differ by the steering alone"),
    "audio": Column("string", "audio file, relative to the folder of the clips"),
}
_COST = {
    "nll": Column("float64", "mean negative log-likelihood under the unsteered model", "nats per token", nullable=True),
    "divergence": Column(
        "float64", "mean divergence of the steered from the unsteered next-token law", "nats per token", nullable=True
    ),
}
_INTERVAL = {
    "low": Column("float64", "lower end of the 95 % interval"),
    "high": Column("float64", "upper end of the 95 % interval"),
}

CLIPS = Table(
    "steering clips",
    {**_CLIP, **_COST},
    key=("clip_id",),
    description="Generated clips, unsteered, steered and null.",
)

REPLAYED = Tensors(
    "steering replays",
    {
        "states": Tensor("float32", ("clips", "dim")),
        "divergence": Tensor("float32", ("clips", "frames"), "nats per token; -1 where it was not computed"),
    },
    header=("model", "revision", "layer", "frame_rate"),
    description="Of each clip, the mean state of a replay under null text at one layer, and the divergence per step.",
)

SCORES = Table(
    "steering scores",
    {
        **_CLIP,
        **_TARGET,
        "score": Column("float64", "1 if the measure hears the target, else 0; of tempos, the heard beats per minute"),
        "heard": Column("string", "what the measure hears, such as the dominant pitch class", nullable=True),
        "listener": Column(
            "float64", "1 if a classifier on log-mel, trained on renders, hears the target", nullable=True
        ),
        "probe": Column("float64", "1 if a probe on the model's own states hears it (circular)", nullable=True),
        **_COST,
        "adherence": Column("float64", "cosine of the clip's and the prompt's CLAP embeddings", nullable=True),
        "onset_rate": Column("float64", "onsets", "per second"),
        "rms": Column("float64", "root mean square of the waveform", "full scale"),
        "peak": Column("float64", "largest magnitude of the waveform", "full scale"),
        "is_silent": Column("bool", "the clip holds no sound"),
        "is_clipped": Column("bool", "the waveform reaches full scale"),
    },
    key=("clip_id", "concept", "target"),
    description="One row per clip and target: what measures that know nothing of the model hear in it.",
)

EMBEDDINGS = Tensors(
    "clip embeddings",
    {"embeddings": Tensor("float32", ("clips", "features"))},
    header=("embedding",),
    description="Embedding of each clip for the Fréchet distance, in the order of the clips.",
)

TRACES = Table(
    "time traces",
    {
        **_ARM,
        **_TARGET,
        "time": Column("float64", "middle of the window", "s"),
        "n": Column("int64", "number of clips with sound in the window"),
        "share": Column("float64", "share of the window's energy at the target's pitch class"),
        **_INTERVAL,
    },
    key=("experiment", "variant", "estimator", "coefficient", "concept", "target", "time"),
    description="How strongly each target sounds over time.",
)

DOSE_RESPONSE = Table(
    "dose-response",
    {
        **_ARM,
        **_TARGET,
        "coefficient_unit": Column("string", "unit of the coefficient: absolute, relative to mean norm, or σ"),
        "is_headline": Column(
            "bool", "the coefficient that the settings named, before anything was generated, to be judged"
        ),
        "measure": Column("string", "what decided whether a clip shows the target, such as chroma"),
        "unit": Column("string", "share, or the unit of a number"),
        "n": Column("int64", "number of clips"),
        "accuracy": Column("float64", "share of the clips that show the target; of tempos, mean beats per minute"),
        **_INTERVAL,
        "chance": Column("float64", "accuracy of guessing", nullable=True),
        "listener": Column("float64", "the same share by the classifier on log-mel", nullable=True),
        "probe": Column("float64", "the same share by the circular probe", nullable=True),
        "nll": Column(
            "float64", "mean negative log-likelihood under the unsteered model", "nats per token", nullable=True
        ),
        "nll_low": Column("float64", "lower end of its 95 % interval", "nats per token", nullable=True),
        "nll_high": Column("float64", "upper end of its 95 % interval", "nats per token", nullable=True),
        "nll_change": Column("float64", "mean change from paired unsteered clips", "nats per token", nullable=True),
        "nll_change_low": Column("float64", "lower end of its 95 % interval, paired", "nats per token", nullable=True),
        "nll_change_high": Column("float64", "upper end of its 95 % interval, paired", "nats per token", nullable=True),
        "divergence": Column("float64", "mean divergence from the unsteered model per token", "nats", nullable=True),
        "frechet": Column("float64", "Fréchet distance from the unsteered clips", nullable=True),
        "embedding": Column("string", "what the Fréchet distance is measured in"),
        "adherence": Column("float64", "mean CLAP similarity of clip and prompt", nullable=True),
        "onset_rate": Column("float64", "mean onsets", "per second"),
        "silent": Column("int64", "number of silent clips"),
        "clipped": Column("int64", "number of clipped clips"),
    },
    key=("experiment", "variant", "estimator", "coefficient", "concept", "target"),
    description="Accuracy and quality cost against the coefficient, per estimator. Unsteered clips stand at 0.",
)  # fmt: skip

MATCHED = Table(
    "matched quality",
    {
        **{k: v for k, v in _ARM.items() if k != "coefficient"},
        **_TARGET,
        "budget": Column("float64", "increase of the negative log-likelihood that is allowed", "nats per token"),
        "n": Column("int64", "number of clips behind the curve"),
        "accuracy": Column("float64", "largest accuracy of the curve within the budget"),
        **_INTERVAL,
        "level": Column("float64", "accuracy that the next columns refer to"),
        "cost": Column(
            "float64", "least increase at which the curve reaches the level", "nats per token", nullable=True
        ),
        "cost_low": Column("float64", "lower end of its 95 % interval", "nats per token", nullable=True),
        "cost_high": Column("float64", "upper end of its 95 % interval", "nats per token", nullable=True),
    },
    key=("experiment", "variant", "estimator", "concept", "target"),
    description="Estimators and schemes at equal cost, and their cost at equal accuracy.",
)

DIVERGENCES = Table(
    "divergence per step",
    {
        **_ARM,
        "time": Column("float64", "time of the step", "s"),
        "n": Column("int64", "number of clips"),
        "divergence": Column("float64", "mean divergence from the unsteered model", "nats per token"),
    },
    key=("experiment", "variant", "estimator", "coefficient", "time"),
    description="How far the steered next-token law is from the unsteered one, step by step.",
)

COSINES = Table(
    "cosines of directions",
    {
        "first": Column("string", "concept, target and pooling of one direction"),
        "second": Column("string", "those of the other"),
        "estimator": Column("string", "of both"),
        "layer": Column("int64", "block, from 0"),
        "cosine": Column("float64", "of the two unit vectors"),
    },
    key=("first", "second", "estimator", "layer"),
    description="How much directions that are pushed together overlap.",
)

LAYER_SCORES = Table(
    "layer scores",
    {
        **_TARGET,
        "pooling": Column("string", "how frames became one state"),
        "estimator": Column("string", "how the direction was found"),
        "layer": Column("int64", "block whose output was read, from 0"),
        "measure": Column("string", "what the score is, such as AUC"),
        "n": Column("int64", "number of held-out clips"),
        "score": Column("float64", "how well the direction tells the target apart on held-out clips"),
        "low": Column("float64", "lower end of the 95 % interval", nullable=True),
        "high": Column("float64", "upper end of the 95 % interval", nullable=True),
        "chance": Column("float64", "score of guessing", nullable=True),
    },
    key=("concept", "target", "pooling", "estimator", "layer", "measure"),
    description="Which layers hold the concept.",
)

CLASSIFICATION = Table(
    "classification",
    {
        "concept": _TARGET["concept"],
        "split": Column("string", "group: what belongs together stays together; random: single clips, as published"),
        "probe": Column("string", "rfm, rfm_projections, linear or mlp"),
        "n_components": Column("int64", "eigenvectors used; 0 where there are none"),
        "layer": Column("int64", "layer, chosen on validation clips"),
        "is_best": Column("bool", "best of its probe on validation clips"),
        "measure": Column("string", "accuracy, or R² for tempo"),
        "n": Column("int64", "number of test clips"),
        "validation": Column("float64", "score on validation clips"),
        "score": Column("float64", "score on test clips"),
        **_INTERVAL,
        "chance": Column("float64", "score of guessing"),
    },
    key=("concept", "split", "probe", "n_components"),
    description="Which classes of a concept hidden states tell apart.",
)

CALIBRATION = Table(
    "calibration of measures",
    {
        "concept": _TARGET["concept"],
        "measure": Column("string", "the measure on audio, or the classifier on log-mel"),
        "seconds": Column("float64", "length of the renders that were heard", "s"),
        "n": Column("int64", "number of true renders"),
        "score": Column("float64", "share that is heard right; of tempos, within 8 %"),
        **_INTERVAL,
        "chance": Column("float64", "score of guessing"),
    },
    key=("concept", "measure"),
    description="What each measure hears in true renders: no model can be heard better than this.",
)

LISTENER = Tensors(
    "listener",
    {"features": Tensor("float32", ("clips", "features"))},
    header=("concept", "labels"),
    description="Log-mel descriptions of true renders, to train a classifier on; the header names their values.",
)
