"""Tables of the steering study: clips, their scores, the dose-response curve, and the scores of the layers."""

from sonoscope.contracts.tables import Column, Table

_SETTING = {
    "concept": Column("string", "concept that the direction stands for, such as notes"),
    "target": Column("string", "value of the concept that was steered towards, such as C"),
    "estimator": Column("string", "how the direction was found: rfm, difference_in_means, random, …"),
    "coefficient": Column("float64", "how far the hidden state was pushed; 0 is unsteered", "see coefficient_unit"),
}

_CLIP = {
    "clip_id": Column("string", "name of the clip, unique in the table"),
    **_SETTING,
    "prompt_id": Column("string", "name of the prompt"),
    "prompt": Column("string", "text that conditioned the model"),
    "seed": Column("int64", "seed of the sampling; clips that share prompt and seed differ by the steering alone"),
    "audio": Column("string", "audio file, relative to the folder of the clips"),
}

_LIKELIHOOD = {
    "nll": Column("float64", "mean negative log-likelihood under the unsteered model", "nats per token", nullable=True)
}

CLIPS = Table(
    "steering clips",
    {**_CLIP, **_LIKELIHOOD},
    key=("clip_id",),
    description="Generated clips, unsteered, steered and null.",
)

SCORES = Table(
    "steering scores",
    {
        **_CLIP,
        "score": Column("float64", "1 if the measure hears the target in the clip, else 0"),
        "dominant": Column("string", "what the measure hears, such as the dominant pitch class", nullable=True),
        **_LIKELIHOOD,
        "rms": Column("float64", "root mean square of the waveform", "full scale"),
        "peak": Column("float64", "largest magnitude of the waveform", "full scale"),
        "is_silent": Column("bool", "the clip holds no sound"),
        "is_clipped": Column("bool", "the waveform reaches full scale"),
    },
    key=("clip_id",),
    description="One row per clip: what a measure that knows nothing of the model hears in it.",
)

DOSE_RESPONSE = Table(
    "dose-response",
    {
        **_SETTING,
        "coefficient_unit": Column("string", "unit of the coefficient: absolute, relative to mean norm, or σ"),
        "is_headline": Column(
            "bool", "the coefficient that the settings named, before anything was generated, to be judged"
        ),
        "measure": Column("string", "what decided whether a clip shows the target, such as chroma"),
        "n": Column("int64", "number of clips"),
        "accuracy": Column("float64", "share of the clips that show the target"),
        "low": Column("float64", "lower end of the 95 % interval of the accuracy"),
        "high": Column("float64", "upper end of the 95 % interval of the accuracy"),
        "chance": Column("float64", "accuracy of guessing"),
        "nll": Column(
            "float64", "mean negative log-likelihood under the unsteered model", "nats per token", nullable=True
        ),
        "nll_low": Column("float64", "lower end of its 95 % interval", "nats per token", nullable=True),
        "nll_high": Column("float64", "upper end of its 95 % interval", "nats per token", nullable=True),
    },
    key=("concept", "target", "estimator", "coefficient", "measure"),
    description="Accuracy and quality cost against the coefficient, per estimator. Unsteered clips stand at 0.",
)

LAYER_SCORES = Table(
    "layer scores",
    {
        "concept": _SETTING["concept"],
        "target": _SETTING["target"],
        "estimator": _SETTING["estimator"],
        "layer": Column("int64", "block whose output was read, from 0"),
        "measure": Column("string", "what the score is, such as balanced accuracy"),
        "n": Column("int64", "number of held-out clips"),
        "score": Column("float64", "how well the direction tells the target apart on held-out clips"),
        "low": Column("float64", "lower end of the 95 % interval", nullable=True),
        "high": Column("float64", "upper end of the 95 % interval", nullable=True),
        "chance": Column("float64", "score of guessing", nullable=True),
    },
    key=("concept", "target", "estimator", "layer", "measure"),
    description="Which layers hold the concept.",
)
