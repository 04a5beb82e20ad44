"""Files of the interpretability study."""

from sonoscope.contracts.tables import Column, Table
from sonoscope.contracts.tensors import Tensor, Tensors

_CAUSES = {
    "mode": Column("string", "major or minor"),
    "tempo": Column("float64", "tempo", "beats per minute"),
    "dynamics": Column("int64", "mean velocity", "MIDI velocity"),
    "register": Column("int64", "transposition", "semitones"),
    "valence": Column("float64", "what the causes express, in [-1, 1]"),
    "arousal": Column("float64", "what the causes express, in [-1, 1]"),
}

PIECES = Table(
    "heard_pieces",
    {
        "clip_id": Column("string", "name of the piece"),
        "audio": Column("audio", "FLAC as the datasets library keeps it: bytes and path"),
        "arm": Column(
            "string",
            "controlled: only mode, tempo and dynamics differ; free: all causes drawn; slow_soft, fast_soft, "
            "fast_loud: counterfactuals of controlled ones",
        ),
        "group": Column("string", "pieces of one group share material"),
        "energy": Column("float64", "root mean square of the raw waveform", "dB of full scale"),
        **_CAUSES,
    },
    key=("clip_id",),
    description="Rendered pieces with their causes.",
)

HEARD = Tensors(
    "heard_states",
    {
        "null": Tensor("float32", ("pieces", "layers", "dim")),
        "null_movement": Tensor("float32", ("pieces", "layers", "movements")),
        "swapped": Tensor("float32", ("swapped", "texts", "layers", "dim")),
        "swapped_movement": Tensor("float32", ("swapped", "texts", "layers", "movements")),
        "histogram": Tensor("float32", ("pieces", "tokens"), "share of the frames"),
        "repetition": Tensor("float32", ("pieces", "lags"), "share of the entries"),
    },
    header=("model", "revision", "texts", "frame_rate"),
    description=(
        "Replays, pooled over time: mean states and how states move (standard deviations, autocorrelation), of all "
        "pieces under null text and of the first ones under each text. Histogram and repetition are the same of tokens."
    ),
)

GENERATED = Table(
    "emotion_clips",
    {
        "clip_id": Column("string", "name of the clip"),
        "prompt_id": Column("string", "name of the prompt"),
        "prompt": Column("string", "text"),
        "template_id": Column("string", "template of the prompt"),
        "emotion": Column("string", "emotion that it asks for"),
        "valence": Column("float64", "where that emotion lies, in [-1, 1]"),
        "arousal": Column("float64", "where that emotion lies, in [-1, 1]"),
        "seed": Column("int64", "seed of the sampling"),
        "energy": Column("float64", "root mean square of the raw waveform", "dB of full scale"),
    },
    key=("clip_id",),
    description="Clips that the model made from emotion prompts.",
)

GENERATED_STATES = Tensors(
    "emotion_states",
    {
        "cond": Tensor("float32", ("clips", "layers", "dim")),
        "null": Tensor("float32", ("clips", "layers", "dim")),
        "statistics": Tensor("float32", ("clips", "layers", "statistics")),
        "tokens": Tensor("int16", ("clips", "codebooks", "frames")),
    },
    header=("model", "revision", "statistics", "frame_rate"),
    description="Mean states of the conditional and the null row while the clips were generated.",
)

PROBES = Table(
    "probes",
    {
        "target": Column("string", "what is read"),
        "source": Column("string", "from what: states of a replay under null text, or a control"),
        "pieces": Column("string", "controlled: only mode, tempo and dynamics differ; free: all causes do"),
        "measure": Column("string", "auc or r2"),
        "n": Column("int64", "clips"),
        "value": Column("float64", "out of fold"),
        "low": Column("float64", "lower end of the 95 % interval"),
        "high": Column("float64", "upper end of the 95 % interval"),
        "null": Column("float64", "mean over permuted labels"),
        "control": Column("float64", "the same for a control task, one random value per combination of causes"),
        "layer": Column("int64", "layer that inner folds chose most often"),
    },
    key=("target", "source", "pieces"),
    description="Linear probes by grouped nested cross-validation.",
)

LAYERS = Table(
    "layer_differences",
    {
        "statistic": Column("string", "see sonoscope.interpretability.describe"),
        "layer": Column("int64", "layer"),
        "first": Column("float64", "mean over the clips of the first emotion"),
        "second": Column("float64", "mean over the clips of the second emotion"),
        "effect": Column("float64", "Hedges g of the first against the second"),
        "low": Column("float64", "lower end of the 95 % interval"),
        "high": Column("float64", "upper end of the 95 % interval"),
        "p_value": Column("float64", "permutation of prompts"),
        "adjusted": Column("float64", "max-T over all layers and statistics"),
        "n": Column("int64", "prompts per emotion"),
        "detectable": Column("float64", "effect that so many prompts find in 80 of 100 experiments, unadjusted"),
        "same_prompt": Column("float64", "mean absolute difference between seeds of one prompt"),
        "same_emotion": Column("float64", "mean absolute difference between prompts of one emotion"),
        "other_emotion": Column("float64", "mean absolute difference between the two emotions' clips"),
    },
    key=("statistic", "layer"),
    description="The first experiment: do two emotions differ in simple statistics of the residual stream?",
)

SWAP = Table(
    "hears_or_echoes",
    {
        "cue": Column("string", "what text and tokens may say"),
        "n": Column("int64", "pieces"),
        "tokens": Column("float64", "effect of the sounding cue on the probe's reading, text held", "reading"),
        "tokens_low": Column("float64", "lower end of the 95 % interval"),
        "tokens_high": Column("float64", "upper end of the 95 % interval"),
        "text": Column("float64", "effect of the word on the probe's reading, tokens held", "reading"),
        "text_low": Column("float64", "lower end of the 95 % interval"),
        "text_high": Column("float64", "upper end of the 95 % interval"),
        "share": Column("float64", "share of both effects that comes from the tokens"),
    },
    key=("cue",),
    description="The same tokens under opposite texts: does a probe follow what sounds, or what is said?",
)

GEOMETRY = Table(
    "geometry",
    {
        "measure": Column("string", "silhouette, circumplex, rsa, participation_ratio, cka_cond_null"),
        "row": Column("string", "cond or null"),
        "layer": Column("int64", "layer"),
        "value": Column("float64", "estimate"),
        "null": Column("float64", "mean under permutation", nullable=True),
        "p_value": Column("float64", "one-sided", nullable=True),
    },
    key=("measure", "row", "layer"),
    description="Shape of the emotion clips' states, in the original space.",
)

EFFECTS = Table(
    "mediation",
    {
        "outcome": Column("string", "what is read from the states, or known_model"),
        "effect": Column("string", "direct, indirect or total"),
        "n": Column("int64", "units"),
        "estimate": Column("float64", "by intervention"),
        "low": Column("float64", "lower end of the 95 % interval"),
        "high": Column("float64", "upper end of the 95 % interval"),
        "truth": Column("float64", "by the composer's law"),
        "regression": Column("float64", "by regression on the observed", nullable=True),
    },
    key=("outcome", "effect"),
    description="Tempo to energy to arousal.",
)

DICTIONARIES = Table(
    "dictionaries",
    {
        "kind": Column("string", "topk, batch_topk, jumprelu or matryoshka"),
        "layer": Column("int64", "layer"),
        "features": Column("int64", "size of the dictionary"),
        "k": Column("int64", "active features aimed at"),
        "clips": Column("int64", "held-out clips"),
        "fvu": Column("float64", "fraction of variance unexplained on held-out clips"),
        "fvu_low": Column("float64", "lower end of the 95 % interval over clips"),
        "fvu_high": Column("float64", "upper end of the 95 % interval over clips"),
        "l0": Column("float64", "active features per frame"),
        "dead": Column("float64", "share of features never active on held-out clips"),
        "dense": Column("float64", "share active on more than a tenth of the frames"),
        "spliced": Column("int64", "held-out clips that the running model is measured on"),
        "recovered": Column("float64", "share of the cross-entropy that zeros lose which the reconstruction keeps"),
        "recovered_low": Column("float64", "lower end of the 95 % interval over clips"),
        "recovered_high": Column("float64", "upper end of the 95 % interval over clips"),
        "ce_clean": Column("float64", "cross-entropy of the running model", "nats per token"),
        "ce_spliced": Column("float64", "with the reconstruction in place", "nats per token"),
        "ce_zero": Column("float64", "with zeros in place", "nats per token"),
        "ce_mean": Column("float64", "with the mean state in place", "nats per token"),
        "mmcs": Column("float64", "mean largest cosine with the dictionary of another seed"),
        "matched": Column("float64", "share of features matched one to one across seeds above cosine 0.7"),
        "random_mmcs": Column("float64", "the same against a random dictionary"),
        "pca_fvu": Column("float64", "fraction of variance unexplained by as many principal components as are active"),
        "absorption": Column("float64", "share of planted parents' occurrences that a child's feature has swallowed"),
        "seconds": Column("float64", "training time of one seed", "s"),
        "frames": Column("int64", "frames that were trained on"),
    },
    key=("kind",),
    description="Sparse autoencoders of one layer.",
)

PATCHES = Table(
    "patches",
    {
        "texts": Column("string", "the clean text, the corrupted text"),
        "site": Column("string", "layer, cross_head, self_head, direction, or the part of a block that is ablated"),
        "measure": Column("string", "denoising, noising, attribution, sufficiency, necessity, or ablation in nats"),
        "layer": Column("int64", "layer"),
        "head": Column("int64", "attention head; -1 where there is none"),
        "n": Column("int64", "pieces whose effect is defined"),
        "value": Column("float64", "mean over pieces"),
        "low": Column("float64", "lower end of the 95 % interval"),
        "high": Column("float64", "upper end of the 95 % interval"),
        "null": Column("float64", "95th percentile over random directions", nullable=True),
    },
    key=("texts", "site", "measure", "layer", "head"),
    description="What of a text's influence on the logits passes where; 1 is all of it.",
)

CROSS = Table(
    "cross_decoding",
    {
        "target": Column("string", "valence or arousal"),
        "trained_on": Column("string", "emotion words, cue words, or rendered music"),
        "tested_on": Column("string", "the same; clips of one template, or group, are never on both sides"),
        "row": Column("string", "row of the guidance batch of generated clips: cond or null"),
        "layer": Column("int64", "layer"),
        "n": Column("int64", "clips that were read"),
        "correlation": Column("float64", "of the reading with what was asked for, or with what the causes express"),
        "low": Column("float64", "lower end of the 95 % interval"),
        "high": Column("float64", "upper end of the 95 % interval"),
    },
    key=("target", "trained_on", "tested_on", "row"),
    description="Does one readout serve words, cues and sound?",
)

EMBEDDING = Table(
    "states_map",
    {
        "clip_id": Column("string", "name of the clip"),
        "emotion": Column("string", "emotion that its prompt asks for"),
        "x": Column("float64", "place in the picture, no unit"),
        "y": Column("float64", "place in the picture, no unit"),
    },
    key=("clip_id",),
    description="A picture of the generated clips' states; distances in it measure nothing.",
)
