"""Kinds of clips whose training songs are asked for."""

import pandas as pd

PROMPTED, UNPROMPTED, HELD_OUT = "songs", "unprompted", "held_out"
"""Kinds of clips of the fine-tune on many songs: of songs' captions; of none; real ones, of later parts of the songs.

The last two are asked about without a caption, so that nothing but the sound can tell.
"""
MANY = (PROMPTED, UNPROMPTED, HELD_OUT)


def asked_of(frame: pd.DataFrame, store: str) -> set[str]:
    """Clips that are embedded into a store, by its name: songs, base, pair-0, which has those of experiments too."""
    if store in ("songs", "base"):
        chosen = frame.kind.isin(MANY)
    else:
        chosen = frame.kind.isin([store, f"{store}-{HELD_OUT}"])
        if store == "pair-0":
            chosen |= frame.kind.str.startswith("experiment_")
    return {str(q) for q in frame.query_id[chosen]}
