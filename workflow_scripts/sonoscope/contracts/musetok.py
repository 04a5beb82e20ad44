"""Files of symbolic music as MuseTok reads it."""

from sonoscope.contracts import Column, Table, Tensor, Tensors

SCORES = Table(
    "musetok_scores",
    {
        "piece_id": Column("string", "identifies the piece, stable over runs"),
        "source": Column("string", "real or composed"),
        "split": Column("string", "train or held_out; pieces of one group stand on one side"),
        "split_group": Column("string", "works that share material: one catalogue number, or one composed piece"),
        "midi": Column("binary", "the score as a standard MIDI file"),
    },
    key=("piece_id",),
    description="What sonoscope-musetok learns from.",
)

LATENTS = Tensors(
    "musetok_latents",
    {
        "dequantised": Tensor("float32", ("bars", "dim_latent")),
        "prequantised": Tensor("float32", ("bars", "dim_latent")),
        "encoder": Tensor("float32", ("bars", "dim")),
        "codes": Tensor("int32", ("bars", "codebooks")),
    },
    header=("model", "revision"),
    description="Every bar of a corpus, in the order of its table: sum of code vectors, vector before quantisation, "
    "encoder output, and codes.",
)

BARS = Table(
    "musetok_bars",
    {
        "piece_id": Column("string", "the piece"),
        "bar_number": Column("int64", "place in the file, from 0"),
        "tick": Column("int64", "first tick, in the file's resolution"),
        "second": Column("float64", "first moment", "s"),
        "numerator": Column("int64", "of the metre that was written"),
        "denominator": Column("int64", "of the metre that was written"),
        "n_notes": Column("int64", "notes that begin in the bar"),
        "n_kept": Column("int64", "of these, how many the encoder read"),
        "shift": Column("float64", "mean distance of onsets from the grid", "1/480 quarter note"),
    },
    key=("piece_id", "bar_number"),
    description="Row k is bar k of the latents beside it.",
)
