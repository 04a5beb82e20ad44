"""Files of the known world."""

from sonoscope.contracts import Column, Table, Tensor, Tensors

CLIPS = Table(
    "syntheory_clips",
    {
        "clip_id": Column("string", "identifies the clip, stable over runs"),
        "audio": Column("audio", "FLAC as the datasets library keeps it: bytes and path"),
        "midi": Column("binary", "the score as a standard MIDI file"),
        "prompt": Column("string", "text that names the clip's causes"),
        "is_silent": Column("bool", "whether the render is below -60 dB"),
        "render_id": Column("string", "clips with one render are crops of the same audio"),
        "split_group": Column("string", "clips of one group must stay on one side of a split"),
    },
    key=("clip_id",),
    open=True,
    description="One SynTheory concept; further columns are the published ones.",
)

LESSONS = Table(
    "lessons",
    {
        "clip_id": Column("string", "identifies the clip, stable over runs"),
        "concept": Column("string", "SynTheory concept, or pieces"),
        "prompt": Column("string", "what a user would ask for"),
        "causes": Column("string", "what was chosen, as JSON"),
        "split": Column("string", "train, validation (other clips) or held_out (other combinations)"),
    },
    key=("clip_id",),
    description="What the shipped MusicGen learns from.",
)

LESSON_AUDIO = Tensors(
    "lesson_audio",
    {"audio": Tensor("int16", ("clips", "samples"), "1/32768 of full scale")},
    header=("sample_rate",),
)

TOKENS = Tensors(
    "tokens",
    {"tokens": Tensor("int16", ("clips", "codebooks", "frames"))},
    header=("model", "revision", "frame_rate", "cardinality"),
    description="Codec tokens of clips, in the order of their table.",
)

HIDDEN_STATES = Tensors(
    "hidden_states",
    {
        "mean": Tensor("float32", ("clips", "layers", "dim")),
        "last": Tensor("float32", ("clips", "layers", "dim")),
    },
    header=("model", "revision", "layers", "frame_rate", "condition"),
    description="Residual stream at block outputs of a teacher-forced replay: mean over frames, and last position.",
)
