"""Files of the speech corpus."""

from sonoscope.contracts.tables import Column, Table

SPEAKER_ROLES = ("train", "validation", "test")

UTTERANCES = Table(
    "utterances",
    {
        "utterance_id": Column("string", "speaker-chapter-number, as the file is called"),
        "file": Column("string", "FLAC file, relative to the folder of the corpus"),
        "speaker_id": Column("string", "who speaks; splits never divide a speaker"),
        "sex": Column("string", "F or M"),
        "chapter_id": Column("string", "chapter that is read"),
        "subset": Column("string", "folder of the corpus that it is from"),
        "seconds": Column("float64", "length", "s"),
        "text": Column("string", "what is said, in capital letters"),
        "split": Column("string", "train, validation, test, or empty before they are drawn"),
    },
    key=("utterance_id",),
    description="Utterances of a corpus in LibriSpeech's layout, real or synthetic.",
)
