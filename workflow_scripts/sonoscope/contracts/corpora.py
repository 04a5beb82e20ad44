"""Files of the corpora of audio: rated clips (PMEmo, DEAM), songs with artists."""

from sonoscope.contracts.tables import Column, Table

RATED = Table(
    "rated_clips",
    {
        "clip_id": Column("string", "number of the song in its corpus"),
        "file": Column("string", "audio file, relative to the folder of the corpus"),
        "seconds": Column("float64", "length of the audio", "s"),
        "valence": Column("float64", "mean over raters, in [-1, 1]"),
        "arousal": Column("float64", "mean over raters, in [-1, 1]"),
        "valence_sd": Column("float64", "standard deviation over raters, on the same scale", nullable=True),
        "arousal_sd": Column("float64", "standard deviation over raters, on the same scale", nullable=True),
        "artist": Column("string", "who plays, empty where it is not known"),
        "split_group": Column("string", "artist, or the clip where no artist is known; splits never divide a group"),
    },
    key=("clip_id",),
    description="Clips of music with valence and arousal by raters, one scale for all corpora.",
)

RATED_FRAMES = Table(
    "rated_frames",
    {
        "clip_id": Column("string", "clip of `rated_clips`"),
        "time": Column("float64", "from the start of the clip", "s"),
        "valence": Column("float64", "mean over raters at that time, in [-1, 1]"),
        "arousal": Column("float64", "mean over raters at that time, in [-1, 1]"),
    },
    key=("clip_id", "time"),
    description="Ratings twice a second; the corpora leave the first 15 s out.",
)

SONGS = Table(
    "songs",
    {
        "song_id": Column("string", "path of the audio file in its corpus, without extension"),
        "file": Column("string", "audio file, relative to the folder of the corpus"),
        "artist": Column("string", "who made it, empty where it is not known"),
        "title": Column("string", "title, empty where it is not known"),
        "genre": Column("string", "genre, empty where it is not known"),
        "description": Column("string", "text that describes the song; the prompt it is trained with"),
        "tags": Column("strings", "keywords"),
        "seconds": Column("float64", "length of the audio", "s"),
        "sample_rate": Column("int64", "rate of the audio", "Hz"),
        "split_group": Column("string", "artist, or the song where no artist is known; splits never divide a group"),
    },
    key=("song_id",),
    description="Songs with artists, tags and descriptions.",
)

PROMPTS = Table(
    "emotion_prompts",
    {
        "id": Column("string", "name of the prompt"),
        "prompt": Column("string", "text for the model"),
        "emotion": Column("string", "emotion that it asks for"),
        "valence": Column("float64", "where that emotion lies, in [-1, 1]"),
        "arousal": Column("float64", "where that emotion lies, in [-1, 1]"),
        "template_id": Column("string", "template that it was made from; splits may hold templates out"),
    },
    key=("id",),
    description="Prompts that ask for emotions.",
)
