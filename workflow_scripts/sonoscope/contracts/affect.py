"""Files of the affect study."""

from sonoscope.contracts.tables import Column, Table
from sonoscope.contracts.tensors import Tensor, Tensors

CLIPS = Table(
    "affect_clips",
    {
        "clip_id": Column("string", "name of the clip or piece"),
        "file": Column("string", "MIDI file, relative to the corpus"),
        "song_id": Column("string", "song that it is from; no split divides a song"),
        "split": Column("string", "train, val or test, as published; empty where nothing says"),
        "quadrant": Column("int64", "Russell's quadrant as annotated, 1 to 4; 0 where bars have labels of their own"),
        "n_bars": Column("int64", "bars that were read", "bars"),
        "shift": Column("float64", "mean distance of onsets from the grid", "1/480 quarter note"),
        "rebarred": Column("bool", "whether its bars follow tracked beats instead of the file"),
    },
    key=("clip_id",),
    description="Clips of an annotated corpus whose bars were read.",
)

CLIP = Tensors(
    "affect_clip",
    {
        "dequantised": Tensor("float32", ("bars", "dim_latent")),
        "prequantised": Tensor("float32", ("bars", "dim_latent")),
        "encoder": Tensor("float32", ("bars", "dim")),
        "codes": Tensor("int32", ("bars", "codebooks")),
        "untrained": Tensor("float32", ("bars", "dim_untrained")),
        "features": Tensor("float32", ("bars", "features")),
        "bar_number": Tensor("int64", ("bars",)),
        "file_bar": Tensor("int64", ("bars",)),
        "bar_positions": Tensor("int64", ("bars_and_end",)),
        "second": Tensor("float64", ("bars",), "s"),
        "shift": Tensor("float64", ("bars",), "1/480 quarter note"),
        "n_notes": Tensor("int64", ("bars",)),
        "n_kept": Tensor("int64", ("bars",)),
    },
    header=("model", "revision", "features", "original_midi_path", "n_bars"),
    description="Every bar of one clip: MuseTok's vectors and codes, the same encoder with random weights, features by "
    "hand; file_bar counts the bars of the file's own time signatures; "
    "bar_positions are the places of the bar tokens among the clip's tokens, and of the end.",
)

_WHO = {
    "model": Column("string", "name of the variant or baseline"),
    "fold": Column("int64", "fold whose training songs it learned from"),
    "clip_id": Column("string", "the clip"),
    "song_id": Column("string", "its song"),
    "bar_number": Column("int64", "place in the file, from 0"),
}

PREDICTIONS = Table(
    "affect_predictions",
    {
        **_WHO,
        "valence": Column("float64", "predicted, in about [-1, 1]"),
        "arousal": Column("float64", "predicted, in about [-1, 1]"),
        "true_valence": Column("float64", "as annotated"),
        "true_arousal": Column("float64", "as annotated"),
        "train_valence": Column("float64", "mean of the fold's training labels"),
        "train_arousal": Column("float64", "mean of the fold's training labels"),
        "valence_half_width": Column("float64", "half of the conformal interval", nullable=True),
        "arousal_half_width": Column("float64", "half of the conformal interval", nullable=True),
    },
    key=("model", "clip_id", "bar_number"),
    description="Every annotated bar of the test songs, predicted by models that saw none of its song.",
)

HISTORY = Table(
    "affect_history",
    {
        "model": Column("string", "name of the variant"),
        "fold": Column("int64", "fold; the model that is kept has -1"),
        "seed": Column("int64", "seed of its initial weights"),
        "epoch": Column("int64", "pass over the training clips, from 1"),
        "training_loss": Column("float64", "mean over the pass"),
        "validation_loss": Column("float64", "the same loss over all validation clips"),
    },
    key=("model", "fold", "seed", "epoch"),
    description="How training went.",
)

MEMBERS = Table(
    "affect_members",
    {
        **_WHO,
        "seed": Column("int64", "seed of this member's initial weights"),
        "valence": Column("float64", "predicted by this member alone"),
        "arousal": Column("float64", "predicted by this member alone"),
    },
    key=("model", "seed", "clip_id", "bar_number"),
    description="The same bars by each member of the variants that were trained with several seeds.",
)

METRICS = Table(
    "affect_metrics",
    {
        "model": _WHO["model"],
        "against": Column(
            "string",
            "labels as annotated; truth: what the causes of composed music express; russell: the diagonal points",
        ),
        "level": Column("string", "bar, song (means), or within (deviations from the song's mean)"),
        "dimension": Column("string", "valence, arousal, or both for quadrants"),
        "metric": Column("string", "mae, mse, rmse, r2, pearson, spearman, ccc, auc, slope, sd_ratio, …"),
        "value": Column("float64", "the estimate"),
        "low": Column("float64", "lower end of the 95 % interval over songs", nullable=True),
        "high": Column("float64", "upper end of the 95 % interval over songs", nullable=True),
        "n": Column("int64", "bars or songs"),
        "songs": Column("int64", "independent songs"),
    },
    key=("model", "against", "level", "dimension", "metric"),
    description="How well bars of unseen songs are predicted.",
)

DIFFERENCES = Table(
    "affect_differences",
    {
        "model": _WHO["model"],
        "other": Column("string", "the model that it is compared with, on the same bars"),
        "dimension": Column("string", "valence or arousal"),
        "metric": Column("string", "ccc or mae"),
        "difference": Column("float64", "first minus other"),
        "low": Column("float64", "lower end of the 95 % interval, both resampled together"),
        "high": Column("float64", "upper end"),
        "songs": Column("int64", "independent songs"),
    },
    key=("model", "other", "dimension", "metric"),
    description="Paired differences between models.",
)

SEEDS = Table(
    "affect_seeds",
    {
        "model": _WHO["model"],
        "seed": Column("int64", "seed of the member's initial weights"),
        "dimension": Column("string", "valence or arousal"),
        "metric": Column("string", "ccc, mae or r2, per bar"),
        "value": Column("float64", "of this member alone"),
    },
    key=("model", "seed", "dimension", "metric"),
    description="How far the result depends on the initial weights.",
)

REPEATS = Table(
    "affect_repeats",
    {
        "model": _WHO["model"],
        "repeat": Column("int64", "division of the songs, from 0; -1 for the mean over divisions"),
        "dimension": Column("string", "valence, arousal, or both for quadrants"),
        "metric": Column("string", "ccc, mae, r2, pearson or quadrant_accuracy, per bar"),
        "value": Column("float64", "the estimate"),
        "low": Column("float64", "lower end of the mean's 95 % interval over songs", nullable=True),
        "high": Column("float64", "upper end", nullable=True),
        "songs": Column("int64", "independent songs"),
    },
    key=("model", "repeat", "dimension", "metric"),
    description="Repeated cross-validation by song: every song predicted once in every division.",
)

RELIABILITY = Table(
    "affect_reliability",
    {
        "model": _WHO["model"],
        "dimension": Column("string", "valence or arousal"),
        "bin": Column("int64", "tenth of the predictions, from 0"),
        "predicted": Column("float64", "mean prediction in the bin"),
        "true": Column("float64", "mean label in the bin"),
        "low": Column("float64", "lower end of the 95 % interval over songs", nullable=True),
        "high": Column("float64", "upper end", nullable=True),
        "n": Column("int64", "bars"),
    },
    key=("model", "dimension", "bin"),
    description="Whether a prediction means what it says.",
)

QUADRANTS = Table(
    "affect_quadrant_errors",
    {
        "model": _WHO["model"],
        "quadrant": Column("string", "annotated quadrant of the bars"),
        "n": Column("int64", "bars"),
        "valence_mae": Column("float64", "mean absolute error"),
        "arousal_mae": Column("float64", "mean absolute error"),
        "hit": Column("float64", "share of the bars predicted into this quadrant"),
    },
    key=("model", "quadrant"),
    description="Errors by annotated quadrant.",
)

PROBES = Table(
    "affect_probes",
    {
        "model": _WHO["model"],
        "edit": Column("string", "mode, tempo, velocity or octave"),
        "piece": Column("int64", "number of the piece"),
        "dimension": Column("string", "valence or arousal"),
        "change": Column("float64", "prediction of the edited piece minus that of the piece, mean over bars"),
        "expressed": Column("float64", "what the causes of the composed piece say of the same edit"),
    },
    key=("model", "edit", "piece", "dimension"),
    description="What one edit does to the prediction.",
)

SONGS = Table(
    "affect_songs",
    {
        "md5": Column("string", "MD5 of the file's bytes"),
        "name": Column("string", "where it stands: shard or file, relative to the corpus"),
        "order": Column("int64", "place in the corpus, from 0"),
        "reason": Column("string", "why it has no bars; empty where it has"),
        "bar_number": Column("ints", "place of each bar in the file, from 0"),
        "second": Column("floats", "first second of each bar", "s"),
        "valence": Column("floats", "of each bar"),
        "arousal": Column("floats", "of each bar"),
        "ood_score": Column("floats", "distance from the training bars; beyond 1 lie 1 % of bars of held-out songs"),
        "shift": Column("floats", "mean distance of onsets from the grid", "1/480 quarter note"),
        "n_notes": Column("ints", "notes that begin in each bar"),
        "n_kept": Column("ints", "of these, how many the encoder read"),
        "disagreement": Column("floats", "standard deviation over the members of the model, larger dimension"),
        "tempo": Column("float64", "median over bars", "quarter notes per minute", nullable=True),
        "notes_per_beat": Column("float64", "mean over bars", "1/quarter note", nullable=True),
        "velocity": Column("float64", "mean over bars", "MIDI velocity", nullable=True),
        "pitch": Column("float64", "mean over bars", "MIDI pitch", nullable=True),
        "mode": Column("float64", "major minus minor key fit, mean over bars", nullable=True),
        "keeps_a_grid": Column("bool", "whether its bars mean something: neither a performance nor far from the grid"),
        "styles": Column("strings", "music_styles_curated"),
        "title": Column("string", "as the corpus has it"),
        "artist": Column("string", "as the corpus has it"),
    },
    description="One row per file of the corpus, annotated or not; lists hold one entry per bar.",
)

BARS = Table(
    "annotations",
    {
        "md5": Column("string", "MD5 of the file's bytes"),
        "bar_number": Column("int64", "place in the file, from 0"),
        "valence": Column("float64", "in about [-1, 1]"),
        "arousal": Column("float64", "in about [-1, 1]"),
        "second": Column("float64", "first second of the bar", "s"),
        "valence_low": Column("float64", "lower end of the conformal interval", nullable=True),
        "valence_high": Column("float64", "upper end", nullable=True),
        "arousal_low": Column("float64", "lower end of the conformal interval", nullable=True),
        "arousal_high": Column("float64", "upper end", nullable=True),
        "ood_score": Column("float64", "distance from the training bars; 1 % of held-out bars lie beyond 1"),
        "disagreement": Column("float64", "standard deviation over the members of the model, larger dimension"),
        "n_notes": Column("int64", "notes that begin in the bar"),
        "thinned": Column("bool", "the bar held more notes than the encoder reads; inner voices were left out"),
        "off_grid": Column("bool", "onsets lie so far from the grid that the bar means little"),
    },
    key=("md5", "bar_number"),
    description="Valence and arousal of every bar.",
)

SONG_TABLE = Table(
    "annotated_songs",
    {
        "md5": Column("string", "MD5 of the file's bytes"),
        "name": Column("string", "where it stands in the corpus"),
        "n_bars": Column("int64", "bars", "bars"),
        "seconds": Column("float64", "first second of the last bar", "s"),
        "valence": Column("float64", "mean over bars"),
        "arousal": Column("float64", "mean over bars"),
        "valence_sd": Column("float64", "standard deviation over bars"),
        "arousal_sd": Column("float64", "standard deviation over bars"),
        "valence_slope": Column("float64", "change from first to last bar by least squares"),
        "arousal_slope": Column("float64", "change from first to last bar by least squares"),
        "valence_lag1": Column("float64", "correlation of neighbouring bars", nullable=True),
        "arousal_lag1": Column("float64", "correlation of neighbouring bars", nullable=True),
        "tempo": Column("float64", "median over bars", "quarter notes per minute"),
        "notes_per_beat": Column("float64", "mean over bars", "1/quarter note"),
        "velocity": Column("float64", "mean over bars", "MIDI velocity"),
        "pitch": Column("float64", "mean over bars", "MIDI pitch"),
        "mode": Column("float64", "major minus minor key fit, mean over bars"),
        "ood_score": Column("float64", "median over bars"),
        "thinned": Column("float64", "share of bars whose inner voices were left out"),
        "keeps_a_grid": Column("bool", "whether its bars mean something"),
        "styles": Column("strings", "music_styles_curated"),
        "title": Column("string", "as the corpus has it"),
        "artist": Column("string", "as the corpus has it"),
    },
    key=("md5",),
    description="One row per annotated file.",
)

STYLES = Table(
    "affect_styles",
    {
        "songs": Column("string", "all: every song; trusted: those on a grid and like the training songs"),
        "style": Column("string", "curated style"),
        "dimension": Column("string", "valence or arousal"),
        "n": Column("int64", "songs, each title of an artist once"),
        "mean": Column("float64", "mean over songs"),
        "low": Column("float64", "lower end of its 95 % interval"),
        "high": Column("float64", "upper end"),
        "sd": Column("float64", "standard deviation over songs"),
        "g": Column("float64", "Hedges' g against all other songs"),
        "g_low": Column("float64", "lower end of its 95 % interval"),
        "g_high": Column("float64", "upper end"),
        "p": Column("float64", "permutation test against all other songs"),
        "p_holm": Column("float64", "the same, adjusted over styles and dimensions (Holm)"),
    },
    key=("songs", "style", "dimension"),
    description="Valence and arousal by style, songs being the unit.",
)

CORRELATIONS = Table(
    "affect_correlations",
    {
        "songs": Column("string", "all, or trusted"),
        "dimension": Column("string", "valence or arousal"),
        "with_what": Column("string", "tempo, notes_per_beat, velocity, pitch, mode, n_bars, ood_score"),
        "n": Column("int64", "songs"),
        "r": Column("float64", "Spearman's correlation over songs"),
        "low": Column("float64", "lower end of its 95 % interval"),
        "high": Column("float64", "upper end"),
        "p": Column("float64", "permutation test"),
        "p_fdr": Column("float64", "the same, adjusted over all correlations (Benjamini and Hochberg)"),
    },
    key=("songs", "dimension", "with_what"),
    description="What goes with valence and arousal across songs; the model reads most of these, so no cause is shown.",
)

COURSE = Table(
    "affect_course",
    {
        "dimension": Column("string", "valence or arousal"),
        "part": Column("int64", "tenth of the song, from 0"),
        "n": Column("int64", "songs"),
        "deviation": Column("float64", "mean difference from the song's own mean"),
        "low": Column("float64", "lower end of its 95 % interval over songs"),
        "high": Column("float64", "upper end"),
    },
    key=("dimension", "part"),
    description="How valence and arousal move within songs.",
)

EXAMPLES = Table(
    "affect_examples",
    {
        "md5": Column("string", "MD5 of the file's bytes"),
        "quadrant": Column("string", "quadrant that the song is an example of"),
        "title": Column("string", "title, or where it stands"),
        "style": Column("string", "its styles"),
        "audio": Column("string", "FLAC, relative to this table"),
        "onset": Column("floats", "of the notes", "s"),
        "duration": Column("floats", "of the notes", "s"),
        "pitch": Column("ints", "of the notes"),
        "velocity": Column("ints", "of the notes"),
        "bar_second": Column("floats", "of the bars", "s"),
        "valence": Column("floats", "of the bars"),
        "arousal": Column("floats", "of the bars"),
        "valence_half_width": Column("float64", "half of the conformal interval", nullable=True),
        "arousal_half_width": Column("float64", "half of the conformal interval", nullable=True),
    },
    key=("md5",),
    description="Songs to look at and to hear.",
)
