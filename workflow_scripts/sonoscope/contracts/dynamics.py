"""Files of the study of latent dynamics."""

from sonoscope.contracts.tables import Column, Table
from sonoscope.contracts.tensors import Tensor, Tensors

LATENTS = Tensors(
    "latents",
    {
        "x": Tensor("float32", ("frames", "dim"), "see unit in the header"),
        "energy": Tensor("float32", ("frames",), "root mean square of the samples, full scale"),
        "offsets": Tensor("int64", ("bounds",), "frame"),
    },
    header=("source", "frame_rate", "unit", "tier"),
    description="Latents of sequences one after the other; sequence i is rows offsets[i] to offsets[i+1].",
)

SEQUENCES = Table(
    "latents_index",
    {
        "utterance_id": Column("string", "name of the sequence"),
        "speaker_id": Column("string", "who speaks, or a group of sequences of a process; splits never divide it"),
        "split": Column("string", "train, validation or test"),
        "part": Column("string", "codec, or known-answer process"),
        "n_frames": Column("int64", "length", "frames"),
        "duration_sec": Column("float64", "length", "s"),
        "audio_path": Column("string", "audio file, relative to the corpus", nullable=True),
    },
    key=("part", "utterance_id"),
    description="Sequences of latents in the order in which they are stored.",
)

FRAMES = Table(
    "phase0_frames",
    {
        "utterance_id": Column("string", "sequence that the frame is in"),
        "speaker_id": Column("string", "its speaker"),
        "part": Column("string", "codec, or known-answer process"),
        "t": Column("int64", "frame of the target in its sequence, from 0"),
        "row": Column("int64", "the same frame in the store"),
        "pos_frac": Column("float64", "t as a share of the sequence's length"),
        "energy": Column("float64", "root mean square of the frame's samples", "full scale"),
        "split": Column("string", "train, validation or test"),
        "is_high_energy": Column("bool", "above the median of the training frames"),
    },
    key=("row",),
    description="Frames whose difference to the one before can be predicted at every horizon.",
)

PER_STEP = Table(
    "per_step",
    {
        "mode": Column("string", "A_teacher, B_periodic, C_one_shot or D_rollout"),
        "part": Column("string", "codec, or known-answer process"),
        "predictor": Column("string", "what is rolled out"),
        "step": Column("int64", "step of the rollout, from 1"),
        "n": Column("int64", "starting points"),
        "nll": Column("float64", "of the true difference under the rolled context", "nats per frame", nullable=True),
        "nll_baseline": Column("float64", "of the same without context", "nats per frame", nullable=True),
        "dnll": Column("float64", "their difference; negative is good", "nats per frame", nullable=True),
        "cos": Column("float64", "cosine of expected to true difference", nullable=True),
        "mag_ratio": Column("float64", "length of expected over true difference", nullable=True),
        "state_err": Column("float64", "distance to the true frame before the step (published)", nullable=True),
        "state_err_after": Column("float64", "distance to the true frame after the step", nullable=True),
        "state_err_normalised": Column("float64", "the same over σ√D of the training frames", nullable=True),
        "energy_score": Column("float64", "of sampled rollouts over √D, standardised; lower is better", nullable=True),
        "energy_low": Column("float64", "lower end of its 95 % interval over speakers", nullable=True),
        "energy_high": Column("float64", "upper end", nullable=True),
        "spread_skill": Column("float64", "spread of sampled rollouts over their error; 1 is right", nullable=True),
        "off_manifold": Column("float64", "sampled frames farther off than 99 % of real ones", nullable=True),
        "auc": Column("float64", "sampled against real frames, by a classifier; 0.5 is right", nullable=True),
    },
    key=("part", "predictor", "mode", "step"),
    description="The injection diagnostic, step by step.",
)

STATISTICS = Tensors(
    "phase0_statistics",
    {
        "mean": Tensor("float32", ("parts", "dim"), "unit of the latents"),
        "deviation": Tensor("float32", ("parts", "dim"), "unit of the latents"),
        "energy_threshold": Tensor("float32", ("parts",), "full scale"),
    },
    header=("source", "parts", "frame_rate", "unit", "tier", "window", "horizons"),
    description="Moments of the training frames by coordinate, and their median energy.",
)

COMPONENTS = Tensors(
    "pca_model",
    {
        "components": Tensor("float32", ("components", "dim")),
        "mean": Tensor("float32", ("dim",), "unit of the latents"),
        "explained_variance_ratio": Tensor("float32", ("components",)),
        "singular_values": Tensor("float32", ("components",)),
    },
    header=("source", "chunk"),
    description="Principal components of training frames, largest variance first.",
)

CODEBOOK = Tensors(
    "codebook",
    {"codes": Tensor("float32", ("codes", "dim"), "one for directions, else unit of the latents")},
    header=("kind", "source", "tier"),
    description="Codes for directions of change, for differences, or for states.",
)
