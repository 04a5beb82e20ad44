"""Files of the attribution study: row index of embeddings, generated clips, scores, truth and judgement."""

from sonoscope.contracts.tables import Column, Table

ROWS = Table(
    "embedding rows",
    {
        "row": Column("int64", "place in the store, over all shards"),
        "song_id": Column("string", "song, or generated clip"),
        "segment": Column("int64", "window of the song, from 0"),
        "shard": Column("string", "file that holds the row"),
        "position": Column("int64", "row within that file"),
        "start": Column("float64", "where the window begins in the song", "s"),
        "seconds": Column("float64", "length of the window", "s"),
        "tokens": Column("string", "digest of the window's tokens and caption"),
        "prompt": Column("string", "caption that the tokens were conditioned on", nullable=True),
        "checkpoint": Column("string", "weights of the likelihoods: the last checkpoint"),
        "loss": Column("floats", "cross-entropy per codebook under the last checkpoint", "nats"),
        "margin": Column("floats", "log-odds of the tokens, one value per checkpoint", "nats"),
        "doubt": Column("floats", "1 - p of the tokens, one value per checkpoint"),
        "norm": Column(
            "floats", "norm of the loss gradient, one value per checkpoint; NaN where no feature sketches it"
        ),
    },
    key=("song_id", "segment"),
    description="One row per window; its projected gradients stand in the shards.",
)

QUERIES = Table(
    "attribution queries",
    {
        "query_id": Column("string", "name of the clip"),
        "kind": Column("string", "songs, unprompted, held_out, pair-0, pair-0-held_out or experiment_1"),
        "source": Column("string", "song that it is of, or whose caption it was generated with, if any", nullable=True),
        "prompt": Column(
            "string", "caption that it was generated with and is asked about; null is none", nullable=True
        ),
        "seed": Column("int64", "seed of the sampling; of a held-out clip its number"),
        "seconds": Column("float64", "length", "s"),
        "audio": Column("string", "audio file, relative to the folder of the table"),
    },
    key=("query_id",),
    description="Clips whose training songs are asked for.",
)

SCORES = Table(
    "attribution scores",
    {
        "method": Column("string", "how the score was computed"),
        "query_id": Column("string", "clip"),
        "song_id": Column("string", "song"),
        "trained": Column("bool", "whether the model was fine-tuned on the song; decoys were not"),
        "score": Column("float64", "attribution score: sum over the song's windows", "of the method"),
        "best": Column("float64", "largest score of one window", "of the method"),
        "segment": Column("int64", "window with that score"),
    },
    key=("method", "query_id", "song_id"),
    description="Attribution score of every song for every query, by every method.",
)

TRUTH = Table(
    "counterfactual values",
    {
        "set": Column("string", "set of songs that the model was fine-tuned on"),
        "seed": Column("int64", "seed of the training"),
        "songs": Column("strings", "songs of the set"),
        "query_id": Column("string", "clip"),
        "value": Column("float64", "mean log-likelihood of the clip's tokens under that model", "nats"),
    },
    key=("set", "seed", "query_id"),
    description="What retrained models think of the queries.",
)

JUDGEMENT = Table(
    "attribution judgement",
    {
        "method": Column("string", "how the scores were computed"),
        "measure": Column("string", "lds, auroc, top1, recall, mean_rank, decoy_auroc, loo_agreement, …"),
        "value": Column("float64", "the estimate"),
        "low": Column("float64", "lower end of the 95 % interval", nullable=True),
        "high": Column("float64", "upper end of the 95 % interval", nullable=True),
        "n": Column("int64", "independent items behind it"),
    },
    key=("method", "measure"),
    description="How well the scores of each method agree with the truth.",
)

EXPERIMENT = Table(
    "attribution experiment",
    {
        "experiment": Column("string", "1, 3 or 4"),
        "query_id": Column("string", "clip"),
        "prompt": Column("string", "caption"),
        "seed": Column("int64", "seed of the sampling"),
        "duration": Column("float64", "length of the clip", "s"),
        "song_id": Column("string", "training song"),
        "score": Column("float64", "attribution score"),
        "share": Column("float64", "positive scores of a clip, as shares of their sum"),
    },
    key=("experiment", "query_id", "song_id"),
    description="Scores of the training songs for the clips of an experiment.",
)
