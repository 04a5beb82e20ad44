"""Tables of what a MusicGen learned of the known world."""

from sonoscope.contracts.tables import Column, Table

ANSWERS = Table(
    "answers",
    {
        "clip_id": Column("string", "name of the clip, unique among those of its origin"),
        "origin": Column("string", "model: generated; codec: a render sent through the codec"),
        "prompt": Column("string", "text that conditioned the model; empty for the codec"),
        "seed": Column("int64", "seed of the sampling"),
        "audio": Column("audio", "FLAC"),
    },
    key=("origin", "clip_id"),
    description="Clips that a MusicGen was asked for, and renders sent through its codec.",
)

HEARD = Table(
    "heard",
    {
        "clip_id": Column("string", "name of the clip"),
        "origin": Column("string", "model, codec, or render: what the composer makes of the same prompt"),
        "measure": Column("string", "what was listened for"),
        "prompt": Column("string", "text that conditioned the model"),
        "wanted": Column("string", "the right answer; empty where the prompt leaves it open"),
        "heard": Column("string", "what the measure hears", nullable=True),
        "value": Column("float64", "number behind it: beats per minute, decibels, hertz or cents", nullable=True),
        "score": Column("float64", "1 if it is right, else 0; none for pairs and open prompts", nullable=True),
        "pair": Column("string", "clips of one pair are compared with each other; empty without"),
        "is_silent": Column("bool", "the clip holds no sound"),
    },
    key=("origin", "measure", "clip_id"),
    description="What measures that know nothing of the model hear in each clip.",
)
