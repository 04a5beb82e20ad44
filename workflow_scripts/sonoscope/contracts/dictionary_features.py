"""Files about the features of a dictionary."""

from sonoscope.contracts.tables import Column, Table

FEATURES = Table(
    "features",
    {
        "feature": Column("int64", "row of the decoder"),
        "rate": Column("float64", "share of the frames in which it is active"),
        "cue": Column("string", "cause with which its mean activation goes most"),
        "correlation": Column("float64", "Spearman's, over pieces"),
        "emotion": Column("string", "emotion in whose pieces it is most active"),
        "auc": Column("float64", "how well its mean activation tells that emotion's pieces from the others"),
        "selectivity": Column("float64", "its activation rate in that emotion's pieces by its mean rate"),
        "p_value": Column("float64", "of that area, emotions permuted over pieces"),
        "adjusted": Column("float64", "the same, false discovery rate over all features"),
        "shown": Column("int64", "place among the dashboards; -1 where it has none"),
    },
    key=("feature",),
    description="What the features of one dictionary go with.",
)

MOMENTS = Table(
    "feature_moments",
    {
        "shown": Column("int64", "place among the dashboards"),
        "feature": Column("int64", "row of the decoder"),
        "place": Column("int64", "0 is the clip with the largest activation"),
        "clip_id": Column("string", "name of the piece"),
        "file": Column("string", "sound of the piece, in the folder beside this table"),
        "peak": Column("float64", "largest activation", "scaled residual stream"),
        "peak_seconds": Column("float64", "where it is", "s"),
        "mode": Column("string", "major or minor"),
        "tempo": Column("float64", "tempo", "beats per minute"),
        "valence": Column("float64", "what the causes express, in [-1, 1]"),
        "arousal": Column("float64", "what the causes express, in [-1, 1]"),
        "frame_rate": Column("float64", "values per second of the next column", "Hz"),
        "activation": Column("floats", "activation of the feature in every frame", "scaled residual stream"),
    },
    key=("shown", "place"),
    description="The clips in which a feature is most active.",
)
