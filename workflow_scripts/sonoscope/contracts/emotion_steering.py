"""Files of emotion steering."""

from sonoscope.contracts.tables import Column, Table

STEERED = Table(
    "emotion_steered_clips",
    {
        "clip_id": Column("string", "name of the clip"),
        "arm": Column("string", "unsteered, steered, random, top_pc, prompt or feature"),
        "target": Column("string", "what is pushed towards, or number of the random direction or feature"),
        "coefficient": Column("float64", "share of the mean norm of the layer's states"),
        "prompt_id": Column("string", "name of the prompt, whose sentence an arm of prompts adds an emotion to"),
        "prompt": Column("string", "text"),
        "seed": Column("int64", "seed of the sampling"),
        "nll": Column("float64", "of its tokens under the unsteered model and the neutral prompt", "nats per token"),
        "audio": Column("audio", "FLAC as the datasets library keeps it: bytes and path"),
    },
    key=("clip_id",),
    description="Clips that were pushed towards emotions, and their controls.",
)

HEARD_AGAIN = Table(
    "listener_clips",
    {
        "clip_id": Column("string", "name of the rendered piece"),
        "valence": Column("float64", "what the causes express, in [-1, 1]"),
        "arousal": Column("float64", "what the causes express, in [-1, 1]"),
        "audio": Column("audio", "the piece as the model's codec returns it"),
    },
    key=("clip_id",),
    description="Pieces from which the listener learns; directions never saw them.",
)

LISTENER = Table(
    "listener",
    {
        "target": Column("string", "valence or arousal"),
        "n": Column("int64", "pieces"),
        "r2": Column("float64", "share of variance explained out of fold"),
        "low": Column("float64", "lower end of the 95 % interval"),
        "high": Column("float64", "upper end of the 95 % interval"),
    },
    key=("target",),
    description="How well features of audio tell valence and arousal of rendered pieces.",
)

RESPONSES = Table(
    "emotion_responses",
    {
        "arm": Column("string", "unsteered, steered, random, top_pc, prompt or feature"),
        "target": Column("string", "what is pushed towards"),
        "coefficient": Column("float64", "share of the mean norm of the layer's states"),
        "n": Column("int64", "clips"),
        "along": Column("float64", "mean reading of the listener along the target's own axis"),
        "low": Column("float64", "lower end of the 95 % interval over prompts"),
        "high": Column("float64", "upper end of the 95 % interval over prompts"),
        "valence": Column("float64", "mean reading of the listener"),
        "arousal": Column("float64", "mean reading of the listener"),
        "tempo": Column("float64", "mean over clips with a beat", "BPM", nullable=True),
        "majorness": Column("float64", "mean major minus minor correlation"),
        "rms": Column("float64", "mean level of the raw waveform", "dB of full scale"),
        "centroid": Column("float64", "mean brightness", "Hz"),
        "onset_rate": Column("float64", "mean rate of onsets", "1/s"),
        "nll": Column("float64", "mean negative log-likelihood under the unsteered model", "nats per token"),
        "silent": Column("float64", "share of clips below -60 dB"),
    },
    key=("arm", "target", "coefficient"),
    description="Dose and response of emotion steering.",
)

EMOTION_EFFECTS = Table(
    "emotion_effects",
    {
        "arm": Column("string", "steered, random, top_pc, prompt or feature"),
        "target": Column("string", "what is pushed towards"),
        "outcome": Column("string", "along_{target}, a physical cue, or nll"),
        "n": Column("int64", "prompts"),
        "effect": Column("float64", "half the difference of push and opposite push; for prompts, against neutral"),
        "low": Column("float64", "lower end of the 95 % interval over prompts"),
        "high": Column("float64", "upper end of the 95 % interval over prompts"),
        "null": Column("float64", "largest size of this effect of a random direction", nullable=True),
    },
    key=("arm", "target", "outcome"),
    description="What pushing does, at the largest coefficient.",
)
